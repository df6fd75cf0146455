"""The part of the local cloud that knows no AWS service."""
