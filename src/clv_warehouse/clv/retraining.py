"""A new row of clv_network: trained on all that is known, accepted or not."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa

from clv_warehouse.clv.backtest import known_rows
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Customers, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.registry import (
    SCHEMA,
    Measures,
    Plan,
    decide,
    mean_measures,
)
from clv_warehouse.clv.scoring import fixed_sample
from clv_warehouse.clv.training import train
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.progress import Progress


@doorway
def trained(
    plan: Plan,
    metrics: Relation,
    features: Relation,
    targets: Relation,
    standing: pa.Table,
) -> pa.Table:
    """Return the rows of clv_network that stand and, when it is due, a new one."""
    if not plan.is_due or plan.as_of_date is None:
        return standing
    progress = Progress("clv_network")
    progress.say(f"training, because: {plan.reason}")
    columns = NetworkConfig.from_json(plan.network).columns
    today = fixed_sample(features.filter(f"as_of_date = date '{plan.as_of_date}'"))
    row = apart(
        new_row,
        plan,
        mean_measures(metrics),
        **known_rows(features, targets, columns),
        today=today.project(", ".join(columns)),
    )
    progress.say(row["decision"][0].as_py())
    return pa.concat_tables([standing, row])


def new_row(
    plan: Plan,
    measures: Measures,
    features: pa.Table,
    targets: pa.Table,
    today: pa.Table,
) -> pa.Table:
    """Train a network for `today`, rows of customer_features; its row of clv_network.

    `measures` are those of the backtest, which decide whether it is accepted.
    """
    config = NetworkConfig.from_json(plan.network)
    observations = Observations.from_arrow(features, targets)
    customers = Customers.from_arrow(today)
    prior = Prior.fit(customers.history)
    network = train(observations, prior, customers, config, Progress("clv_network"))
    is_accepted, decision = decide(measures)
    if not network.corrects:
        is_accepted, decision = False, "not accepted: too little to learn from"
    row = {
        "network_version": f"{plan.as_of_date}-{network.digest}",
        "trained_at": datetime.now(UTC).replace(tzinfo=None),
        "as_of_date": plan.as_of_date,
        "features_fingerprint": plan.features_fingerprint,
        "config_fingerprint": plan.config_fingerprint,
        "data_fingerprint": fingerprint(observations),
        "config": config.to_json(),
        "prior": prior.to_json(),
        "measures": json.dumps(measures),
        "weights": network.to_bytes(),
        "is_accepted": is_accepted,
        "decision": decision,
    }
    return pa.Table.from_pylist([row], schema=SCHEMA)


def fingerprint(observations: Observations) -> str:
    """32 letters that differ where any observation does."""
    digest = sha256()
    customers = observations.customers
    for array in (
        customers.as_of_date,
        *customers.numbers.values(),
        observations.row,
        observations.horizon_days,
        observations.spend,
        observations.purchases,
    ):
        if array is not None:
            digest.update(array.tobytes())
    return digest.hexdigest()[:32]
