"""Why a function can't run here."""


class UnsupportedRuntimeError(Exception):
    """A function is made for another Python or another processor than this machine's."""


class SandboxError(Exception):
    """A function's folders can't be made; the message says what is missing or broken."""
