"""From a tuning job to a registered model package."""
