"""A report's summary for the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batch_prediction.layout import INCOMING
from batch_prediction.report import headline
from batch_prediction.report.advice import notes, what_to_do
from batch_prediction.report.content import Calibration, OperatingPoint, ProperScores, Report
from batch_prediction.report.failures import in_words
from batch_prediction.report.thresholds import written

_REASONS = 10  # of images without a prediction
COLOURS = {
    headline.Tone.GOOD: "green",
    headline.Tone.PARTLY: "yellow",
    headline.Tone.BAD: "red",
    headline.Tone.WAITING: "cyan",
}


def show(console: Console, report: Report) -> None:
    """Print a report.json as two tables: the overview, and the metrics of each label."""
    coverage, accuracy, outcome = report["coverage"], report["accuracy"], headline.of_report(report)
    console.print()
    table = Table(
        title=f"{escape(report['batch'])}  ·  [{COLOURS[outcome.tone]}]{outcome.mark} {outcome.text}[/]",
        show_header=False,
        title_justify="left",
    )
    if report["reason"]:
        table.add_row("reason", escape(report["reason"]))
    if accuracy:
        interval = f"95 % interval {accuracy['low']:.2%} to {accuracy['high']:.2%}"
        table.add_row(
            "accuracy", f"[bold]{accuracy['value']:.2%}[/bold]  ({interval}, {report['labelled']} labelled)"
        )
    table.add_row(
        "coverage",
        f"{coverage['scored']} of {coverage['expected']} scored, "
        f"{coverage['unreadable']} unreadable, {coverage['missing']} missing",
    )
    if read_as := report.get("read_as"):  # reports of earlier versions lack it
        table.add_row("manifest", escape(f"{(report['manifest'] or '').rpartition('/')[2]}: {read_as}"))
    if bad_labels := report.get("bad_labels"):
        table.add_row("bad labels", f"{bad_labels} not understood and not used; their images are scored")
    for failure in report.get("failures", [])[:_REASONS]:
        inside = f"/{INCOMING}{report['batch']}/"
        example = failure["example"].partition(inside)[2] or failure["example"]
        table.add_row("not read", escape(in_words(failure, example)))
    if model := report["model"]:
        table.add_row(
            "model", f"{model['package_arn'].rpartition('model-package/')[2]}, {model['training_job']}"
        )
    if job := report["transform_job"]:
        table.add_row("transform job", f"{job['name']}, {job['instance_count']} × {job['instance_type']}")
    if calibration := report["calibration"]:
        table.add_row("calibration", _calibration(calibration))
    if risk := report.get("risk_coverage"):  # reports of earlier versions lack this, and what follows
        for target in risk["targets"]:
            table.add_row(f"for {target['target']:.1%}", _threshold(target))
    if scores := report.get("proper_scores"):
        table.add_row("scores", _scores(scores))
    if difference := report.get("smallest_difference"):
        table.add_row("shows", f"a drop of {difference * 100:.2f} points, in 4 of 5 batches of this size")
    if cost := report["cost"]:
        table.add_row("cost", f"about {cost['estimate']} {cost['currency']}, an estimate")
    if step := what_to_do(report):
        table.add_row("what to do", step)
    for note in notes(report):
        table.add_row("note", note)
    console.print(table)
    if report["classes"]:
        console.print(_classes(report))


def _calibration(calibration: Calibration) -> str:
    """The expected error; its interval where the report's version has one."""
    interval = ""
    if "low" in calibration:
        interval = f"  (95 % interval {calibration['low']:.2%} to {calibration['high']:.2%})"
    return f"expected error {calibration['expected_error']:.2%}{interval}"


def _threshold(target: OperatingPoint) -> str:
    """What it takes to reach an accuracy."""
    if target["threshold"] is None or target["coverage"] is None or target["accuracy"] is None:
        return f"no threshold of confidence, or fewer than {target['least']:,} images"
    return (
        f"accept above {written(target['threshold'])}: {target['coverage']['value']:.1%} read, "
        f"{target['accuracy']['value']:.2%} of these right"
    )


def _scores(scores: ProperScores) -> str:
    """Log loss, Brier score and top-2 accuracy, as far as they are known."""
    means = [
        f"{name} {mean['value']:.4f}"
        for name, mean in (("log loss", scores["log_loss"]), ("Brier", scores["brier_score"]))
        if mean
    ]
    return ", ".join([*means, f"top-2 accuracy {scores['top_2_accuracy']['value']:.2%}"])


def _classes(report: Report) -> Table:
    table = Table("label", "images", "precision", "recall", "F1", "mistaken for")
    for figures, row in zip(report["classes"], report["confusion_matrix"], strict=True):
        wrong = [
            f"{other} (× {count})"
            for other, count in sorted(enumerate(row), key=lambda pair: -pair[1])
            if count and other != figures["label"]
        ]
        numbers = (figures["precision"], figures["recall"], figures["f1"])
        table.add_row(
            str(figures["label"]),
            str(figures["support"]),
            *("–" if number is None else f"{number:.3f}" for number in numbers),
            ", ".join(wrong[:3]),
        )
    return table
