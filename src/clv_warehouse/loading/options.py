"""What the command line says of a load, beside its source and its warehouse."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to read the source.

    Attributes:
        dates: strptime formats of its dates, read beside ISO 8601.

    """

    dates: tuple[str, ...] = ()


AS_USUAL = Options()
