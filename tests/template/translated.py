"""What SAM makes of template.yaml: as the local cloud translates it, and for tools that know no SAM.

`python -m tests.template.translated FILE` writes it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from localcloud.cloudformation.sam import resolve_parameters, translate
from tests.template.deployed import ACCOUNT, REGION
from tests.template.document import template

CONTEXT = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "digits",
}


def translated() -> dict[str, Any]:
    """The template without Serverless resources; SAM asks AWS_DEFAULT_REGION which region it is for."""
    document: dict[str, Any] = json.loads(json.dumps(template()))
    document["Globals"]["Function"]["CodeUri"] = {"Bucket": "uploaded", "Key": "functions.zip"}
    found: dict[str, Any] = json.loads(translate(document, resolve_parameters(document, {}), CONTEXT))
    return found


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = REGION
    file = Path(sys.argv[1])
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(translated(), indent=1))
