"""Decides whether a network may score, by comparing it with the model it replaces."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clv_warehouse.engines.relation import Relation

# By model, the value of each measure.
Measures = dict[str, dict[str, float]]
ACCEPTED, REJECTED, TOO_SHORT = "accepted", "rejected", "too short to judge"


@dataclass(frozen=True)
class Decision:
    """Whether a network may score: `verdict` is one of the three above."""

    verdict: str
    reason: str

    @property
    def is_accepted(self) -> bool:
        """Whether the network may score."""
        return self.verdict == ACCEPTED


@dataclass(frozen=True)
class Loss:
    """What a model loses by one measure of the backtest.

    Attributes:
        measure: the measure.
        name: what the measure says, in words.
        of: turns its value into a loss, above 0: twice the loss is twice as bad.
        shown: a format of the network's value and the rival's.

    """

    measure: str
    name: str
    of: Callable[[float], float]
    shown: str

    def log_ratio(self, own: float, theirs: float) -> float:
        """Return the logarithm of (own loss / rival's loss), given both values."""
        return float(np.log(self.of(own) / self.of(theirs)))


@dataclass(frozen=True)
class Rule:
    """How a network is compared with the rival that scores if it does not.

    Attributes:
        rival: the other model.
        losses: what counts, each as much as the others.
        tolerance: how far the sum of the logarithms of (own loss / rival's loss) may
            be above 0.
        most: a single loss may be at most this multiple of the rival's.

    """

    rival: str
    losses: Sequence[Loss]
    tolerance: float
    most: float

    def weigh(self, own: Mapping[str, float], theirs: Mapping[str, float]) -> float:
        """Return the sum of the logarithms of (own loss / rival's loss).

        Both map measures to their values. Below 0 the model is better than the rival.
        """
        return sum(
            loss.log_ratio(own[loss.measure], theirs[loss.measure])
            for loss in self.losses
        )


def judged_cases(metrics: Relation, as_of_date: date) -> list[Measures]:
    """Return the measures of each case judged as of a date, in order of horizons.

    Such a case ends on that date. Others stand since an earlier training, if this one
    had too little history to judge any. `metrics` has columns origin_date,
    horizon_days, model, measure and value.
    """
    cases: dict[int, Measures] = defaultdict(dict)
    for origin, horizon, model, measure, value in metrics.project(
        "origin_date, horizon_days, model, measure, value"
    ).fetchall():
        if origin + timedelta(horizon) == as_of_date:
            cases[horizon].setdefault(model, {})[measure] = value
    return [case for _, case in sorted(cases.items())]


def mean_measures(
    cases: Sequence[Measures], by_size: Collection[str], in_units: Mapping[str, str]
) -> Measures:
    """Return the mean of each measure over cases, by model.

    The sign of the measures in `by_size` does not count. Those in `in_units` are
    divided by the value of a model, because cases differ in how much is spent.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for model, measures in case.items():
            for measure, value in measures.items():
                unit = case.get(in_units.get(measure, ""), {}).get(measure) or 1
                values[model][measure].append(
                    (abs(value) if measure in by_size else value) / unit
                )
    return {
        model: {measure: float(np.mean(each)) for measure, each in sorted(of.items())}
        for model, of in sorted(values.items())
    }


def decide(model_name: str, cases: Sequence[Measures], rule: Rule) -> Decision:
    """Return whether a network may score, and why.

    Of each case the logarithms of (own loss / rival's loss) count. Their means over the
    cases are added up: a network that is much better in one measure may be slightly
    worse in another. A network that no case judged does not score.
    """
    judged = [case for case in cases if model_name in case and rule.rival in case]
    if not judged:
        return Decision(
            TOO_SHORT,
            f"{TOO_SHORT}: at no past date was there enough to learn from and, after "
            "it, a whole horizon to judge by",
        )
    ratios, texts = [], []
    for loss in rule.losses:
        pairs = [
            (case[model_name][loss.measure], case[rule.rival][loss.measure])
            for case in judged
            if loss.measure in case[model_name] and loss.measure in case[rule.rival]
        ]
        if pairs:
            ratio = float(np.mean([loss.log_ratio(*pair) for pair in pairs]))
            own, theirs = np.mean(np.abs(pairs), axis=0)
            ratios.append(ratio)
            texts.append(
                f"{loss.name} {_change(ratio)} ({loss.shown.format(own, theirs)})"
            )
    failed = [
        text
        for ratio, text in zip(ratios, texts, strict=True)
        if ratio > np.log(rule.most)
    ]
    if not failed and sum(ratios) > rule.tolerance:
        failed = texts
    verdict, said, texts = (
        (REJECTED, "not accepted", failed) if failed else (ACCEPTED, "accepted", texts)
    )
    forecasts = f"{len(judged)} past forecast{'s' * (len(judged) > 1)}"
    return Decision(
        verdict,
        f"{said}: {', '.join(texts)} than {rule.rival}, over {forecasts}",
    )


def _change(ratio: float) -> str:
    percent = round(100 * (np.exp(abs(ratio)) - 1))
    return f"{percent} % {'worse' if ratio > 0 else 'better'}"
