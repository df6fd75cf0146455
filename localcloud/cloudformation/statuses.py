"""Words of CloudFormation's stack events that both sides of a deployment read."""

INITIATED = "User Initiated"  # the reason of a stack's first event of an operation
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
ONLY_TO_DELETE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
REVIEW = "REVIEW_IN_PROGRESS"  # a stack that a change set is to create
