"""What SageMaker says of what doesn't exist, and of names that are taken."""

import pytest
from botocore.exceptions import ClientError

from batch_prediction.aws.sagemaker import describe_or_none, verify_same_request


def error(code: str, message: str) -> ClientError:
    """SageMaker's answer to a Describe request."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeX")


def raising(answer: ClientError) -> None:
    """A Describe request that is answered so."""
    raise answer


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFound", "any text"),
        ("ValidationException", "Could not find requested job with name: digits-1"),
        ("ValidationException", 'Could not find model "digits-1".'),
        ("ValidationException", "Requested resource not found."),
        ("ValidationException", "ModelPackage arn:… does not exist."),
        ("ValidationException", "Model Not Found"),
    ],
)
def test_what_does_not_exist_is_none(code: str, message: str) -> None:
    """SageMaker has a code for tuning jobs, and a sentence for everything else."""
    assert describe_or_none(lambda: raising(error(code, message))) is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "1 validation error detected"),
        ("ThrottlingException", "Rate exceeded; not found in time"),
        ("AccessDeniedException", "is not authorized: resource not found"),
    ],
)
def test_any_other_answer_is_an_error(code: str, message: str) -> None:
    """Throttled, denied and malformed questions say nothing of whether something exists."""
    with pytest.raises(ClientError, match=code):
        describe_or_none(lambda: raising(error(code, message)))


def test_the_same_request_may_have_been_answered_with_more() -> None:
    """A description has what was asked for, and defaults that nobody asked for."""
    request = {"Output": {"S3OutputPath": "s3://b/"}, "Count": 1}
    verify_same_request("job x", None, request, {**request, "Output": {"S3OutputPath": "s3://b/", "Kms": ""}})


def test_another_request_is_an_error_that_names_the_difference() -> None:
    """Where it lies, what was expected and what was found, with SageMaker's refusal as the cause."""
    refusal = error("ResourceInUse", "taken")
    with pytest.raises(
        RuntimeError, match=r"job x: the name is taken .*Output\.S3: expected 'a', found 'b'"
    ) as found:
        verify_same_request("job x", refusal, {"Output": {"S3": "a"}}, {"Output": {"S3": "b"}})
    assert found.value.__cause__ is refusal


def test_a_difference_is_found_wherever_it_lies() -> None:
    """Behind what is the same, and where something is missing altogether; a whole value is shown."""
    same = {"A": 1, "B": {"C": [1]}}
    with pytest.raises(RuntimeError, match=r"; D\.E: expected 2, found None$"):
        verify_same_request("x", None, same | {"D": {"E": 2}}, same | {"D": {}})
    with pytest.raises(RuntimeError, match=r"; D: expected \{'E': 2\}, found None$"):
        verify_same_request("x", None, same | {"D": {"E": 2}}, same)
