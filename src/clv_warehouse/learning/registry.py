"""Keeps the networks that each learned model trained, and finds the one that scores.

Each learned model has a table of its own name with these columns, because a dbt model
writes one table. `trainings` shows the rows of all of them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.engines.doorway import engine_of
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


def standing(session: Any, this: Any, schema: pa.Schema) -> pa.Table:
    """Read the rows that earlier runs left in a model's table, if there were any.

    Columns that the table lacks are null, except the name of the model.
    """
    found = engine_of(session).table(session, this)
    if found is None:
        return schema.empty_table()
    rows = found.to_arrow_table()
    for field in schema:
        if field.name not in rows.schema.names:
            value = this.identifier if field.name == "model_name" else None
            rows = rows.append_column(
                field.name, pa.repeat(pa.scalar(value, field.type), len(rows))
            )
    return rows.select(schema.names).cast(schema)


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


def with_row(standing: pa.Table, row: pa.Table) -> pa.Table:
    """Add the row of a training to the rows of earlier runs.

    The same data, settings and code give the same weights and so the same version. The
    new row then replaces the old one, so each version has one row.
    """
    is_other = pc.not_equal(standing["network_version"], row["network_version"][0])
    return pa.concat_tables([standing.filter(is_other), row])


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
