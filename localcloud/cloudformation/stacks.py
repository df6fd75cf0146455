"""CloudFormation: the Serverless transform, updates that find every change, rollbacks with their reason.

moto's engine creates resources lazily while it resolves references. What is replaced here: an update compares
what every resource resolves to (moto compares the text of the templates, and so misses changed parameters),
failures roll back as AWS does, and every resource has its stack events.
"""

import contextlib
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from localcloud.cloudformation.errors import ResourceError, TemplateError
from localcloud.cloudformation.refusals import failing_loudly
from localcloud.cloudformation.resource_lifecycle import StackResources
from localcloud.cloudformation.sam import parse, resolve_parameters, translate
from localcloud.cloudformation.statuses import INITIATED, ONLY_TO_DELETE
from localcloud.core.cloud import Cloud


class StackEngine:
    """moto's CloudFormation with the replacements that this module's docstring names."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        backend = models.CloudFormationBackend
        self._create: Any = cloud.patch(backend, "create_stack", failing_loudly(self.create_stack))
        cloud.patch(backend, "update_stack", failing_loudly(self.update_stack))
        cloud.patch(backend, "delete_stack", failing_loudly(self.delete_stack))
        cloud.patch(CloudFormationResponse, "get_template", failing_loudly(self.get_template))
        self.resources = StackResources(cloud)
        self.originals: dict[str, str] = {}  # stack id → its template as it was sent

    def get_template(self, response: Any) -> ActionResult:
        """A stack's template as it was sent, or without Serverless resources.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
        """
        stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
        sent = self.originals.get(stack.stack_id, stack.template)
        processed = response._get_param("TemplateStage") == "Processed"
        body = stack.template if processed else sent
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def create_stack(
        self, backend: Any, name: str, template: str, parameters: dict[str, str], **options: Any
    ) -> Any:
        """Create a stack; one that fails is rolled back and stays, as ROLLBACK_COMPLETE."""
        text, values = self.prepare(name, template, parameters)
        if name in [stack.name for stack in backend.stacks.values()]:
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        try:
            stack = self._create(backend, name=name, template=text, parameters=values, **options)
            self.cloud.log_activity("stack", name, stack.status)
        except ResourceError as error:
            stack = backend.get_stack(name)
            self._roll_back_creation(stack, error)
        self.originals[stack.stack_id] = template
        return stack

    def create_in_place(
        self, backend: Any, stack: Any, template: str, parameters: dict[str, str], tags: Any
    ) -> bool:
        """Fill the empty stack of a change set; False when it was rolled back, as in `create_stack`."""
        events = stack.events
        stack.__init__(  # moto reads a template only while it makes a stack
            stack.stack_id, stack.name, template, parameters, stack.account_id, stack.region_name, tags=tags
        )
        stack.events = events
        stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason=INITIATED)
        try:
            stack.create_resources()
            backend._validate_export_uniqueness(stack)
        except ResourceError as error:
            self._roll_back_creation(stack, error)
            return False
        for export in stack.exports:
            backend.exports[export.name] = export
        self.cloud.log_activity("stack", stack.name, stack.status)
        return True

    def update_stack(
        self, backend: Any, name: str, template: str, role_arn: str | None, parameters: Any, tags: Any
    ) -> Any:
        """Update a stack; one that fails goes back to what it was, as UPDATE_ROLLBACK_COMPLETE."""
        stack = backend.get_stack(name)
        self.refuse_update(stack)
        given = backend._resolve_update_parameters(instance=stack, incoming_params=parameters)
        text, values = self.prepare(name, template, given)
        if (text, values) == (stack.template, stack.parameters):
            raise ValidationError(message="No updates are to be performed.")
        if self.change(stack, text, values, role_arn, tags):
            self.originals[stack.stack_id] = template
        return stack

    def change(self, stack: Any, text: str, values: dict[str, str], role_arn: str | None, tags: Any) -> bool:
        """Bring a stack to a prepared template; False when it was rolled back."""
        before = stack.template, stack.template_dict, stack.parameters
        stack._add_stack_event("UPDATE_IN_PROGRESS", resource_status_reason=INITIATED)
        stack.template, stack.parameters, stack.role_arn = text, values, role_arn
        stack.tags = tags or stack.tags
        stack._parse_template()
        try:
            gone = self.converge(stack.resource_map, stack.template_dict, values)
            stack.output_map = stack._create_output_map()
        except ResourceError as error:
            stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", resource_status_reason=str(error))
            stack.template, stack.template_dict, stack.parameters = before
            self._roll_back_update(stack)
            return False
        self.resources.clean_up(stack.resource_map, gone)
        self._settle(stack, "UPDATE_COMPLETE")
        return True

    @staticmethod
    def refuse_update(stack: Any) -> None:
        """Raise ValidationError for a stack whose creation or deletion has failed: it can only be deleted."""
        if stack.status in ONLY_TO_DELETE:
            raise ValidationError(
                message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
            )

    def delete_stack(self, backend: Any, name_or_stack_id: str) -> None:
        """Delete a stack with its resources; one that fails stays, as DELETE_FAILED, with what is left of it.

        A stack that doesn't exist is deleted already, as in AWS.
        """
        for stack in list(backend.stacks.values()):
            if name_or_stack_id not in (stack.name, stack.stack_id):
                continue
            exports = [export.name for export in stack.exports]
            stack._add_stack_event("DELETE_IN_PROGRESS", resource_status_reason=INITIATED)
            if not self._clear(stack, just_created=False):
                self._settle(stack, "DELETE_FAILED")
                continue
            self._settle(stack, "DELETE_COMPLETE")
            backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
            for name in exports:
                backend.exports.pop(name, None)

    def converge(
        self, resource_map: Any, template: dict[str, Any], parameters: dict[str, str]
    ) -> dict[str, Any]:
        """Create and change until all that `template` declares exists; return what it no longer declares."""
        before = dict(resource_map._resource_json_map)
        resource_map._template, resource_map.input_parameters = template, parameters
        resource_map._resource_json_map = template["Resources"]
        resource_map.load_mapping()
        resource_map.load_parameters()
        resource_map.load_conditions()
        wanted = [
            logical_id
            for logical_id, resource in template["Resources"].items()
            if "Condition" not in resource or resource_map.lazy_condition_map[resource["Condition"]]
        ]
        while [
            logical_id for logical_id in wanted if self.resources.bring_up_to_date(resource_map, logical_id)
        ]:
            pass  # a change may show in the resources that refer to it: go round until nothing changes
        return {name: resource for name, resource in before.items() if name not in wanted}

    def _roll_back_creation(self, stack: Any, error: ResourceError) -> None:
        stack._add_stack_event("ROLLBACK_IN_PROGRESS", resource_status_reason=str(error))
        cleared = self._clear(stack, just_created=True)
        self._settle(stack, "ROLLBACK_COMPLETE" if cleared else "ROLLBACK_FAILED")

    def _roll_back_update(self, stack: Any) -> None:
        """Bring back what was before an update, once the stack has its former template and parameters."""
        try:
            self.resources.restore(stack.resource_map)
            gone = self.converge(stack.resource_map, stack.template_dict, stack.parameters)
        except ResourceError:  # its event has the reason
            self._settle(stack, "UPDATE_ROLLBACK_FAILED")
        else:
            self.resources.clean_up(stack.resource_map, gone, just_created=True)
            self._settle(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _clear(self, stack: Any, *, just_created: bool) -> bool:
        """Delete a stack's resources, the last one first; False when some could not be deleted."""
        resource_map, resources = stack.resource_map, stack.resource_map._resource_json_map
        left = [name for name in reversed(resource_map._parsed_resources) if name in resources]
        for logical_id in list(left):
            with contextlib.suppress(ResourceError):  # its event has the reason
                self.resources.delete(
                    resource_map, logical_id, resources[logical_id], just_created=just_created
                )
                left.remove(logical_id)
        # moto creates again whatever a stack still names, when it is described
        resource_map._resource_json_map = {logical_id: resources[logical_id] for logical_id in left}
        stack.output_map = parsing.OutputMap(resource_map, {}, stack.stack_id)
        return not left

    def prepare(self, name: str, template: str, parameters: dict[str, str]) -> tuple[str, dict[str, str]]:
        """A template without Serverless resources, and all its parameters; ValidationError for a bad one."""
        context = {
            "AWS::AccountId": self.cloud.account_id,
            "AWS::Partition": "aws",
            "AWS::Region": self.cloud.region,
            "AWS::StackName": name,
        }
        try:
            document = parse(template)
            values = resolve_parameters(document, parameters)
            return translate(document, values, context), values
        except TemplateError as error:
            raise ValidationError(message=str(error)) from error

    def _settle(self, stack: Any, status: str) -> None:
        stack.status = status
        stack._add_stack_event(status)
        self.cloud.log_activity("stack", stack.name, status)
