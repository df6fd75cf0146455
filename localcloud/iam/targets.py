"""Whether a queue or a function lets a rule send to it: the queue's policy, the function's permissions.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

import json
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.sqs.models import sqs_backends

from localcloud.core.cloud import Cloud
from localcloud.iam.policy_evaluation import Request, allows, read

EVENTS = "events.amazonaws.com"
SENDING = {"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}


def refusal(cloud: Cloud, rule_arn: str, target_arn: str) -> str | None:
    """Why a target refuses a rule's events; None when it accepts, doesn't exist or is of another kind."""
    service = target_arn.split(":")[2] if target_arn.count(":") > 4 else ""
    policy = _policy(cloud, service, target_arn)
    if policy is None:
        return None
    context = (
        ("aws:sourcearn", rule_arn),
        ("aws:sourceaccount", cloud.account_id),
        ("aws:securetransport", "true"),
    )
    request = Request(SENDING[service], target_arn, context, EVENTS)
    if policy and allows(read(policy), request):
        return None
    where = (
        "queue's policy (AWS::SQS::QueuePolicy)" if service == "sqs" else "function (AWS::Lambda::Permission)"
    )
    return (
        f"not authorized: {request.action} on {target_arn} by {EVENTS}, for the rule {rule_arn}. The {where} "
        "has to allow it, with that rule as aws:SourceArn"
    )


def _policy(cloud: Cloud, service: str, arn: str) -> str | None:
    """A target's policy as JSON, empty without one; None for one that doesn't exist or is of another kind."""
    if service == "sqs":
        queue = sqs_backends[cloud.account_id][cloud.region].queues.get(arn.rsplit(":", 1)[-1])
        return None if queue is None else _text(queue.policy)
    if service == "lambda":
        try:
            function: Any = lambda_backends[cloud.account_id][cloud.region].get_function(arn)
        except UnknownFunctionException:
            return None
        statements = [  # moto keeps a request's FunctionName in them
            {key: value for key, value in statement.items() if key != "FunctionName"}
            for statement in function.policy.statements
        ]
        return _text({"Statement": statements}) if statements else ""
    return None


def _text(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy) if policy else ""
