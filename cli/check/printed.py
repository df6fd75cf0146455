"""What a check prints: for people in 80 columns, for programs as JSON."""

from dataclasses import asdict
from math import ceil

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.check.expected import Expected
from cli.check.findings import SIDE, Findings, Verdict

_SHOWN = 10  # problems, and groups of duplicates a third of that
_SHOWN_NAMES = 3
_WIDTH = 80
_SENTENCES = {
    Verdict.FINE: "[green]Fine[/green]: every line and every image can be used.",
    Verdict.PROBLEMS: "[yellow]Usable[/yellow], but for what is listed above.",
    Verdict.REFUSED: "[red]Refused[/red]: such a batch gets no prediction.",
}


def for_programs(found: Findings, estimate: Expected | None) -> dict[str, object]:
    """The JSON of `--json`; docs/operations.md describes it."""
    return {
        "path": found.path,
        "verdict": found.verdict.name.lower(),
        "refused": found.refused,
        "read_as": found.read_as,
        "images": found.images,
        "readable": found.readable,
        "bytes": found.size,
        "labelled": found.labels.total(),
        "labels": {str(label): found.labels[label] for label in sorted(found.labels)},
        "fields": found.fields,
        "sizes": [
            {"width": width, "height": height, "images": count}
            for (width, height), count in found.sizes.most_common()
        ],
        "problems": [asdict(each) for each in found.problems],
        "duplicates": [asdict(each) for each in found.duplicates],
        "expected": estimate and asdict(estimate),
    }


def show(console: Console, found: Findings, estimate: Expected | None) -> None:
    """Print what was found, in at most 80 columns."""
    console.width = min(console.width, _WIDTH)
    table = Table(title=escape(found.path), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(found, estimate):
        table.add_row(name, Text(text))
    console.print(table)
    if found.problems:
        console.print(f"Problems: {len(found.problems):,}", highlight=False)
    for each in found.problems[:_SHOWN]:
        where = f"line {each.line}, " if each.line is not None else ""
        console.print(Text(f"  {where}{each.text[:60]}: {each.reason}"))
    if (rest := len(found.problems) - _SHOWN) > 0:
        console.print(f"  and {rest:,} more: --json has all", highlight=False)
    if not found.refused and not found.readable:
        console.print("[red]No image can be read[/red]: a run would pay for error records.", highlight=False)
    else:
        console.print(_SENTENCES[found.verdict], highlight=False)


def _rows(found: Findings, estimate: Expected | None) -> list[tuple[str, str]]:
    rows = [("refused", found.refused)] if found.refused else []
    rows += [("read as", found.read_as.removeprefix("read as "))] if found.read_as else []
    if found.images:
        rows.append(("images", f"{found.images:,}{_labelled(found)}"))
    if found.labels:
        by_label = ", ".join(f"{label}: {found.labels[label]:,}" for label in sorted(found.labels))
        rows.append(("labels", by_label))
    if found.fields:
        rows.append(("divided by", ", ".join(found.fields)))
    if found.sizes:
        rows.append(("sizes", "; ".join(_size(*each) for each in found.sizes.most_common(_SHOWN))))
    if found.duplicates:
        rows.append(("duplicates", _duplicates(found)))
    if estimate:
        rows += [("cost", _cost(estimate)), ("time", _time(estimate))]
    return rows


def _labelled(found: Findings) -> str:
    labelled = found.labels.total()
    if labelled == found.images:
        return ", all labelled"
    return f", {labelled:,} labelled: the accuracy is over these" if labelled else ", none labelled"


def _size(size: tuple[int, int], images: int) -> str:
    text = f"{size[0]} × {size[1]}: {images:,}"
    return text if size == (SIDE, SIDE) else f"{text} – these will be error records: scale them"


def _duplicates(found: Findings) -> str:
    contradicting = sum(each.contradict for each in found.duplicates)
    text = f"pictures that are there more than once: {len(found.duplicates):,}"
    if contradicting:
        text += f", with contradicting labels: {contradicting:,}"
    for each in found.duplicates[: _SHOWN // 3]:
        labels = f" ({' and '.join(map(str, each.labels))})" if each.contradict else ""
        more = ", …" if len(each.images) > _SHOWN_NAMES else ""
        text += f"\n{', '.join(each.images[:_SHOWN_NAMES])}{more}{labels}"
    return text


def _cost(estimate: Expected) -> str:
    if estimate.cost is None:
        return f"unknown: no price of {estimate.instance_type} (the parameter TransformPricePerHour)"
    saved = f"; the archive saves {estimate.saved:.2f}" if estimate.saved >= 0.01 else ""
    about = f"about {estimate.cost} {estimate.currency}, an estimate"
    return f"{about}; requests for images: {estimate.requests:,}{saved}"


def _time(estimate: Expected) -> str:
    minutes = ceil(estimate.seconds / 60)
    return (
        f"about {minutes} min on {estimate.instances} × {estimate.instance_type}, after AWS has found "
        "instances; no time to speak of in the local cloud"
    )
