"""Keeps the networks that each learned model trained, and finds the one that scores.

Each learned model has a table of its own name with these columns, because a dbt model
writes one table. The table remembers: a run adds the row of its training, in the place
of the same network's row. `trainings` shows the rows of all.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.plan import Plan

SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("network_version", pa.string()),
        ("trained_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        ("features_fingerprint", pa.string()),
        ("config_fingerprint", pa.string()),
        ("code_fingerprint", pa.string()),
        ("data_fingerprint", pa.string()),
        ("config", pa.string()),
        ("prior", pa.string()),
        ("measures", pa.string()),
        ("weights", pa.binary()),
        ("is_accepted", pa.bool_()),
        ("decision", pa.string()),
    ]
)


@dataclass(frozen=True)
class Stored:
    """A network as it is stored.

    Attributes:
        version: its name among the networks of its model.
        weights: its bytes.
        prior: the parameters of the prior that it corrects, as JSON.

    """

    version: str
    weights: bytes
    prior: str


def new_row(
    plan: Plan,
    decision: tuple[bool, str],
    weights: bytes,
    digest: str,
    **columns: str,
) -> pa.Table:
    """Return the row of a network that was just trained.

    `decision` says whether it may score, and why; `digest` differs if the weights do;
    `columns` are data_fingerprint, config, prior and measures.
    """
    is_accepted, reason = decision
    row = {
        "model_name": plan.model_name,
        "network_version": f"{plan.as_of_date}-{digest}",
        "trained_at": datetime.now(UTC).replace(tzinfo=None),
        "as_of_date": plan.as_of_date,
        "features_fingerprint": plan.features_fingerprint,
        "config_fingerprint": plan.config_fingerprint,
        "code_fingerprint": plan.code_fingerprint,
        "weights": weights,
        "is_accepted": is_accepted,
        "decision": reason,
        **columns,
    }
    return pa.Table.from_pylist([row], schema=SCHEMA)


def last_accepted(networks: Relation, as_of_date: date) -> Stored | None:
    """Return the accepted network with the latest as-of date that is not after a date.

    Among several with the same as-of date it is the one that was trained last.
    """
    rows = (
        networks.filter(f"is_accepted and as_of_date <= date '{as_of_date}'")
        .order("as_of_date desc, trained_at desc, network_version desc")
        .limit(1)
        .project("network_version, weights, prior")
        .fetchall()
    )
    return Stored(*rows[0]) if rows else None
