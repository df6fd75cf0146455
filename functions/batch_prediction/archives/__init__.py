"""Archives in S3: what is in one, and reading members in place."""
