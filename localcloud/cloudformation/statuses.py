"""Words of CloudFormation's answers and stack events that both sides of a deployment read."""

INITIATED = "User Initiated"  # the reason of a stack's first event of an operation
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
INTERNAL_FAILURE = "InternalFailure"
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
ONLY_TO_DELETE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
REVIEW = "REVIEW_IN_PROGRESS"  # a stack that a change set is to create
