"""Labels as SageMaker Ground Truth writes them.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html: beside the label's attribute, of any
name, stands `<name>-metadata` with the class's name; the attribute itself is the class's index as text. A
class's name counts more than its index, as a list of classes may have any order. Lines may lack both, and the
confidence, which is 0 where one person labelled, says nothing here.
"""

from collections.abc import Mapping

from batch_prediction import labels
from batch_prediction.manifests.columns import LABEL

METADATA = "-metadata"
_MAX_CLASSES = 100  # whose names are remembered, for lines without metadata


class GroundTruth:
    """The label's attribute, as far as it is known, and the classes that have been seen."""

    def __init__(self) -> None:
        """Nothing is known before a line has been seen."""
        self.attribute: str | None = None
        self.by: dict[str, None] = {}  # how labels were found, in the order of their first use
        self._classes: dict[str, int] = {}

    def learn(self, row: Mapping[str, object]) -> None:
        """Take the attribute of the first line that has one; of several, the one that is called `label`."""
        if self.attribute is None and (found := attributes(row)):
            self.attribute = LABEL if LABEL in found else found[0]

    def parse(self, row: Mapping[str, object], value: object) -> int:
        """The label of a line whose attribute has this value; ValueError for none of ours."""
        if self.attribute != LABEL and len(found := attributes(row)) > 1:
            shown = " and ".join(f"`{name[:40]}`" for name in found[:2])
            raise ValueError(f"label: expected one attribute of Ground Truth, found {shown}: keep one")
        about = row.get(f"{self.attribute}{METADATA}")
        details = about if isinstance(about, dict) else {}
        if "failure-reason" in details:
            raise ValueError("label: Ground Truth gives none, but a failure-reason")
        index = str(value) if isinstance(value, str | int) else None
        name = details.get("class-name")
        if isinstance(name, str):
            label = labels.parse(name)
            if index is not None and len(self._classes) < _MAX_CLASSES:
                self._classes[index] = label
            self.by["by class name"] = None
            return label
        self.by["by index"] = None
        if index in self._classes:
            return self._classes[index]
        label = labels.parse(value)
        if any(str(known) != place for place, known in self._classes.items()):
            raise ValueError(f"label: expected a class-name, as other lines have one, found index {label}")
        return label


def attributes(row: Mapping[str, object]) -> list[str]:
    """The fields of a line that have a partner `<name>-metadata`."""
    partners = [name.removesuffix(METADATA) for name in row if name.endswith(METADATA)]
    return [name for name in partners if name in row]
