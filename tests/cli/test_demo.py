"""`digits demo`, as a person starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.project import CACHE
from localcloud.packaging import install

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
DIGITS = Path(sys.executable).parent / "digits"


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """The functions' packages are there: installing them is nothing that a dead proxy may stop."""
    install(ROOT / "functions" / "requirements.txt", CACHE)


def demo(out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in a shell whose AWS settings belong to another account."""
    shell = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
    shell |= {
        "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_PROFILE": "no-such-profile",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": "https://example.com",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "COLUMNS": "200",
    }
    return subprocess.run(
        [DIGITS, "demo", "--out", out], env=shell | environment, capture_output=True, text=True, check=False
    )


def check(out: Path, done: subprocess.CompletedProcess[str]) -> None:
    """The demo reaches what it promises: every image scored, at least 97 % of them correctly."""
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = out.glob("reports/*/*/report.json")
    report = json.loads(file.read_text())
    assert report["status"] == "Completed"
    assert report["coverage"] == {"expected": 1000, "scored": 1000, "unreadable": 0, "missing": 0}
    assert report["accuracy"]["value"] >= 0.97
    assert f"{report['accuracy']['value']:.2%}" in done.stdout
    assert str(file) in done.stdout
    assert "2 trials, the best with validation accuracy" in done.stdout
    assert report["model"]["training_job"].endswith("-final")
    assert (file.parent / "predictions.csv").read_text().count("\n") == 1001
    page = (file.parent / "report.html").read_text()
    assert f"{report['accuracy']['value'] * 100:.2f}\xa0%" in page
    assert page.count("data:image/png;base64,") == len(report["mistakes"])
    index = (out / "reports" / "index.html").read_text()
    assert f'href="{report["batch"]}/{report["run"]}/report.html"' in index


def test_the_demo_ends_with_a_report_of_a_thousand_images(tmp_path: Path) -> None:
    """From an empty cloud to a report, whatever the shell's AWS settings and proxies are."""
    check(tmp_path, demo(tmp_path))


@pytest.mark.skipif("MNIST_DIR" not in os.environ, reason="MNIST_DIR names no folder with all of MNIST")
def test_the_demo_takes_all_of_mnist_where_it_is(tmp_path: Path) -> None:
    """MNIST_DIR names the four IDX files: 59,000 images train, 10,000 test, 1,000 others are the batch."""
    done = demo(tmp_path, MNIST_DIR=os.environ["MNIST_DIR"])
    check(tmp_path, done)
    assert "59,000 to train on, 10,000 to test" in done.stdout


def test_a_failing_stage_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """A folder without MNIST's files is an error that names the file, not a stack trace."""
    done = demo(tmp_path / "out", MNIST_DIR=str(tmp_path))
    assert done.returncode == 1
    assert (
        "expected the file train-images-idx3-ubyte or train-images-idx3-ubyte.gz, found neither"
        in done.stdout
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()
