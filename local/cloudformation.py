"""CloudFormation: the Serverless transform, updates that find every change, rollbacks with their reason.

moto's engine creates resources lazily while it resolves references. What is replaced here: an update compares
what every resource resolves to (moto compares the text of the templates, and so misses changed parameters),
failures roll back as AWS does, and every resource has its stack events.
"""

from collections.abc import Callable
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local.cloud import Cloud
from local.stack_resources import ResourceError, StackResources
from local.template import TemplateError, parse, resolve_parameters, translate


class StackEngine:
    """moto's CloudFormation with the replacements that this module's docstring names."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        backend = models.CloudFormationBackend
        self._create: Any = cloud.patch(backend, "create_stack", self._as_method(self.create_stack))
        cloud.patch(backend, "update_stack", self._as_method(self.update_stack))
        self.resources = StackResources(cloud)

    def create_stack(
        self, backend: Any, name: str, template: str, parameters: dict[str, str], **options: Any
    ) -> Any:
        """Create a stack; one that fails is rolled back and stays, as ROLLBACK_COMPLETE."""
        text, values = self._prepare(name, template, parameters)
        if name in [stack.name for stack in backend.stacks.values()]:
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        try:
            stack = self._create(backend, name=name, template=text, parameters=values, **options)
            self.cloud.tell("stack", name, stack.status)
        except ResourceError as error:
            stack = backend.get_stack(name)
            stack._add_stack_event("ROLLBACK_IN_PROGRESS", resource_status_reason=str(error))
            self._roll_back_creation(stack)
        return stack

    def update_stack(
        self, backend: Any, name: str, template: str, role_arn: str | None, parameters: Any, tags: Any
    ) -> Any:
        """Update a stack; one that fails goes back to what it was, as UPDATE_ROLLBACK_COMPLETE."""
        stack = backend.get_stack(name)
        given = backend._resolve_update_parameters(instance=stack, incoming_params=parameters)
        text, values = self._prepare(name, template, given)
        if (text, values) == (stack.template, stack.parameters):
            raise ValidationError(message="No updates are to be performed.")
        before = stack.template, stack.template_dict, stack.parameters
        stack._add_stack_event("UPDATE_IN_PROGRESS", resource_status_reason="User Initiated")
        stack.template, stack.parameters, stack.role_arn = text, values, role_arn
        stack.tags = tags or stack.tags
        stack._parse_template()
        try:
            self.converge(stack.resource_map, stack.template_dict, values)
            stack.output_map = stack._create_output_map()
        except ResourceError as error:
            stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", resource_status_reason=str(error))
            stack.template, stack.template_dict, stack.parameters = before
            try:
                self.converge(stack.resource_map, stack.template_dict, stack.parameters)
            except ResourceError:  # its event has the reason
                self._settle(stack, "UPDATE_ROLLBACK_FAILED")
            else:
                self._settle(stack, "UPDATE_ROLLBACK_COMPLETE")
        else:
            self._settle(stack, "UPDATE_COMPLETE")
        return stack

    def converge(self, resource_map: Any, template: dict[str, Any], parameters: dict[str, str]) -> None:
        """Create, change and delete until the stack's resources are those of `template`."""
        before = dict(resource_map._resource_json_map)
        resource_map._template, resource_map.input_parameters = template, parameters
        resource_map._resource_json_map = template["Resources"]
        resource_map.load_mapping()
        resource_map.load_parameters()
        resource_map.load_conditions()
        made = resource_map._parsed_resources
        wanted = [
            logical_id
            for logical_id, resource in template["Resources"].items()
            if "Condition" not in resource or resource_map.lazy_condition_map[resource["Condition"]]
        ]
        while [
            logical_id for logical_id in wanted if self.resources.bring_up_to_date(resource_map, logical_id)
        ]:
            pass  # a change may show in the resources that refer to it: go round until nothing changes
        for logical_id in [name for name in before if name in made and name not in wanted]:
            self.resources.delete(resource_map, logical_id, before[logical_id])

    @staticmethod
    def _as_method(replacement: Callable[..., Any]) -> Callable[..., Any]:
        """A function that a class binds: its instance becomes the first argument of `replacement`."""
        return lambda *args, **options: replacement(*args, **options)

    def _roll_back_creation(self, stack: Any) -> None:
        resources = stack.template_dict["Resources"]
        status = "ROLLBACK_COMPLETE"
        made = [name for name in stack.resource_map._parsed_resources if name in resources]
        for logical_id in reversed(made):
            try:
                self.resources.delete(stack.resource_map, logical_id, resources[logical_id])
            except ResourceError:
                status = "ROLLBACK_FAILED"
        # what a stack can still name, moto makes anew when it is described
        stack.resource_map._resource_json_map = {}
        stack.output_map = parsing.OutputMap(stack.resource_map, {}, stack.stack_id)
        self._settle(stack, status)

    def _prepare(self, name: str, template: str, parameters: dict[str, str]) -> tuple[str, dict[str, str]]:
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
        self.cloud.tell("stack", stack.name, status)


def plug_in(cloud: Cloud) -> None:
    """Replace moto's stack operations and register the resource types that it lacks."""
    StackEngine(cloud)
    # moto takes a statement whose Condition doesn't match for a Deny: bucket policies are kept, not evaluated
    cloud.patch(FakeBucket, "get_permission", lambda *_request: PermissionResult.NEUTRAL)
