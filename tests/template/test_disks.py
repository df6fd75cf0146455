"""The disks of the functions against what a batch of the largest size may write on them."""

import io
from dataclasses import asdict, replace

import orjson

from batch_prediction.manifests.records import LeftOut
from batch_prediction.manifests.text import MAX_LINE
from batch_prediction.report.predictions import tabulate
from tests.template.document import function, template


def test_a_batch_of_refused_lines_fits_on_the_functions_disks() -> None:
    """The disks of both functions hold as many refused lines as MaxImages allows by default."""
    number = int(template()["Parameters"]["MaxImages"]["Default"]) + 1  # below a header
    longest = LeftOut.of(number, '"' * MAX_LINE, '"' * MAX_LINE)  # a quote is doubled in JSON and in CSV
    line, table, empty = orjson.dumps(asdict(longest)) + b"\n", io.StringIO(), io.StringIO()
    label = orjson.dumps(asdict(replace(longest, kind="label"))) + b"\n"
    tabulate((), lambda _: None, lambda _: b"", [line], table)
    tabulate((), lambda _: None, lambda _: b"", [], empty)
    row = len(table.getvalue()) - len(empty.getvalue())
    for name, size in (("StartTransform", max(len(line), len(label))), ("WriteReport", row)):
        disk = function(name).get("EphemeralStorage", {"Size": 512})["Size"]  # MiB; Lambda's default
        assert number * size <= disk * 2**20
