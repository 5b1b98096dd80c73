"""Judges rankings of customers by uplift on an experiment that was really made.

Hillstrom's e-mail test has 64,000 customers in three arms: an e-mail for men's or for
women's goods, and none. Each e-mail and outcome is judged as an offer of a shop is, by
the average effect and by the Qini area per treated customer of a ranking that was
learned from other customers, with its interval of 99 %. `is_ranking_used` is 1 where
that excludes 0.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyarrow import csv

from benchmarks.data import DATA, absent
from benchmarks.harness import Row, call, rows
from clv_warehouse.marketing.basis import Basis
from clv_warehouse.marketing.effects import Cases, average, judged, pseudo_outcomes

SYSTEM = "clv_warehouse"
HILLSTROM = Path("hillstrom", "hillstrom.csv")
ARM, CONTROL = "segment", "No E-Mail"
OUTCOMES = ("visit", "conversion", "spend")


def benchmark(data: Path = DATA) -> Iterator[Row]:
    """Judge each arm and outcome."""
    if not (data / HILLSTROM).exists():
        print(absent(data / HILLSTROM))
        return
    done = call(hillstrom, data / HILLSTROM)
    for case, measures in done.value.items():
        yield from rows(case, SYSTEM, measures)
    cost = {name: done.cost[name] for name in ("cpu_seconds", "peak_mb")}
    yield from rows("hillstrom", SYSTEM, cost)


def hillstrom(path: str) -> dict[str, dict[str, float]]:
    """Return the measures of each arm and outcome."""
    return experiment(path, ARM, CONTROL, OUTCOMES)


def experiment(
    path: str, arm: str, control: str, outcomes: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Judge an experiment in a CSV file, whose other columns are what was known."""
    table = csv.read_csv(path)
    features = [name for name in table.column_names if name not in (arm, *outcomes)]
    arms = np.array(table[arm].to_pylist())
    found = {}
    for tried in sorted(set(arms.tolist()) - {control}):
        chosen = (arms == tried) | (arms == control)
        part, is_treated = table.filter(chosen), arms[chosen] == tried
        number = np.arange(len(is_treated))
        for outcome in outcomes:
            cases = Cases(
                part.select(features),
                part[outcome].to_numpy().astype(np.float64),
                is_treated,
                np.full(len(number), is_treated.mean()),
                np.zeros(len(number), np.int64),
                number,
            )
            ranking = judged(cases, features)
            basis = Basis.of(cases.known, features)
            effect = average(cases, pseudo_outcomes(cases.centred(), basis))
            found[f"{Path(path).stem}/{tried}/{outcome}"] = {
                "average_effect": effect.effect,
                "average_effect_error": effect.error,
                "qini": ranking.area,
                "qini_low": ranking.low,
                "qini_high": ranking.high,
                "is_ranking_used": float(ranking.beats_average),
            }
    return found
