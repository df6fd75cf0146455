"""What start_transform does: from a manifest to a transform job."""
