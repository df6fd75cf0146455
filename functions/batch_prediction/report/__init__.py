"""What write_report does: from a transform job to a report."""
