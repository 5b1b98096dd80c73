"""The networks trained so far: rows of clv_network, and whether they may score."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from clv_warehouse.clv.network import Network
from clv_warehouse.clv.prior import Prior
from clv_warehouse.engines.doorway import doorway, engine_of
from clv_warehouse.engines.relation import Relation

SCHEMA = pa.schema(
    [
        ("network_version", pa.string()),
        ("trained_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        ("features_fingerprint", pa.string()),
        ("config_fingerprint", pa.string()),
        ("data_fingerprint", pa.string()),
        ("config", pa.string()),
        ("prior", pa.string()),
        ("measures", pa.string()),
        ("weights", pa.binary()),
        ("is_accepted", pa.bool_()),
        ("decision", pa.string()),
    ]
)

NETWORK = "clv_network"
# What scores where no network does.
PRIOR = "bgnbd_gamma_gamma"
RIVALS = (PRIOR, "last_year_rate")
# What a network may lose to a rival, as the mean over the judged cases, and still
# serve: differences of this size change sign from one origin to the next.
GINI_TOLERANCE = 0.005
BIAS_TOLERANCE = 0.1
MAE_TOLERANCE = 0.05

Measures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Plan:
    """The row of training_plan: whether to train, why, and with what."""

    is_due: bool
    reason: str
    as_of_date: date | None
    features_fingerprint: str
    config_fingerprint: str
    network: str

    @staticmethod
    @doorway
    def of(rows: Relation) -> "Plan":
        """Read the plan; where the table is empty, nothing is due."""
        found = rows.project(
            "is_due, reason, as_of_date, features_fingerprint, config_fingerprint, "
            "network"
        ).fetchall()
        return Plan(*found[0]) if found else Plan(False, "no plan", None, "", "", "{}")


@dataclass(frozen=True)
class Accepted:
    """A network that scores, and the prior that it corrects."""

    version: str
    network: Network
    prior: Prior


def last_accepted(networks: Relation, as_of_date: date) -> Accepted | None:
    """Find the last accepted row of clv_network that knows nothing after a date.

    Raises ValueError if it was trained on other inputs than there are now.
    """
    rows = (
        networks.filter(f"is_accepted and as_of_date <= date '{as_of_date}'")
        .order("trained_at desc, network_version desc")
        .limit(1)
        .project("network_version, weights, prior")
        .fetchall()
    )
    if not rows:
        return None
    version, weights, prior = rows[0]
    return Accepted(version, Network.from_bytes(weights), Prior.from_json(prior))


def standing(session: Any, this: Any, schema: pa.Schema) -> pa.Table:
    """Read the rows that a model's table has from earlier runs, if it ever ran."""
    found = engine_of(session).table(session, this)
    if found is None:
        return schema.empty_table()
    return found.to_arrow_table().select(schema.names).cast(schema)


def mean_measures(metrics: Relation) -> Measures:
    """Mean of each measure over the judged cases, by model.

    The mean of total_bias is that of its size. Cases differ in how much is spent:
    mae is in units of the prior's.
    """
    cases: dict[tuple, dict[str, float]] = defaultdict(dict)
    for origin, horizon, model, measure, value in metrics.project(
        "origin_date, horizon_days, model, measure, value"
    ).fetchall():
        cases[origin, horizon, measure][model] = value
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (_, _, measure), by_model in sorted(cases.items()):
        unit = by_model.get(PRIOR) or 1
        for model, value in by_model.items():
            if measure == "total_bias":
                value = abs(value)
            elif measure == "mae":
                value = value / unit
            values[model][measure].append(value)
    return {
        model: {measure: float(np.mean(each)) for measure, each in sorted(of.items())}
        for model, of in sorted(values.items())
    }


def decide(measures: Measures) -> tuple[bool, str]:
    """Whether a network so judged may score, and why.

    It must rank customers no worse than each rival, and be no further off, in total
    and per customer, than the prior that would score instead; within tolerances.
    """
    own = measures.get(NETWORK, {})
    if "normalised_gini" not in own:
        return False, "not accepted: the history is too short to judge a network"
    comparisons = [
        *((rival, "normalised_gini", -1, GINI_TOLERANCE) for rival in RIVALS),
        (PRIOR, "total_bias", 1, BIAS_TOLERANCE),
        (PRIOR, "mae", 1, MAE_TOLERANCE),
    ]
    for rival, measure, sign, tolerance in comparisons:
        theirs = measures.get(rival, {}).get(measure)
        if theirs is not None and sign * (own[measure] - theirs) > tolerance:
            return False, (
                f"not accepted: mean {measure} {own[measure]:.4f}, "
                f"{rival} has {theirs:.4f}"
            )
    ginis = ", ".join(
        f"{rival} {measures[rival]['normalised_gini']:.4f}"
        for rival in RIVALS
        if "normalised_gini" in measures.get(rival, {})
    )
    return True, (
        f"accepted: mean normalised_gini {own['normalised_gini']:.4f}, {ginis}"
    )
