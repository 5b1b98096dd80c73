"""Judges rankings of customers by uplift on an experiment that was really made.

Hillstrom's e-mail test has 64,000 customers in three arms: an e-mail for men's or for
women's goods, and none. Each e-mail and outcome is judged as an offer of a shop is, by
the average effect and by the Qini area per treated customer of a ranking that was
learned from other customers, with its interval of 99 %. `is_ranking_used` is 1 where
that excludes 0.

What a plan gains that rests on such an experiment is known where effects were made up.
One of CUSTOMERS with two offers is learned from, and a budget is shared out among as
many other customers: `share_of_best` is the true gain over that of a plan which knows
all effects.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.data import DATA, absent
from benchmarks.harness import Row, call, rows
from clv_warehouse.marketing.basis import Basis
from clv_warehouse.marketing.effects import (
    Cases,
    Ranking,
    average,
    judged,
    pseudo_outcomes,
)
from clv_warehouse.marketing.knapsack import choose
from clv_warehouse.marketing.planning import UNITS
from clv_warehouse.marketing.policies import PLAN, RULES, chosen_by
from clv_warehouse.marketing.prices import NOTHING
from clv_warehouse.project.arrays import Floats, Ints

SYSTEM = "clv_warehouse"
HILLSTROM = Path("hillstrom", "hillstrom.csv")
ARM, CONTROL = "segment", "No E-Mail"
OUTCOMES = ("visit", "conversion", "spend")
CUSTOMERS, SEEDS = 20_000, range(301, 306)
# Standard deviations of margins, where the mean effects are 0.33 and 0.5.
NOISES = (3.0, 10.0)
# Of two made-up offers: what one costs, and what a customer may cost on average.
COSTS, BUDGET = (0.02, 0.75), 0.15
RISK_QUANTILE = 0.25


def benchmark(data: Path = DATA) -> Iterator[Row]:
    """Judge each arm and outcome, and plans on made-up effects."""
    for noise in NOISES:
        found = [made_up(seed, noise) for seed in SEEDS]
        case = f"made up/{CUSTOMERS}/{len(found)} shops/noise {noise:.0f}"
        for system in found[0]:
            shares = [each[system] for each in found]
            measures = {"share_of_best": sum(shares) / len(shares)}
            measures["least_share_of_best"] = min(shares)
            yield from rows(case, system, measures)
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


def made_up(seed: int, noise: float) -> dict[str, float]:
    """Share of the best plan's true gain, by how customers are chosen.

    A mail brings 1 and less to whoever spends much; a postcard brings more to them.
    Margins have the standard deviation `noise` beside it, so that no customer's own
    effect is ever seen.
    """
    draw = np.random.default_rng(seed)
    told, effects, worth = _people(draw)
    arm = draw.integers(0, 3, CUSTOMERS)
    margin = worth / 10 + draw.normal(0, noise, CUSTOMERS)
    margin += np.where(arm > 0, effects[arm - 1, np.arange(CUSTOMERS)], 0)
    known, true, worth = _people(draw)
    below = NormalDist().inv_cdf(RISK_QUANTILE)
    expected, averages = [], []
    for offer in (1, 2):
        who = np.isin(arm, (0, offer))
        number = np.arange(who.sum())
        cases = Cases(
            told.filter(pa.array(who)),
            margin[who],
            arm[who] == offer,
            np.full(len(number), 0.5),
            np.zeros(len(number), np.int64),
            number,
        )
        names = told.column_names
        uses = judged(cases, names).beats_average
        cases = cases.centred()
        mean = average(cases, pseudo_outcomes(cases, Basis.of(cases.known, names)))
        averages.append(np.full(CUSTOMERS, mean.effect + below * mean.error))
        if uses:
            effect, error = Ranking.fit(cases, names).effects(known)
            expected.append(effect + below * error)
        else:
            expected.append(averages[-1])
    costs = np.round(np.array(COSTS) * UNITS).astype(np.int64)
    net = np.array(COSTS)[:, None]
    budget = int(BUDGET * CUSTOMERS * UNITS)
    best = choose(true - net, costs, budget).gain

    def share(offer: Ints) -> float:
        given = np.flatnonzero(offer != NOTHING)
        return float((true - net)[offer[given], given].sum()) / best

    values = np.stack(expected) - net
    found = {
        policy if policy != PLAN else SYSTEM: share(
            chosen_by(policy, values, worth, costs, budget)
        )
        for policy in (PLAN, *RULES)
    }
    alike = choose(np.stack(averages) - net, costs, budget).offer
    return found | {"averages_alone": share(alike)}


def _people(draw: np.random.Generator) -> tuple[pa.Table, Floats, Floats]:
    """What is known of customers, true effects of shape (2, n), and their worth."""
    spend = draw.gamma(2.0, 15.0, CUSTOMERS)
    visits = draw.poisson(3.0, CUSTOMERS).astype(np.float64)
    known = pa.table(
        {"spend": spend, "visits": visits, "noise": draw.random(CUSTOMERS)}
    )
    effects = np.stack([1 - spend / 45, spend / 30 + visits / 3 - 1.5])
    return known, effects, spend
