"""Learns what offers do to customers, from experiments that are over."""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.fingerprints import data_fingerprint
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import SCHEMA, new_row
from clv_warehouse.marketing.basis import Basis, numbers
from clv_warehouse.marketing.effects import (
    LEAST,
    Average,
    Cases,
    Ranking,
    average,
    pseudo_outcomes,
    shrunken,
)
from clv_warehouse.marketing.qini import Qini
from clv_warehouse.marketing.registry import LEARNED, Offer, decide, to_bytes
from clv_warehouse.project.arrays import Floats
from clv_warehouse.project.features import Feature, read_features

FORECAST = "forecast_spend"
# Effects are learned from so many rows of an offer at most, those of customers whose
# keys come first: keys are random.
MOST_ROWS = 200_000


def features() -> list[str]:
    """Return the columns that effects are expected from: features, and the forecast."""
    return [*(each.name for each in _known()), FORECAST]


def feature_columns() -> list[str]:
    """Return these columns as SQL, numbers as doubles."""
    columns = [
        each.name if each.is_category else f"cast({each.name} as double) as {each.name}"
        for each in _known()
    ]
    return [*columns, FORECAST]


def _known() -> list[Feature]:
    return [each for each in read_features() if not each.is_sequence]


@doorway
def trained(plan: Plan, judged: Relation, cases: Relation) -> pa.Table:
    """Return a new row of uplift, if a training is due, and none otherwise.

    `judged` are rows of uplift_backtest, `cases` of uplift_cases. There is none either
    if no experiment is over.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    rows = read_cases(cases)
    if not rows.num_rows:
        return SCHEMA.empty_table()
    progress = Progress(LEARNED)
    progress.say(f"training, because: {plan.reason}")
    areas = {
        name: Qini(*area)
        for name, *area in judged.filter(f"as_of_date = date '{plan.as_of_date}'")
        .project("offer, qini, qini_low, qini_high")
        .fetchall()
    }
    offers = [
        learned(name, each, segments, areas.get(name, Qini(0.0, 0.0, 0.0)))
        for name, each, segments in of_offers(rows)
    ]
    decision = decide(offers)
    progress.say(decision.reason)
    if not offers:
        return SCHEMA.empty_table()
    return new_row(
        plan,
        decision,
        to_bytes(offers),
        config=json.dumps({"settings": json.loads(plan.settings)}),
        prior="{}",
        data_fingerprint=data_fingerprint(
            [numbers(rows["margin"]), rows["customer_key"].combine_chunks()]
        ),
        measures=json.dumps({each.name: each.average.effect for each in offers}),
        history="",
    )


def read_cases(cases: Relation) -> pa.Table:
    """Read the rows of uplift_cases that effects are learned from, in a fixed order."""
    names = ["experiment_id", "customer_key", "arm", "segment"]
    said = ["is_control", "share", "margin"]
    return (
        cases.project(", ".join([*names, *said, *feature_columns()]))
        .order("customer_key, experiment_id")
        .to_arrow_table()
    )


def of_offers(rows: pa.Table) -> Iterator[tuple[str, Cases, Floats]]:
    """Yield each offer with its cases and their segments, those with both arms.

    An offer's cases are the customers who got it, and the controls of its experiments.
    """
    control = rows["is_control"].to_numpy(zero_copy_only=False).astype(bool)
    arms = np.array(rows["arm"].to_pylist(), dtype=object)
    experiment = np.unique(
        np.array(rows["experiment_id"].to_pylist(), dtype=str), return_inverse=True
    )[1]
    customer = np.unique(
        np.array(rows["customer_key"].to_pylist(), dtype=str), return_inverse=True
    )[1]
    share = numbers(rows["share"])
    for name in sorted(set(arms[~control])):
        is_treated = ~control & (arms == name)
        # Experiments in which both sides have somebody.
        both = np.intersect1d(experiment[is_treated], experiment[control])
        chosen = (is_treated | control) & np.isin(experiment, both)
        chosen[np.flatnonzero(chosen)[MOST_ROWS:]] = False
        if min((chosen & is_treated).sum(), (chosen & control).sum()) < 2:
            continue
        got = np.zeros(experiment.max() + 1)
        left = np.zeros(experiment.max() + 1)
        np.maximum.at(got, experiment[is_treated], share[is_treated])
        np.maximum.at(left, experiment[control], share[control])
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = (got / (got + left))[experiment]
        part = rows.filter(pa.array(chosen))
        yield (
            str(name),
            Cases(
                part.select(features()),
                numbers(part["margin"]),
                is_treated[chosen],
                chance[chosen],
                np.unique(experiment[chosen], return_inverse=True)[1],
                np.unique(customer[chosen], return_inverse=True)[1],
            ),
            np.array(pc.fill_null(part["segment"], "").to_pylist(), dtype=object),
        )


def learned(name: str, cases: Cases, segments: Floats, area: Qini) -> Offer:
    """Learn what is believed of an offer, whose ranking had a Qini area before."""
    cases = cases.centred()
    few = min(cases.arms) < LEAST
    known = [] if few else features()
    basis = Basis.of(cases.known, known)
    effects = pseudo_outcomes(cases, basis)
    whole = average(cases, effects)
    parts: dict[str, Average] = {}
    for segment in sorted(set(segments.tolist()) - {""}):
        rows = segments == segment
        if min(cases.part(rows).arms) >= LEAST:
            parts[segment] = average(cases.part(rows), effects[rows])
    ranking = Ranking.fit(cases, known) if area.beats_average else None
    return Offer(name, whole, shrunken(parts, whole), area, ranking)
