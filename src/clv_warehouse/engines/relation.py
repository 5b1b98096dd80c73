"""What the library sees of an engine: rows to read, and batch work to describe."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from threadpoolctl import threadpool_limits

from clv_warehouse.project.contracts import Table
from clv_warehouse.project.stopping import raise_if_stopping

Result = TypeVar("Result")

# numpy releases the interpreter's lock while it computes. More threads than two would
# only take memory from the database.
THREADS = 2


class Relation(Protocol):
    """Rows that an engine holds or can compute. It reads them only when asked.

    The method names are DuckDB's, so a DuckDB relation already is a Relation.
    Expressions are SQL that all engines understand, separated by a comma and a space.
    """

    def filter(self, condition: str, /) -> "Relation":
        """Keep the rows for which a condition holds."""

    def project(self, expressions: str, /) -> "Relation":
        """Compute one row from each row."""

    def aggregate(self, expressions: str, /) -> "Relation":
        """Compute one row from all rows."""

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
    """A description of batch work, which the engine of the rows runs.

    Attributes:
        rows: the input.
        work: turns one batch of the input into batches of the output.
        schema: the schema of the output.
        batch_rows: the most rows that `work` is given at a time.

    """

    rows: Relation
    work: Callable[[pa.RecordBatch], Sequence[pa.RecordBatch]]
    schema: pa.Schema
    batch_rows: int


class Engine(Protocol):
    """What differs between engines."""

    def relation(self, given: Any) -> Relation:
        """Turn what `dbt.ref` gave into a Relation; return anything else as it is."""

    def answer(self, found: Any) -> Any:
        """Turn a table or batch work into what dbt takes from a Python model."""

    def table(self, session: Any, table: Table) -> Relation | None:
        """Return the rows of a table of the warehouse; None if there is none."""

    def add(self, session: Any, table: Table, rows: pa.RecordBatchReader) -> None:
        """Add rows to a table that remembers, which is made if there is none.

        The rows have all columns of the table; one that the warehouse's table lacks is
        added to it.
        """


def in_threads(
    work: Callable[[pa.RecordBatch], Result], batches: Iterable[pa.RecordBatch]
) -> Iterator[Result]:
    """Apply `work` to each batch in threads; return the results in order.

    Raises StoppedError if the process is ending.
    """
    # Each batch has a thread. Threads inside the matrix products would only compete
    # with these.
    with threadpool_limits(1), ThreadPoolExecutor(THREADS) as pool:
        waiting: deque = deque()
        for batch in batches:
            raise_if_stopping()
            waiting.append(pool.submit(work, batch))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        for result in waiting:
            yield result.result()
