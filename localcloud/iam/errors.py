"""What IAM refuses, and what the local cloud can't decide."""


class PolicyError(ValueError):
    """A policy holds what the local cloud can't decide; the message names it."""


class UnknownRequestError(Exception):
    """A role asks for something whose permissions the local cloud doesn't know."""


class DeniedError(Exception):
    """A role's policies don't allow a request; the message is AWS's."""

    def __init__(self, caller: str, action: str, resource: str) -> None:
        super().__init__(
            f"User: {caller} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )
