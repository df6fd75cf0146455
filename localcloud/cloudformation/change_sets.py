"""CloudFormation's change sets, through which `sam deploy` and the console deploy.

moto applies a change set without its parameters' defaults, forgets the outputs and answers a failing resource
with a stack that is stuck. Here a change set is a stack's operation like any other, carried out within the
request that executes it. Upstream: moto.cloudformation.models, CloudFormationBackend.execute_change_set.
"""

import json
import re
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import ValidationError

from localcloud.cloudformation.refusals import failing_loudly
from localcloud.cloudformation.stacks import StackEngine
from localcloud.cloudformation.statuses import REVIEW
from localcloud.core.cloud import Cloud

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class ChangeSets:
    """Makes and executes change sets; a stack that a change set is to create is empty until then."""

    def __init__(self, cloud: Cloud, engine: StackEngine) -> None:
        self.engine = engine
        backend = models.CloudFormationBackend
        self._make: Any = cloud.patch(backend, "create_change_set", failing_loudly(self.create))
        cloud.patch(backend, "execute_change_set", failing_loudly(self.execute))
        cloud.patch(models.ChangeSet, "diff", differences)

    def create(
        self,
        backend: Any,
        stack_name: str,
        change_set_name: str,
        template: str,
        parameters: dict[str, str],
        description: str,
        change_set_type: str,
        **options: Any,
    ) -> tuple[str, str]:
        """Make a change set; one that would change nothing is FAILED, as in AWS."""
        stack = next((stack for stack in backend.stacks.values() if stack.name == stack_name), None)
        given = {  # a previous value that is a number has been read as one by moto
            name: value if isinstance(value, str) or stack is None else stack.parameters[name]
            for name, value in parameters.items()
        }
        text, values = self.engine.prepare(stack_name, template, given)
        if change_set_type == "UPDATE" and stack is not None:
            self.engine.refuse_update(stack)
        elif stack is not None and stack.status != REVIEW:
            raise ValidationError(
                message=f"Stack [{stack_name}] already exists and cannot be created again with the changeSet "
                f"[{change_set_name}]."
            )
        elif stack is not None:
            del backend.stacks[stack.stack_id]
        change_set_id, stack_id = self._make(
            backend, stack_name, change_set_name, text, values, description, change_set_type, **options
        )
        change_set = backend.change_sets[change_set_id]
        change_set.original = template
        if change_set_type == "UPDATE" and not change_set.changes:
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.status_reason = NO_CHANGES
        return change_set_id, stack_id

    def execute(self, backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
        """Create or update the stack; a failure rolls it back, and its events say why."""
        change_set = self._find(backend, change_set_name, stack_name)
        if change_set.execution_status != "AVAILABLE":
            raise _not_available(change_set)
        stack = backend.stacks[change_set.stack_id]
        before = self.engine.originals.get(stack.stack_id)
        self.engine.originals[stack.stack_id] = change_set.original
        if change_set.change_set_type == "CREATE":
            done = self.engine.create_in_place(
                backend, stack, change_set.template, change_set.parameters, change_set.tags
            )
        else:
            done = self.engine.change(
                stack, change_set.template, change_set.parameters, change_set.role_arn, change_set.tags
            )
            if not done and before is not None:
                self.engine.originals[stack.stack_id] = before
        change_set.execution_status = "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED"

    @staticmethod
    def _find(backend: Any, change_set_name: str, stack_name: str | None) -> Any:
        """The change set of this ARN, or of this name and stack: names are unique within a stack only."""
        for identifier, change_set in backend.change_sets.items():
            named = change_set.change_set_name == change_set_name
            if identifier == change_set_name or (
                named and stack_name in (None, change_set.stack_name, change_set.stack_id)
            ):
                return change_set
        raise ValidationError(message=f"ChangeSet [{change_set_name}] does not exist")


def _not_available(change_set: Any) -> ValidationError:
    """What AWS answers when a change set can't be executed."""
    return ValidationError(
        message=f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
        f"[{change_set.status}]"
    )


def differences(change_set: Any) -> list[models.Change]:
    """What a change set would do: a resource changes when its text does, or a parameter that it names.

    A resource that changes only because another one does is not among them.
    """
    stack = change_set.stack
    before = _wanted(stack, stack.template, stack.parameters) if stack.template else {}
    after = _wanted(stack, change_set.template, change_set.parameters)
    changed = [name for name, value in change_set.parameters.items() if stack.parameters.get(name) != value]
    naming = re.compile("|".join(rf'"Ref": "{name}"|\${{{name}}}' for name in changed) or r"(?!)")
    changes = []
    for logical_id, resource in {**before, **after}.items():
        if logical_id not in before:
            action = "Add"
        elif logical_id not in after:
            action = "Remove"
        elif resource != before[logical_id] or naming.search(json.dumps(resource)):
            action = "Modify"
        else:
            continue
        changes.append(models.Change(action, logical_id, resource["Type"]))
    return changes


def _wanted(stack: Any, template: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The resources of a prepared template whose conditions hold, by logical id."""
    document = json.loads(template)  # moto writes into the one that it has read
    resource_map = parsing.ResourceMap(
        stack.stack_id, stack.name, parameters, {}, stack.account_id, stack.region_name, document, {}
    )
    resource_map.load_parameters()
    resource_map.load_conditions()
    return {
        logical_id: resource
        for logical_id, resource in document["Resources"].items()
        if "Condition" not in resource or resource_map.lazy_condition_map[resource["Condition"]]
    }
