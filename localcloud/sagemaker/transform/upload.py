"""An output object on its way to S3: a multipart upload, so that nothing can be seen of it before its end.

SageMaker uploads results so, and removes them where an error occurs; a lifecycle rule is for what a failing
network leaves behind: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from pathlib import Path
from typing import Any

from localcloud.sagemaker.transform.settings import MEBIBYTE

PART = 8 * MEBIBYTE  # S3 takes none below 5, but the last


class Upload:
    """One multipart upload: begun when its object is, and completed or aborted."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._s3, self._place = s3, {"Bucket": bucket, "Key": key}
        self._place["UploadId"] = s3.create_multipart_upload(**self._place)["UploadId"]

    def complete(self, file: Path) -> None:
        """Send a file's bytes, and make the object of them."""
        parts: list[dict[str, Any]] = []
        with file.open("rb") as content:
            while (body := content.read(PART)) or not parts:
                number = len(parts) + 1
                sent = self._s3.upload_part(**self._place, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._s3.complete_multipart_upload(**self._place, MultipartUpload={"Parts": parts})

    def abort(self) -> None:
        """Remove what has been sent."""
        self._s3.abort_multipart_upload(**self._place)
