"""dbt's Python models on a Spark session, which dbt-spark cannot give them.

A model's file runs as it is, over copies in DuckDB of the tables that it reads. The
copies are bounded: of customer_features and clv_scores they have as many of the scoring
date's customers as training and explaining look at. What reads every customer, scoring,
runs on Spark itself.
"""

import runpy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from clv_warehouse.clv.observations import COLUMNS
from clv_warehouse.clv.registry import last_accepted
from clv_warehouse.clv.scoring import (
    SAMPLE_CUSTOMERS,
    SCHEMA,
    fit_prior,
    score_batch,
)


@dataclass(frozen=True)
class Table:
    """A table of the warehouse, as a Python model's dbt.this names it."""

    schema: str
    identifier: str
    database: str = "memory"

    @property
    def name(self) -> str:
        """The table's name on Spark, and in the copies."""
        return f"{self.schema}.{self.identifier}"

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


@dataclass(frozen=True)
class PythonModel:
    """A dbt Python model: its file, its table, what it reads and its config's meta."""

    name: str
    path: Path
    this: Table
    reads: dict[str, Table]
    meta: dict[str, Any]


def run_python_model(session: SparkSession, model: PythonModel) -> None:
    """Write a Python model's table."""
    if model.name == "clv_scores":
        score(session, model)
        return
    with duckdb.connect() as copies:
        for table in (*model.reads.values(), model.this):
            copy(session, copies, table, model)
        found = runpy.run_path(str(model.path))["model"](Doorway(model, copies), copies)
        rows = found.read_all() if isinstance(found, pa.RecordBatchReader) else found
    write(session, rows, model.this)


def score(session: SparkSession, model: PythonModel) -> None:
    """Write clv_scores: the batches of all customers are scored where they are."""
    features, networks = model.reads["customer_features"], model.reads["clv_network"]
    (last,) = rows_of(session, f"select max(as_of_date) as day from {features.name}")
    if last["day"] is None:
        write(session, SCHEMA.empty_table(), model.this)
        return
    with duckdb.connect() as copies:
        copy(session, copies, networks, model)
        accepted = last_accepted(copies.table(networks.name), last["day"])
        columns = accepted.network.config.columns if accepted else COLUMNS
        if accepted:
            prior = accepted.prior
        else:
            copy(session, copies, features, model)
            today = copies.table(features.name)
            prior = fit_prior(today.filter(f"as_of_date = date '{last['day']}'"))
    horizons = sorted(model.meta["horizons"])

    def scored(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield from score_batch(batch, accepted, prior, horizons)

    today = session.table(features.name).where(f"as_of_date = date '{last['day']}'")
    today.select(*columns).mapInArrow(scored, from_arrow_schema(SCHEMA)).write.mode(
        "overwrite"
    ).saveAsTable(model.this.name)


class Doorway:
    """What a Python model asks of dbt, answered from the copies in DuckDB."""

    def __init__(self, model: PythonModel, copies: duckdb.DuckDBPyConnection) -> None:
        self.this = model.this
        self.config = Config(model.meta)
        self._reads = model.reads
        self._copies = copies

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        """Find an input."""
        return self._copies.table(self._reads[name].name)


class Config:
    """A model's config: set by the model's file, its meta by YAML."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self._meta = meta

    def __call__(self, **settings: Any) -> None:
        """Take what the file sets; all of it is for dbt."""

    def meta_get(self, name: str) -> Any:
        """Find what YAML says."""
        return self._meta[name]


def copy(
    session: SparkSession,
    copies: duckdb.DuckDBPyConnection,
    table: Table,
    model: PythonModel,
) -> None:
    """Copy a table of the warehouse into DuckDB, if it is there; bounded."""
    if not session.catalog.tableExists(table.name):
        return
    rows = naive(session.sql(bounded(table, model)).toArrow())
    copies.execute(f"create schema if not exists {table.schema}")
    copies.register("rows", rows)
    copies.execute(f"create or replace table {table.name} as select * from rows")
    copies.unregister("rows")


def bounded(table: Table, model: PythonModel) -> str:
    """Select a table's rows, or those of them that the model looks at.

    Training and the means of explanations look at a fixed sample of today's customers,
    explanations at those of whom most is expected.
    """
    if table.identifier not in ("customer_features", "clv_scores"):
        return f"select * from {table.name}"
    features = model.reads["customer_features"].name
    today = f"(select max(as_of_date) from {features})"
    customers = (
        f"(select customer_key from {features} where as_of_date = {today} "
        f"order by md5(customer_key), customer_key limit {SAMPLE_CUSTOMERS})"
    )
    if "clv_scores" in model.reads and "customers" in model.meta:
        scores = model.reads["clv_scores"].name
        customers += (
            f" union (select customer_key from {scores} "
            f"where horizon_days = (select max(horizon_days) from {scores}) "
            "order by predicted_spend desc, customer_key "
            f"limit {model.meta['customers']})"
        )
    wanted = f"customer_key in (select customer_key from ({customers}))"
    return f"select * from {table.name} where {wanted} or as_of_date < {today}"


def write(session: SparkSession, rows: pa.Table, table: Table) -> None:
    """Replace a table of the warehouse."""
    session.sql(f"create schema if not exists {table.schema}")
    frame = session.createDataFrame(rows, from_arrow_schema(rows.schema))
    frame.write.mode("overwrite").saveAsTable(table.name)


def rows_of(session: SparkSession, query: str) -> Sequence[dict[str, Any]]:
    """Rows of a small query."""
    return session.sql(query).toArrow().to_pylist()


def naive(rows: pa.Table) -> pa.Table:
    """The same rows, timestamps in UTC without saying so, as the warehouse has them."""
    fields = [
        field.with_type(pa.timestamp("us"))
        if pa.types.is_timestamp(field.type)
        else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
