"""What the command line says of a load, beside its source and its warehouse."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to read the source.

    Attributes:
        dates: strptime formats of its dates, tried before what is read anyway.
        time_zone: of times without an offset; None if they are the shop's clock.
        is_append: whether to add to the tables that are there.
        is_check: whether to go on where a load ends, and to undo all at the end.

    """

    dates: tuple[str, ...] = ()
    time_zone: str | None = None
    is_append: bool = False
    is_check: bool = False


AS_USUAL = Options()
