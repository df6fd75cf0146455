"""CreateModel's refusals."""

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, IMAGE, ROLE, Account, unique


def test_a_name_is_used_once(account: Account) -> None:
    """A second model of the same name is refused in AWS's words, and the first stays as it is."""
    name = account.model()
    before = account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]
    message = f'Cannot create already existing model "arn:aws.*/{name}"'
    with pytest.raises(ClientError, match=message) as refusal:
        account.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": "other", "ModelDataUrl": account.put("other.tar.gz", b"")},
        )
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    assert account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"] == before


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/nothing.tar.gz"}, "Could not access model data"),
        ({"Image": IMAGE, "ModelDataUrl": "https://example.com/model.tar.gz"}, "Could not access model data"),
        ({"Image": IMAGE}, "no ModelDataUrl"),
        ({"ModelPackageName": "arn:aws:sagemaker:us-east-1:123456789012:model-package/none/1"}, "not found"),
    ],
)
def test_a_model_needs_its_artifact(account: Account, container: dict[str, str], message: str) -> None:
    """A model without a readable artifact is refused when it is created, not when it is used."""
    with pytest.raises(ClientError, match=message):
        account.sagemaker.create_model(
            ModelName=unique("model"), ExecutionRoleArn=ROLE, PrimaryContainer=container
        )


def test_a_deleted_models_name_is_free(account: Account) -> None:
    """After DeleteModel the name can be used again."""
    name = account.model()
    address = account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"]
    account.sagemaker.delete_model(ModelName=name)
    account.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "new", "ModelDataUrl": address}
    )
    assert account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["Image"] == "new"
