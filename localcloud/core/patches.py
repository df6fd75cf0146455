"""Changes moto and botocore from inside, and undoes every change."""

from typing import Any

ABSENT = object()  # the original of a name that its owner lacked


class Patches:
    """The attributes that are replaced; `made` has the owner, the name and the original of each."""

    def __init__(self) -> None:
        self.made: list[tuple[object, str, Any]] = []

    def make(self, owner: object, name: str, replacement: object, *, new: bool) -> Any:
        """Replace an attribute and return the original; None for a `new` one, which `owner` may lack."""
        original = getattr(owner, name, None) if new else getattr(owner, name)
        self.made.append((owner, name, vars(owner).get(name, ABSENT)))
        setattr(owner, name, replacement)
        return original

    def undo(self) -> None:
        """Restore every original, the last change first."""
        while self.made:
            owner, name, original = self.made.pop()
            if original is ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
