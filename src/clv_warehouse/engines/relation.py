"""What the library sees of an engine: rows to read, and work to do batch by batch."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
