"""One batch as a manifest of every form that people have: what each is called, and what it is read as."""

import json
from collections.abc import Sequence
from typing import NamedTuple

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Form(NamedTuple):
    """A manifest's name and bytes, and what its report says that it was read as."""

    name: str
    body: bytes
    read_as: str


def forms(bucket: str, folder: str, names: Sequence[str], labels: Sequence[int]) -> list[Form]:
    """Manifests that name the same images, in a folder of a bucket, with the same labels."""
    pairs = list(zip(names, labels, strict=True))
    truth = [
        {
            "source-ref": f"s3://{bucket}/{folder}{name}",
            "species": str(9 - label),
            "species-metadata": {
                "class-name": WORDS[label],
                "confidence": 0.0,
                "type": "groundtruth/image-classification",
                "job-name": "labeling-job/species",
                "human-annotated": "yes",
                "creation-date": "2018-10-18T22:18:13.527256",
            },
        }
        for name, label in pairs
    ]
    hugging_face = [{"file_name": name, "label": label} for name, label in pairs]

    def table(delimiter: str, header: tuple[str, str], path: str = "{}", ending: str = "\n") -> str:
        rows = [header, *((path.format(name), str(label)) for name, label in pairs)]
        return "".join(delimiter.join(row) + ending for row in rows)

    def lines(rows: Sequence[object]) -> bytes:
        return "\n".join(map(json.dumps, rows)).encode()

    columns = "images from `{}`, labels from `{}`".format
    return [
        Form("manifest.jsonl", lines(hugging_face), f"read as JSON Lines; {columns('file_name', 'label')}"),
        Form(
            "Manifest.csv",
            table(";", ("filepath", "digit"), path=folder + "{}").encode(),
            f"read as CSV with semicolons; {columns('filepath', 'digit')}",
        ),
        Form(
            "MANIFEST.CSV",
            table("\t", ("Image", "Class"), ending="\r\n").encode("utf-16"),
            f"read as CSV with tabs in UTF-16; {columns('Image', 'Class')}",
        ),
        Form(
            "manifest.tsv",
            table("\t", ("path", "target")).encode(),
            f"read as CSV with tabs; {columns('path', 'target')}",
        ),
        Form(
            "manifest.lst",
            "".join(
                f"{number}\t{label}.000000\t{name}\n" for number, (name, label) in enumerate(pairs)
            ).encode(),
            f"read as an image list (.lst) of index, class and path; {columns('path', 'class')}",
        ),
        Form(
            "manifest.json",
            json.dumps(
                [{"image": name, "category": WORDS[label]} for name, label in pairs], indent=2
            ).encode(),
            f"read as a JSON array; {columns('image', 'category')}",
        ),
        Form(
            "manifest.manifest",
            lines(truth),
            f"read as Ground Truth; {columns('source-ref', 'species')}, by class name",
        ),
        Form(
            "metadata.csv",
            table(",", ("file_name", "label")).encode("utf-8-sig"),
            f"read as CSV; {columns('file_name', 'label')}",
        ),
        Form("metadata.jsonl", lines(hugging_face), f"read as JSON Lines; {columns('file_name', 'label')}"),
        Form(
            "labels.csv",
            table(",", ("File Name", "Label"), path=".\\{}").encode(),
            f"read as CSV; {columns('File Name', 'Label')}",
        ),
    ]
