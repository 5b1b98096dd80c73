"""What the server is called, and what one call may take and give."""

from dataclasses import dataclass

# What clients call the server.
NAME = "clv-warehouse"
# A model reads what it gets; more than that it should let SQL add up.
MOST_ROWS = 1_000
MOST_CHARACTERS = 50_000
LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class Limits:
    """What the queries of one call may take together.

    Attributes:
        seconds: after so long they are interrupted.
        memory_mb: what DuckDB may use, in MB.

    """

    seconds: float = 20
    memory_mb: int = 1_000
