"""Makes the tables that explain why a customer is expected to spend that much.

`explain` makes clv_contributions: how much each reason adds to each customer's
predicted spend. `weigh` makes feature_contributions: how much each feature adds over
all customers. attribution.py has the mathematics.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.attribution import LEAST_SPEND, Explainer
from clv_warehouse.clv.network import (
    LEAST_SHARE_OF_MEAN_SPEND,
    Network,
    NetworkConfig,
    untrained,
)
from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.reasons import BASELINE, catalogue, contributing, grouped
from clv_warehouse.clv.registry import last_accepted
from clv_warehouse.clv.scoring import fit_prior, fixed_sample
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation, in_threads
from clv_warehouse.project.arrays import Floats

# With so few customers a hidden layer fits into a processor's cache.
BATCH_ROWS = 1 << 11

CONTRIBUTIONS = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("reason", pa.string()),
        ("contribution", pa.float64()),
        ("network_version", pa.string()),
    ]
)
IMPORTANCE = pa.schema(
    [
        ("feature", pa.string()),
        ("feature_label", pa.string()),
        ("reason", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("customers", pa.int64()),
        ("mean_contribution", pa.float64()),
        ("mean_absolute_contribution", pa.float64()),
        ("network_version", pa.string()),
    ]
)


@doorway
def explain(
    networks: Relation,
    features: Relation,
    days: Relation,
    scores: Relation,
    most_customers: int,
) -> pa.Table | ByBatch:
    """Return what each reason adds to the longest forecasts of clv_scores.

    A row per customer and reason, the baseline being one; of the customers with the
    highest forecasts, at most so many. Raises ValueError where `scores` are not those
    of the last accepted row of `networks` at the date of `features`.
    """
    cases = Cases.find(networks, features, days, scores)
    if cases is None:
        return CONTRIBUTIONS.empty_table()
    by_value = cases.rows.order("predicted_spend desc, customer_key").limit(
        most_customers
    )
    explainer, horizon = cases.explainer, cases.horizon_days
    version = cases.network_version
    reason_of = {name: reason for name, (reason, _) in catalogue().items()}
    contributors = contributing(explainer.network.features)
    distinct, by_reason = grouped(reason_of[name] for name in contributors)
    reasons = pa.array([BASELINE, *distinct])

    def batches_of(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        customers, predicted = customers_of(batch, explainer)
        found = explainer.explain(customers, predicted) @ by_reason
        values = np.insert(found, 0, explainer.baseline, axis=1)
        customer, reason = (
            pa.array(places.ravel()) for places in np.indices(values.shape)
        )
        columns = [
            batch["customer_key"].take(customer),
            batch["as_of_date"].take(customer),
            pa.repeat(pa.scalar(horizon, pa.int32()), values.size),
            reasons.take(reason),
            pa.array(values.ravel()),
            pa.repeat(pa.scalar(version, pa.string()), values.size),
        ]
        return [pa.record_batch(columns, schema=CONTRIBUTIONS)]

    return ByBatch(by_value, batches_of, CONTRIBUTIONS, BATCH_ROWS)


@doorway
def weigh(
    networks: Relation,
    features: Relation,
    days: Relation,
    scores: Relation,
) -> pa.Table:
    """Return what each feature adds to the longest forecasts of clv_scores.

    The figures are means over all customers, or over a fixed sample of them. Raises as
    `explain` does.
    """
    cases = Cases.find(networks, features, days, scores)
    if cases is None:
        return IMPORTANCE.empty_table()
    explainer, said = cases.explainer, catalogue()
    distinct, by_feature = grouped(contributing(explainer.network.features))

    def totals(batch: pa.RecordBatch) -> NDArray:
        values = explainer.explain(*customers_of(batch, explainer)) @ by_feature
        return np.stack([values.sum(axis=0), np.abs(values).sum(axis=0)])

    # In one piece, so that the batches are the same in every run, and so is their sum.
    sample = fixed_sample(cases.rows).to_arrow_table().combine_chunks()
    parts = in_threads(totals, sample.to_batches(BATCH_ROWS))
    total, absolute = np.sum(list(parts), axis=0)
    return pa.Table.from_pylist(
        [
            {
                "feature": feature,
                "feature_label": said[feature][1],
                "reason": said[feature][0],
                "as_of_date": cases.as_of_date,
                "horizon_days": cases.horizon_days,
                "customers": len(sample),
                "mean_contribution": total[place] / len(sample),
                "mean_absolute_contribution": absolute[place] / len(sample),
                "network_version": cases.network_version,
            }
            for place, feature in enumerate(distinct)
        ],
        schema=IMPORTANCE,
    )


@dataclass(frozen=True)
class Cases:
    """The forecasts to explain.

    Attributes:
        rows: the columns of customer_features that scoring reads, and predicted_spend.
        as_of_date: the scoring date.
        horizon_days: the longest horizon.
        network_version: of the network that scored; None where the prior did.
        explainer: of these.

    """

    rows: Relation
    as_of_date: date
    horizon_days: int
    network_version: str | None
    explainer: Explainer

    @classmethod
    def find(
        cls,
        networks: Relation,
        features: Relation,
        days: Relation,
        scores: Relation,
    ) -> "Cases | None":
        """Find the last scores and what made them; None if there are no scores."""
        longest = scores.filter("is_longest_horizon")
        as_of, horizon, version = longest.aggregate(
            "max(as_of_date), max(horizon_days), max(network_version)"
        ).fetchall()[0]
        (newest,) = features.aggregate("max(as_of_date)").fetchall()[0]
        if as_of is None or newest is None:
            return None
        accepted = last_accepted(networks, newest)
        expected = accepted.version if accepted else None
        if (as_of, version) != (newest, expected):
            raise ValueError(
                f"clv_scores are of {as_of} by network {version}, customer_features "
                f"of {newest} and the accepted network is {expected}: build both, "
                "dbt build --select clv_scores+"
            )
        network = accepted.network if accepted else no_correction()
        columns = ", ".join(network.features.columns)
        today = features.filter(f"as_of_date = date '{as_of}'").project(columns)
        prior = accepted.prior if accepted else fit_prior(features, days)[0]
        predicted = longest.project("customer_key, predicted_spend")
        explainer = Explainer.of(
            network,
            prior,
            Customers.from_arrow(
                fixed_sample(today).to_arrow_table(), network.features
            ),
            np.datetime64(as_of),
            horizon,
            today.aggregate("max(frequency), max(tenure_days)").fetchall()[0],
        )
        rows = today.join(predicted, "customer_key")
        return cls(rows, as_of, horizon, version, explainer)


def customers_of(
    rows: pa.RecordBatch, explainer: Explainer
) -> tuple[Customers, Floats]:
    """Split a batch of a Cases' rows into customers and their predicted spend.

    It is no method of Cases: Spark sends it to its workers, which cannot hold `rows`.
    """
    customers = Customers.from_arrow(rows, explainer.network.features)
    return customers, rows["predicted_spend"].to_numpy()


def no_correction() -> Network:
    """Return a network that leaves every forecast of the prior as it is."""
    network = untrained(NetworkConfig(hidden_units=()))
    return replace(network, scale=LEAST_SPEND / LEAST_SHARE_OF_MEAN_SPEND)
