"""Digit Batch's domain: from an uploaded manifest to an accuracy report. Imports no handler."""
