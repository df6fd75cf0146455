"""A model that needs no torch and sees a seven everywhere: for tests of what happens around the model."""

import io
import tarfile

from batch_prediction.models.registry import CONTENT_TYPE, SERVING_ENVIRONMENT
from tests.stack import IMAGE, Stack

INFERENCE = b"""
import json

def model_fn(folder):
    return folder

def input_fn(body, content_type):
    return [json.loads(line) for line in body.splitlines()]

def predict_fn(records, model):
    return [{"label": 7, "confidence": 1.0} for record in records]

def output_fn(predictions, accept):
    return "".join(json.dumps(prediction) + "\\n" for prediction in predictions)
"""
# Waits for ever at a batch whose name begins with "stuck".
STUCK = INFERENCE.replace(
    b"def predict_fn(records, model):",
    b"""def predict_fn(records, model):
    if "/stuck" in records[0]["source-ref"]:
        import time
        time.sleep(3600)""",
)
# The same, with the probabilities of all labels: whatever isn't labelled 7 is suspected to be.
SURE = STUCK.replace(
    b'{"label": 7, "confidence": 1.0}',
    b'{"label": 7, "confidence": 0.991, "probabilities": [0.001] * 7 + [0.991] + [0.001] * 2}',
)


def approve(stack: Stack, inference: bytes = INFERENCE) -> None:
    """Register an approved package with this inference file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(inference)
        archive.addfile(member, io.BytesIO(inference))
    stack.put("models/first/output/model.tar.gz", packed.getvalue())
    stack.sagemaker.create_model_package(
        ModelPackageGroupName=stack.outputs["ModelPackageGroupName"],
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://{stack.bucket}/models/first/output/model.tar.gz",
                    "Environment": SERVING_ENVIRONMENT,
                }
            ],
            "SupportedContentTypes": [CONTENT_TYPE],
            "SupportedResponseMIMETypes": [CONTENT_TYPE],
        },
    )
