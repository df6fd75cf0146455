"""Shorthands for deploying small stacks to a running cloud and watching them."""

import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.core.activity import Activity
from localcloud.core.cloud import Cloud
from localcloud.deploy import deploy
from tests.wait import until

HEADER = """\
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  PythonRuntime: {Type: String, Default: python3.13}
  Architecture: {Type: String, Default: x86_64}
Globals:
  Function:
    Runtime: !Ref PythonRuntime
    Architectures: [!Ref Architecture]
    CodeUri: functions/
    Timeout: 30
"""


@dataclass
class Account:
    """A cloud, its activities, and a folder for templates and functions."""

    cloud: Cloud
    folder: Path
    activities: list[Activity] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """Where the functions' packages are kept."""
        return self.folder / "state"

    def write(self, resources: str, functions: str = "", header: str = HEADER) -> Path:
        """Write a template of these resources, and app.py for its functions; return the template's path."""
        (self.folder / "functions").mkdir(exist_ok=True)
        (self.folder / "functions" / "app.py").write_text(textwrap.dedent(functions))
        template = self.folder / "template.yaml"
        template.write_text(header + textwrap.dedent(resources))
        return template

    def deploy(
        self, name: str, resources: str, functions: str = "", header: str = HEADER, **parameters: str
    ) -> dict[str, str]:
        """Deploy a stack and return its outputs."""
        return deploy(self.cloud, self.write(resources, functions, header), name, parameters, self.state)

    def invoke(self, function: str, event: Any = None) -> tuple[Any, str | None]:
        """Invoke a function and return its answer and its error's kind, None after success."""
        answer = self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def messages(self, queue_url: str, count: int = 1) -> list[dict[str, Any]]:
        """Take messages out of a queue until there are `count` of them, and return them."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            sqs = self.cloud.client("sqs")
            answer = sqs.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                found.append(message)
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        until(enough)
        return found

    def logged(self, kind: str, name: str = "") -> list[str]:
        """The texts of the cloud's activities of one kind, for names that contain `name`."""
        return [one.text for one in self.activities if one.kind == kind and name in one.name]


HELLO = "def handler(event, context):\n    return 'hello'\n"
