"""What CloudFormation refuses in the local cloud."""


class TemplateError(Exception):
    """A template or its parameters can't be deployed; the message names the place and what to change."""


class PropertyRefusedError(Exception):
    """A property of a resource is missing, malformed, or unknown to the local cloud."""


class ResourceError(Exception):
    """A resource of a stack could not be made, changed or deleted."""
