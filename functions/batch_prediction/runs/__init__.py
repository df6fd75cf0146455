"""The state of a run, and what it needs next: shared by start_transform, write_report and the sweep."""
