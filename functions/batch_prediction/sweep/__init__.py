"""What the sweep does: what is overdue, and what to request about it."""
