"""The border between the library and what dbt's Python models get from an engine.

There `dbt.ref` gives a lazy relation: DuckDB's own, or a Spark DataFrame. Inside, all
are a Relation, and what is made of them is a table in memory or work that is still to
be done batch by batch; `doorway` translates both ways.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from threadpoolctl import threadpool_limits

Result = TypeVar("Result")

# numpy leaves the interpreter's lock while it computes; more threads than this only
# take memory from the database.
THREADS = 2


class Relation(Protocol):
    """Rows that an engine has or can make, read when they are asked for.

    The words are DuckDB's, so that its relations are ones as they are. Expressions are
    SQL that all engines understand, separated by a comma and a space.
    """

    def filter(self, condition: str, /) -> "Relation":
        """Keep the rows for which a condition holds."""

    def project(self, expressions: str, /) -> "Relation":
        """Compute a row of each row."""

    def aggregate(self, expressions: str, /) -> "Relation":
        """Compute one row of all rows."""

    def order(self, expressions: str, /) -> "Relation":
        """Sort, by columns that have no nulls."""

    def distinct(self) -> "Relation":
        """Keep each row once."""

    def limit(self, rows: int, /) -> "Relation":
        """Keep the first rows."""

    def join(self, other: Any, column: str, /) -> "Relation":
        """Pair rows of the same value."""

    def fetchall(self) -> list[tuple]:
        """Read all rows."""

    def to_arrow_table(self) -> pa.Table:
        """Read all rows."""

    def to_arrow_reader(self, batch_rows: int = ..., /) -> pa.RecordBatchReader:
        """Read the rows batch by batch."""


@dataclass(frozen=True)
class ByBatch:
    """A table that is still to be made, batch by batch, by the engine of its rows.

    Attributes:
        rows: that are read.
        work: makes batches of the table of one batch of rows.
        schema: the table's.
        batch_rows: the most rows that `work` is given at a time.

    """

    rows: Relation
    work: Callable[[pa.RecordBatch], Sequence[pa.RecordBatch]]
    schema: pa.Schema
    batch_rows: int


class Engine(Protocol):
    """What differs between engines."""

    def relation(self, given: Any) -> Relation:
        """Make a Relation of what `dbt.ref` gave; other arguments stay."""

    def answer(self, found: Any) -> Any:
        """Make of a table, in memory or still to be made, what dbt takes there."""

    def table(self, session: Any, this: Any) -> Relation | None:
        """Find the table that `dbt.this` names, if it is there."""


class DuckDb:
    """Relations are DuckDB's own; tables go back as Arrow, or as a stream of it."""

    def relation(self, given: Any) -> Relation:
        """What `dbt.ref` gave is one."""
        return given

    def answer(self, found: Any) -> Any:
        """A reader of what is made by batch: drain it, or the connection stays busy."""
        if not isinstance(found, ByBatch):
            return found
        batches = found.rows.to_arrow_reader(found.batch_rows)
        parts = in_threads(found.work, batches)
        return pa.RecordBatchReader.from_batches(
            found.schema, (batch for part in parts for batch in part)
        )

    def table(self, session: Any, this: Any) -> Relation | None:
        """Look the table up in the catalogue of the connection."""
        found = session.execute(
            "select 1 from information_schema.tables "
            "where (table_catalog, table_schema, table_name) = (?, ?, ?)",
            [this.database, this.schema, this.identifier],
        ).fetchall()
        return session.sql(f"select * from {this}") if found else None


def engine_of(*given: Any) -> Engine:
    """Find the engine of what a Python model was given: relations, or a session."""
    for each in given:
        if type(each).__module__.startswith("pyspark."):
            # Not everybody has Spark.
            from clv_warehouse.engines.spark.relation import Spark

            return Spark.of(each)
    return DuckDb()


def doorway(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of Relations take those of any engine, all of the same one.

    Its answer, if it is a table, becomes what dbt takes from a Python model there.
    """

    @wraps(function)
    def entered(*given: Any) -> Any:
        engine = engine_of(*given)
        return engine.answer(function(*map(engine.relation, given)))

    return entered


def in_threads(
    work: Callable[[pa.RecordBatch], Result], batches: Iterable[pa.RecordBatch]
) -> Iterator[Result]:
    """Work on each batch and return the results in order; few are waiting at a time."""
    # Threads of its own, one per batch: those of the matrix products would only get
    # in each other's way.
    with threadpool_limits(1), ThreadPoolExecutor(THREADS) as pool:
        waiting: deque = deque()
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        for result in waiting:
            yield result.result()
