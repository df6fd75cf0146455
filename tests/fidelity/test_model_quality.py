"""model_quality.json, read by the parser of SageMaker's SDK, and by the SDK's shapes of a model card.

The parser is in version 2 of the SDK, the shapes are in version 3, both in a package called `sagemaker`.
`make fidelity` puts version 2 into a folder of its own, of which another Python imports the parser alone.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sagemaker.core.shapes.model_card_shapes import EvaluationDetailsItem, MatrixMetric, SimpleMetric

from batch_prediction.report import pages

SDK = Path(sys.prefix) / "sagemaker-2"
PROGRAM = """
import json, sys, types
for name in ("sagemaker", "sagemaker.model_card"):
    package = types.ModuleType(name)
    package.__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
    sys.modules[name] = package
from sagemaker.model_card.evaluation_metric_parsers import EVALUATION_METRIC_PARSERS, EvaluationMetricTypeEnum
parser = EVALUATION_METRIC_PARSERS[EvaluationMetricTypeEnum.MODEL_MONITOR_MODEL_QUALITY]
print(json.dumps(parser.run(json.load(sys.stdin))))
"""


def parsed(content: dict[str, Any]) -> EvaluationDetailsItem:
    """How the SDK parses model_quality.json for a model card."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(SDK)],
        input=json.dumps(content),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return EvaluationDetailsItem(name="a run", **json.loads(done.stdout))


def report_of(right: int, wrong: int) -> Any:
    """A report whose images are sevens, some of them read as ones."""
    matrix = [[0] * 10 for _ in range(10)]
    matrix[7][7], matrix[7][1] = right, wrong
    return {
        "labelled": right + wrong,
        "confusion_matrix": matrix,
        "transform_job": {"started": "2026-11-22T15:44:31Z", "ended": "2026-11-22T15:48:07Z"},
    }


def test_the_sdk_s_parser_takes_the_report_s_figures() -> None:
    """Every figure with its deviation, and the matrix with its axes, become metrics of a model card."""
    (group,) = parsed(pages.statistics(report_of(right=291, wrong=9))).metric_groups or []
    assert group.name == "multiclass_classification_metrics"
    simple = {metric.name: metric.value for metric in group.metric_data if isinstance(metric, SimpleMetric)}
    assert simple["accuracy"] == 0.97
    assert simple["accuracy - standard_deviation"] > 0
    assert len(simple) == 2 * 12
    (matrix,) = (metric for metric in group.metric_data if isinstance(metric, MatrixMetric))
    assert matrix.value[7][1] == 9
    assert matrix.x_axis_name == matrix.y_axis_name == [str(digit) for digit in range(10)]


def test_few_images_have_no_deviation_for_the_parser() -> None:
    """The parser skips the text `NaN`."""
    (group,) = parsed(pages.statistics(report_of(right=9, wrong=1))).metric_groups or []
    assert not [metric.name for metric in group.metric_data if "deviation" in metric.name]
