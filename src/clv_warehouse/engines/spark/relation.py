"""Turns Spark DataFrames into Relations, and the library's tables into DataFrames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql
from pyspark.sql.pandas.types import from_arrow_schema
from threadpoolctl import threadpool_limits

from clv_warehouse.engines.relation import ByBatch
from clv_warehouse.project.contracts import Table

DESCENDING = " desc"


@dataclass(frozen=True)
class Rows:
    """A DataFrame as a Relation."""

    frame: DataFrame

    def filter(self, condition: str) -> "Rows":
        """Keep the rows for which a condition holds."""
        return Rows(self.frame.where(condition))

    def project(self, expressions: str) -> "Rows":
        """Compute one row from each row."""
        return Rows(self.frame.selectExpr(*expressions.split(", ")))

    # In Spark the expression itself says whether it is an aggregate.
    aggregate = project

    def order(self, expressions: str) -> "Rows":
        """Sort, by columns that have no nulls."""
        terms = [
            sql.expr(term.removesuffix(DESCENDING)).desc()
            if term.endswith(DESCENDING)
            else sql.expr(term)
            for term in expressions.split(", ")
        ]
        return Rows(self.frame.orderBy(*terms))

    def distinct(self) -> "Rows":
        """Keep each row once."""
        return Rows(self.frame.distinct())

    def limit(self, rows: int) -> "Rows":
        """Keep the first rows."""
        return Rows(self.frame.limit(rows))

    def join(self, other: "Rows", column: str) -> "Rows":
        """Pair rows of the same value."""
        return Rows(self.frame.join(other.frame, column))

    def fetchall(self) -> list[tuple]:
        """Read all rows."""
        return [tuple(row.values()) for row in self.to_arrow_table().to_pylist()]

    def to_arrow_table(self) -> pa.Table:
        """Read all rows; timestamps are UTC without a zone, as in the warehouse."""
        rows = self.frame.toArrow()
        fields = [
            field.with_type(pa.timestamp("us"))
            if pa.types.is_timestamp(field.type)
            else field
            for field in rows.schema
        ]
        return rows.cast(pa.schema(fields))

    def to_arrow_reader(self, batch_rows: int | None = None) -> pa.RecordBatchReader:
        """Read all rows at once and return them batch by batch."""
        return self.to_arrow_table().to_reader(batch_rows)


@dataclass(frozen=True)
class Spark:
    """Spark as an engine: it takes and gives DataFrames; its workers run batch work."""

    session: SparkSession

    @classmethod
    def of(cls, given: DataFrame | SparkSession) -> "Spark":
        """Return the engine of a session, or of the session of a DataFrame."""
        is_frame = isinstance(given, DataFrame)
        return cls(given.sparkSession if is_frame else given)

    def relation(self, given: Any) -> Any:
        """Turn a DataFrame into a Relation; return anything else as it is."""
        return Rows(given) if isinstance(given, DataFrame) else given

    def answer(self, found: Any) -> Any:
        """Turn a table or batch work into a DataFrame."""
        if isinstance(found, ByBatch):
            return made_by_batch(found)
        if isinstance(found, pa.Table):
            return frame_of(self.session, found)
        return found

    def table(self, session: SparkSession, table: Table) -> Rows | None:
        """Look the table up in the session's catalogue."""
        name = table.full_name
        return Rows(session.table(name)) if session.catalog.tableExists(name) else None

    def add(
        self, session: SparkSession, table: Table, rows: pa.RecordBatchReader
    ) -> None:
        """Append the rows; write the table anew where they have a new column.

        An append is whole or not there at all. Sail cannot add a column to a table.
        """
        added = rows.read_all()
        there = self.table(session, table)
        if there is None:
            session.sql(f"create schema if not exists {table.schema}")
            self.overwrite(session, table, added)
        elif set(there.frame.columns) == set(added.column_names):
            if added.num_rows:
                frame = frame_of(session, added.select(there.frame.columns))
                frame.write.mode("append").saveAsTable(table.full_name)
        else:
            self.overwrite(session, table, together(there.to_arrow_table(), added))

    def overwrite(self, session: SparkSession, table: Table, rows: pa.Table) -> None:
        """Put rows in the place of those of a table."""
        frame_of(session, rows).write.mode("overwrite").saveAsTable(table.full_name)


def together(older: pa.Table, newer: pa.Table) -> pa.Table:
    """Return the rows of both; what one lacks of the other's columns is null."""
    return pa.concat_tables(
        [newer.slice(0, 0), older, newer], promote_options="default"
    )


def frame_of(session: SparkSession, rows: pa.Table) -> DataFrame:
    """Turn a table into a DataFrame with the same types."""
    return session.createDataFrame(rows, from_arrow_schema(rows.schema))


def made_by_batch(table: ByBatch) -> DataFrame:
    """Let Spark's workers run batch work; what they need is pickled."""
    work, batch_rows = table.work, table.batch_rows

    def made(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Each worker already has a task for each of its cores.
        with threadpool_limits(1):
            for batch in batches:
                for start in range(0, batch.num_rows, batch_rows):
                    yield from work(batch.slice(start, batch_rows))

    assert isinstance(table.rows, Rows)
    return table.rows.frame.mapInArrow(made, from_arrow_schema(table.schema))
