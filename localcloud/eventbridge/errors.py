"""Why an event doesn't reach a target."""


class DeliveryError(Exception):
    """An event or record can't reach its destination; `code` is the service's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
