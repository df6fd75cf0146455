"""IAM: requests under a role's credentials are decided by the role's policies."""
