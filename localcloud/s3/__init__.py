"""S3: its events, and what moto does otherwise."""
