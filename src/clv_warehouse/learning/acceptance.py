"""Decides whether a network may score, by comparing it with its rivals."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clv_warehouse.engines.relation import Relation

Measures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Comparison:
    """What a network may lose to a rival and still score.

    Attributes:
        rival: the other model.
        measure: the measure that is compared.
        is_better_high: whether a higher value is better.
        tolerance: how much worse the network may be, as the mean over judged cases.

    """

    rival: str
    measure: str
    is_better_high: bool
    tolerance: float

    def is_lost(self, own: float, theirs: float) -> bool:
        """Return whether the network is worse by more than the tolerance."""
        return (theirs - own if self.is_better_high else own - theirs) > self.tolerance


def mean_measures(
    metrics: Relation,
    as_of_date: date,
    by_size: Collection[str],
    in_units: Mapping[str, str],
) -> Measures:
    """Return the mean of each measure over the cases judged as of a date, by model.

    Such a case ends on that date. Others stand since an earlier training, if this one
    had too little history to judge any.

    `metrics` has columns origin_date, horizon_days, model, measure and value. The sign
    of the measures in `by_size` does not count. Those in `in_units` are divided by the
    value of a model, because cases differ in how much is spent.
    """
    cases: dict[tuple, dict[str, float]] = defaultdict(dict)
    for origin, horizon, model, measure, value in metrics.project(
        "origin_date, horizon_days, model, measure, value"
    ).fetchall():
        if origin + timedelta(horizon) != as_of_date:
            continue
        cases[origin, horizon, measure][model] = value
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (_, _, measure), by_model in sorted(cases.items()):
        unit = by_model.get(in_units.get(measure, "")) or 1
        for model, value in by_model.items():
            values[model][measure].append(
                (abs(value) if measure in by_size else value) / unit
            )
    return {
        model: {measure: float(np.mean(each)) for measure, each in sorted(of.items())}
        for model, of in sorted(values.items())
    }


def decide(
    model_name: str, measures: Measures, comparisons: Sequence[Comparison]
) -> tuple[bool, str]:
    """Return whether a network with these measures may score, and why.

    It may not lose to a rival in any comparison. A rival that was not judged is left
    out; a network that was not judged does not score. The reason shows the first
    measure.
    """
    own, (first, *_) = measures.get(model_name, {}), comparisons
    if first.measure not in own:
        return False, "not accepted: the history is too short to judge a network"
    judged = [
        (comparison, measures[comparison.rival][comparison.measure])
        for comparison in comparisons
        if comparison.measure in measures.get(comparison.rival, {})
    ]
    for comparison, theirs in judged:
        value = own[comparison.measure]
        if comparison.is_lost(value, theirs):
            return False, (
                f"not accepted: mean {comparison.measure} {value:.4f}, "
                f"{comparison.rival} has {theirs:.4f}"
            )
    rivals = [
        f"{comparison.rival} {theirs:.4f}"
        for comparison, theirs in judged
        if comparison.measure == first.measure
    ]
    shown = [f"mean {first.measure} {own[first.measure]:.4f}", *rivals]
    return True, f"accepted: {', '.join(shown)}"
