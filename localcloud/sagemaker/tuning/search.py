"""Chooses the hyperparameters of a tuning job's next trial, with Optuna (https://optuna.readthedocs.io/)."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from localcloud.sagemaker.tuning.ranges import Range, combinations


class Suggestion(NamedTuple):
    """A trial's number in the search, and its tuned hyperparameters as a training job is given them.

    `drawn` are the same as the search has drawn them.
    """

    number: int
    values: dict[str, str]
    drawn: dict[str, Any]


class Search:
    """A search in one tuning job's ranges; the same seed and the same answers give the same suggestions.

    Bayesian and Hyperband are Optuna's tree-structured Parzen estimator, Random draws at random, Grid takes
    the combinations in their order.
    """

    def __init__(self, strategy: str, maximise: bool, ranges: Sequence[Range], seed: int | None) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._ranges = ranges
        self._grid = strategy == "Grid"
        self._study = optuna.create_study(
            direction="maximize" if maximise else "minimize", sampler=_sampler(strategy, seed)
        )
        if self._grid:
            names, values = zip(*combinations(list(ranges)), strict=True)
            for combination in itertools.product(*values):
                self._study.enqueue_trial(dict(zip(names, combination, strict=True)))

    def suggest(self) -> Suggestion:
        """Choose the hyperparameters of one more trial."""
        trial = self._study.ask({each.name: each.distribution for each in self._ranges})
        values = {each.name: each.text(trial.params[each.name]) for each in self._ranges}
        return Suggestion(trial.number, values, dict(trial.params))

    def repeat(self, drawn: Mapping[str, Any]) -> None:
        """Make a trial again that an earlier search has made, in the order of that; a grid keeps its own."""
        if not self._grid:
            self._study.enqueue_trial(dict(drawn))
        self.suggest()

    def tell(self, number: int, value: float | None) -> None:
        """Record a trial's objective; None for a trial without one."""
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        self._study.tell(number, value, state)


def _sampler(strategy: str, seed: int | None) -> BaseSampler:
    return TPESampler(seed=seed) if strategy in ("Bayesian", "Hyperband") else RandomSampler(seed=seed)
