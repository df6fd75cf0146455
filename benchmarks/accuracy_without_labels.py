"""How well a batch's accuracy is estimated without labels, and whether drift is noticed, on real MNIST.

Reads MNIST from the folder MNIST_DIR. For each seed a trial and its final model are trained (kept below
out/held-out-trainings); the trial's held-out images give temperature and reference, the final model reads
the batches. With --role develop everything, thresholds too, comes from the training images; --role test is
the measurement: on the test set, with other severities and other kinds of damage. The estimate, its interval
and the drift statistics are the report's own code.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from batch_prediction.figures import drift, estimate, reference
from batch_prediction.figures.reference import Reference
from benchmarks import distortions, held_out_trainings, mnist, training_runs
from benchmarks.accuracy_estimators import Answers, Floats, methods, property_distance
from benchmarks.held_out_trainings import Images, Pair
from benchmarks.measuring import ROOT, Figure, conclude

sys.path.insert(
    0, str(ROOT / "training" / "container")
)  # the container's files import each other by these names
import calibration
import reference as container_reference
import train

SIZES = (200, 1_000)
CLEAN, SEVENS, MIXED, WRITERS = "clean", "one digit alone", "other mixes", "other writers"
ALIKE = (CLEAN, SEVENS, MIXED)  # without damage
METHOD = "mean confidence"  # the report's
FALL = 0.02  # of accuracy, from which on a batch must be noticed
FALLS = (-1.0, 0.005, FALL, 0.05, 0.2, 1.0)
_PROPERTIES_BOUND = 1.9  # 1 % of clean batches of 1,000 development images are beyond


@dataclass(frozen=True)
class Draw:
    """One batch: of what, how large, its error rate, how much that has risen, and what was said of it."""

    what: str
    images: int
    error: float
    rise: float
    errors: dict[str, float]  # by method
    held: bool  # the interval, of the report's own estimate
    width: float
    above: frozenset[str]  # statistics beyond their thresholds

    @property
    def flagged(self) -> bool:
        """Whether the report says that the estimate isn't to be trusted."""
        return not self.above.isdisjoint(drift.DECISIVE)


class Model:
    """A final model, calibrated by its trial's temperature, and the trial's reference."""

    def __init__(self, pair: Pair) -> None:
        held_out = pair.held_out
        logits = train.compute_logits(pair.trial, torch.from_numpy(held_out.pixels)).double()
        labels = torch.from_numpy(held_out.labels).long()
        self.temperature = calibration.fit_temperature(logits, labels)
        logits /= self.temperature
        self.network, self.fresh = pair.final, pair.fresh
        self.known = Answers.of(logits, held_out.pixels, held_out.labels)
        self.reference: Reference = reference.read(container_reference.build(logits, labels, labels))
        self.methods = methods(self.known)
        self.sorted_properties: Floats = np.sort(self.known.properties, axis=0)

    def read(self, images: Images) -> Answers:
        """The model's answers about images."""
        logits = train.compute_logits(self.network, torch.from_numpy(images.pixels)).double()
        return Answers.of(logits / self.temperature, images.pixels, images.labels)

    def judge(self, what: str, batch: Answers, usual: float) -> Draw:
        """What is said of one batch; `usual` is the error rate of all clean images."""
        counted, error = batch.counted(), float(batch.wrong.mean())
        interval, compared = (
            estimate.estimate(counted, self.reference),
            drift.compare(counted, self.reference),
        )
        if interval is None or compared is None:
            raise ValueError(f"{what}: expected a batch with images, found none")
        above: set[str] = {each.name for each in compared.statistics if each.drifted}
        if property_distance(self.sorted_properties, batch) > _PROPERTIES_BOUND:
            above |= {"properties"}
        return Draw(
            what,
            len(batch.wrong),
            error,
            error - usual,
            {name: method(batch) for name, method in self.methods.items()},
            interval.low - 1e-9 <= 1 - error <= interval.high + 1e-9,
            interval.high - interval.low,
            frozenset(above),
        )


def draws_of(model: Model, role: held_out_trainings.Role, draws: int, seed: int) -> list[Draw]:
    """Batches of clean, reweighted and distorted images, drawn without replacement, and all of each."""
    generator, images = np.random.default_rng(seed), model.fresh
    clean = model.read(images)
    usual = float(clean.wrong.mean())
    found = [
        model.judge(CLEAN, clean[generator.choice(len(images.labels), size, replace=False)], usual)
        for size in SIZES
        for _ in range(draws)
    ]
    found.append(model.judge(CLEAN, clean, usual))
    for size in SIZES:
        for digit in range(10):
            own = np.flatnonzero(images.labels == digit)
            for _ in range(max(1, draws // 50)):
                at = generator.choice(own, min(size, len(own) - 50), replace=False)
                found.append(model.judge(SEVENS, clean[at], usual))
        for _ in range(max(1, draws // 5)):
            shares = generator.dirichlet(np.full(10, 0.5))[images.labels]
            at = generator.choice(len(images.labels), size, p=shares / shares.sum())
            found.append(model.judge(MIXED, clean[at], usual))
    table = distortions.DEVELOP if role == "develop" else distortions.TEST
    for number, (name, distortion) in enumerate(table.items()):
        print(f"{name}, {number + 1} of {len(table)}", end="\r", file=sys.stderr, flush=True)
        pixels = distortions.distorted(images.pixels, distortion, seed=1_000 + number)
        answers = model.read(Images(pixels, images.labels))
        found.append(model.judge(name, answers, usual))
        for size in SIZES:
            for _ in range(max(1, draws // 50)):
                at = generator.choice(len(images.labels), size, replace=False)
                found.append(model.judge(name, answers[at], usual))
    if role == "test":
        found.append(model.judge(WRITERS, model.read(Images(*distortions.other_writers())), usual))
    return found


def share(draws: Iterable[Draw], holds: Callable[[Draw], bool]) -> float:
    """Per cent of the draws of which something holds; NaN for none."""
    values = [holds(draw) for draw in draws]
    return 100 * sum(values) / len(values) if values else float("nan")


def mean_error(draws: Iterable[Draw], method: str) -> float:
    """The mean absolute error of a method, in points; NaN for no draws."""
    values = [abs(draw.errors[method] - draw.error) for draw in draws]
    return 100 * sum(values) / len(values) if values else float("nan")


def print_estimates(draws: Sequence[Draw]) -> None:
    """The mean absolute error of each method: on clean batches, and by how much the accuracy fell."""
    sizes = sorted({draw.images for draw in draws if draw.what == CLEAN})
    groups = {
        **{f"clean {size:,}": [d for d in draws if d.what == CLEAN and d.images == size] for size in sizes},
        "mixes": [draw for draw in draws if draw.what in (SEVENS, MIXED)],
        **{
            f"fall {100 * low:.1f}–{100 * high:.1f}" if low >= 0 else f"fall below {100 * high:.1f}": [
                draw for draw in draws if draw.what not in ALIKE and low <= draw.rise < high
            ]
            for low, high in pairwise(FALLS)
        },
    }
    print("\nmean absolute error, points | " + " | ".join(groups))
    print("draws | " + " | ".join(f"{len(group):,}" for group in groups.values()))
    for method in draws[0].errors:
        print(f"{method} | " + " | ".join(f"{mean_error(group, method):.2f}" for group in groups.values()))
    print("interval holds, % | " + " | ".join(f"{share(g, lambda d: d.held):.1f}" for g in groups.values()))
    print("flagged, % | " + " | ".join(f"{share(g, lambda d: d.flagged):.1f}" for g in groups.values()))
    trusted = {name: [draw for draw in group if not draw.flagged] for name, group in groups.items()}
    print(
        "error of trusted ones | "
        + " | ".join(f"{mean_error(group, METHOD):.2f}" for group in trusted.values())
    )


def print_flags(draws: Sequence[Draw]) -> None:
    """How often each statistic is beyond its threshold: of clean batches, and of those that fell."""
    names = sorted({name for draw in draws for name in draw.above})
    sizes = sorted({draw.images for draw in draws if draw.what == CLEAN})
    groups = {
        **{f"clean {size:,}": [d for d in draws if d.what == CLEAN and d.images == size] for size in sizes},
        SEVENS: [draw for draw in draws if draw.what == SEVENS],
        MIXED: [draw for draw in draws if draw.what == MIXED],
        **{
            f"fell, {size:,}": [
                d for d in draws if d.what not in ALIKE and d.images == size and d.rise >= FALL
            ]
            for size in sizes
        },
    }
    print("\nbeyond the threshold, % | " + " | ".join(groups))
    print("draws | " + " | ".join(f"{len(group):,}" for group in groups.values()))
    rules: dict[str, Callable[[Draw], bool]] = {
        **{name: lambda draw, name=name: name in draw.above for name in names},  # type: ignore[misc]
        "not to be trusted": lambda draw: draw.flagged,
        "that or properties": lambda draw: draw.flagged or "properties" in draw.above,
    }
    for name, rule in rules.items():
        print(f"{name} | " + " | ".join(f"{share(group, rule):.1f}" for group in groups.values()))


def print_kinds(draws: Sequence[Draw]) -> None:
    """Of each kind of damage: the accuracy of all images, its estimate, and how many batches are flagged."""
    print("\ndamage | accuracy, % | estimate, % | flagged of 200, % | of 1,000, % | all")
    for what in dict.fromkeys(draw.what for draw in draws if draw.what not in ALIKE):
        own = [draw for draw in draws if draw.what == what]
        whole = [draw for draw in own if draw.images not in SIZES]
        accuracy = 100 - 100 * np.mean([draw.error for draw in whole])
        value = 100 - 100 * np.mean([draw.errors[METHOD] for draw in whole])
        flags = " | ".join(
            f"{share([d for d in own if d.images == size], lambda d: d.flagged):.0f}" for size in SIZES
        )
        print(f"{what} | {accuracy:.2f} | {value:.2f} | {flags} | {share(whole, lambda d: d.flagged):.0f}")


def main(argv: Sequence[str] | None = None) -> int:
    """Train or read what was trained, measure, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=training_runs.RECIPES, default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the trainings (0 1 2)")
    parser.add_argument("--label-smoothing", help="of the trainings, such as 0.1 (train.py's default)")
    parser.add_argument("--role", choices=("develop", "test"), default="test", help="(%(default)s)")
    parser.add_argument("--draws", type=int, default=1_000, help="clean batches of each size (%(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    images, found = mnist.load(), list[Draw]()
    options = ["--label-smoothing", given.label_smoothing] if given.label_smoothing else []
    for seed in given.seeds:
        model = Model(held_out_trainings.pair(images, given.arch, seed, given.role, *options))
        draws = draws_of(model, given.role, given.draws, seed)
        (whole,) = [draw for draw in draws if draw.what == CLEAN and draw.images not in SIZES]
        print(
            f"{given.arch}, seed {seed}: temperature {model.temperature:.3f}, accuracy of the held-out "
            f"images {1 - model.reference.error:.2%}, of the final model's batch {1 - whole.error:.2%}, "
            f"estimated {1 - whole.errors[METHOD]:.2%}, held: {whole.held}",
            flush=True,
        )
        found += draws
    print_estimates(found)
    print_flags(found)
    print_kinds(found)
    clean = [draw for draw in found if draw.what == CLEAN and draw.images == 1_000]
    fallen = [draw for draw in found if draw.what not in ALIKE and draw.rise >= FALL]
    every_clean = [draw for draw in found if draw.what == CLEAN]
    print()
    return conclude(
        [
            Figure(
                "clean batches of 1,000, mean absolute error, points",
                mean_error(clean, METHOD),
                0.3,
            ),
            Figure("their intervals that hold, %", share(clean, lambda d: d.held), 93, at_least=True),
            Figure(
                "batches that fell by 2 points, flagged, %",
                share(fallen, lambda d: d.flagged),
                95,
                at_least=True,
            ),
            Figure("clean batches, flagged, %", share(every_clean, lambda d: d.flagged), 2),
        ],
        given.check,
    )


if __name__ == "__main__":
    sys.exit(main())
