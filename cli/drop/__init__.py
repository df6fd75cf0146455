"""`digits drop`: a batch from this machine into the bucket, and its run to the report."""
