"""The stack's outputs, by which people, `digits` and docs/operations.md find what it is made of."""

import pytest

from tests.template.deployed import BUCKET, arn, deployed
from tests.template.document import template

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
VALUES = {
    "BucketName": BUCKET,
    "DropBatchesAt": f"s3://{BUCKET}/incoming/",
    "ReadReportsAt": f"s3://{BUCKET}/reports/",
    "ModelPackageGroupName": "digits",
    "SageMakerRoleArn": arn("SageMakerRole"),
    "UploadQueueArn": arn("UploadQueue"),
    "UploadDeadLettersUrl": f"{URL}UploadDeadLetters",
    "UploadDeadLettersArn": arn("UploadDeadLetters"),
    "ReportQueueArn": arn("ReportQueue"),
    "ReportQueueUrl": f"{URL}ReportQueue",
    "ReportDeadLettersUrl": f"{URL}ReportDeadLetters",
    "ReportDeadLettersArn": arn("ReportDeadLetters"),
    "TrainingDeadLettersUrl": f"{URL}TrainingDeadLetters",
    "SweepDeadLettersUrl": f"{URL}SweepDeadLetters",
    "NotificationsTopicArn": "arn:aws:sns:us-east-1:123456789012:Notifications",
}


@pytest.mark.parametrize("name", VALUES)
def test_an_output_names_what_its_name_says(name: str) -> None:
    """A redrive needs ARNs, a look into a queue its URL."""
    output = template()["Outputs"][name]
    assert output.keys() == {"Description", "Value"}
    assert deployed(output["Value"]) == VALUES[name]


def test_every_output_is_in_the_table() -> None:
    """A new one is a promise, and has a row above."""
    assert set(template()["Outputs"]) == set(VALUES)
