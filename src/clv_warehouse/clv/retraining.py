"""Trains a network on all that is known, and adds its row to clv_network."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from clv_warehouse.clv.backtest import known_rows
from clv_warehouse.clv.observations import Customers, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.registry import (
    NETWORK,
    decide,
    mean_measures,
    network_config,
    stored_config,
)
from clv_warehouse.clv.rhythm import Window
from clv_warehouse.clv.scoring import fixed_sample
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.training import train
from clv_warehouse.clv.tuning import TUNING
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.acceptance import (
    TOO_SHORT,
    Decision,
    Measures,
    judged_cases,
)
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.fingerprints import data_fingerprint
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import SCHEMA, new_row


@doorway
def trained(
    plan: Plan,
    metrics: Relation,
    features: Relation,
    targets: Relation,
    days: Relation,
) -> pa.Table:
    """Return a new row of clv_network, if a training is due, and none otherwise."""
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    progress = Progress(NETWORK)
    progress.say(f"training, because: {plan.reason}")
    reads = network_config(plan).features
    today = fixed_sample(features.filter(f"as_of_date = date '{plan.as_of_date}'"))
    row = apart(
        trained_row,
        plan,
        judged_cases(metrics, plan.as_of_date),
        **known_rows(features, targets, reads),
        today=today.project(", ".join(reads.columns)),
        days=days,
    )
    progress.say(row["decision"][0].as_py())
    return row


def trained_row(
    plan: Plan,
    cases: Sequence[Measures],
    features: pa.Table,
    targets: pa.Table,
    today: pa.Table,
    days: pa.Table,
) -> pa.Table:
    """Train a network for `today`, rows of customer_features; return its new row.

    `cases` are those of the backtest, which decide whether it is accepted.
    """
    config = network_config(plan)
    observations = Observations.from_arrow(features, targets)
    customers = Customers.from_arrow(today)
    shop_days = ShopDays.from_arrow(days).until(np.datetime64(plan.as_of_date))
    prior = Prior.fit(customers.history, shop_days, lambda: Window.of(observations))
    progress = Progress(NETWORK)
    network = train(observations, prior, customers, config, progress, TUNING)
    decision = decide(cases)
    if not network.corrects:
        decision = Decision(TOO_SHORT, f"{TOO_SHORT}: too few buyers to learn from")
    return new_row(
        plan,
        decision,
        network.to_bytes(),
        data_fingerprint=fingerprint(observations, customers, shop_days),
        config=stored_config(plan, config, TUNING),
        prior=prior.to_json(),
        measures=json.dumps(mean_measures(cases)),
        history=progress.history,
    )


def fingerprint(observations: Observations, today: Customers, days: ShopDays) -> str:
    """Return 32 letters that differ if anything does that a network is trained on."""
    return data_fingerprint(
        [
            *(
                each
                for customers in (observations.customers, today)
                for each in (
                    customers.customer_key,
                    customers.as_of_date,
                    *customers.numbers.values(),
                    customers.sequences,
                )
            ),
            observations.row,
            observations.horizon_days,
            observations.spend,
            observations.purchases,
            days.day,
            days.new_customers,
            days.repeats,
            days.gross,
            days.net,
        ]
    )
