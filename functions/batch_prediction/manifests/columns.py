"""Which of a row's fields names the image, and which one is the label.

The first name of each list that a row has, whatever its case, blanks, hyphens and underscores; `source-ref`
and `file_name` are both looked at, as a line may have either.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

EXACT = ("source-ref", "file_name")
LABEL = "label"
IMAGES = (
    *EXACT,
    "file_path",
    "image_path",
    "image_file",
    "image_file_name",
    "image_name",
    "image",
    "img",
    "img_path",
    "img_name",
    "path",
    "file",
    "s3_uri",
    "image_uri",
    "image_url",
    "uri",
    "url",
    "s3_key",
    "object_key",
    "key",
    "name",
)
LABELS = (
    LABEL,
    "labels",
    "digit",
    "class",
    "class_label",
    "class_name",
    "class_id",
    "class_index",
    "target",
    "category",
    "category_name",
    "ground_truth",
    "gt",
    "true_label",
    "y_true",
    "y",
)
_SIMILAR = 0.7  # of a misspelt name
_LOOKED_AT, _SHOWN = 16, 40  # names that may be misspelt, and characters of one


class Choice(NamedTuple):
    """The fields of an image, in the order in which they are tried, the label's and the others."""

    images: tuple[str, ...]
    label: str | None
    others: tuple[str, ...]


def choose(names: Sequence[str], label: str | None = None) -> Choice:
    """What a row's fields are for; a `label` that is known counts more than all but the name `label`.

    ValueError where two of them have the same name but for case and hyphens, and no rule says which counts.
    """
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(_plain(name), []).append(name)
    images = tuple(name for name in EXACT if name in names) or _first(by_name, IMAGES)
    chosen = LABEL if LABEL in names else label if label in names else None
    if chosen is None:
        chosen = next(iter(_first(by_name, LABELS)), None)
    used = {*EXACT, *images, chosen, ""}
    return Choice(images, chosen, tuple(name for name in names if name not in used))


def suggestion(names: Sequence[str]) -> str:
    """What fields that name no image may have meant, the first of them; empty where nothing is near."""
    return _nearest(tuple(name[:_SHOWN] for name in names[:_LOOKED_AT]))


@lru_cache(256)  # a million lines may have the same fields, and a comparison takes a millisecond
def _nearest(names: tuple[str, ...]) -> str:
    spelling = {_plain(name): name for name in IMAGES}
    for name in names:
        if near := get_close_matches(_plain(name), spelling, n=1, cutoff=_SIMILAR):
            return f"`{name}`: did you mean `{spelling[near[0]]}`?"
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]", "", name.casefold())


def _first(by_name: dict[str, list[str]], usual: Sequence[str]) -> tuple[str, ...]:
    for name in usual:
        found = by_name.get(_plain(name), [])
        if len(found) > 1:
            shown = " and ".join(f"`{each[:_SHOWN]}`" for each in found[:2])
            raise ValueError(f"expected one field of the name {name}, found {shown}: rename one of them")
        if found:
            return (found[0],)
    return ()
