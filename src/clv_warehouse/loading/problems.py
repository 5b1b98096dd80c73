"""What can be wrong with the files of a shop."""

from dataclasses import dataclass

from clv_warehouse.project.problems import CommandError


class LoadError(CommandError):
    """The data or the warehouse is wrong; the message says what to do."""


@dataclass(frozen=True)
class Problem:
    """One kind of trouble in one file.

    Attributes:
        file: the file as messages call it.
        message: a whole text with the place, the value and the way out.
        column: its column, as the file spells it; None if it concerns whole rows.
        row: the first row, as a person counts them in the file; the header is row 1.
        value: the value in that row.
        count: how many values or rows have it.

    """

    file: str
    message: str
    column: str | None = None
    row: int | None = None
    value: str | None = None
    count: int = 1
