"""How work that takes a while tells a person how far it is."""

from collections.abc import Callable

# Takes one line at a time.
Report = Callable[[str], None]
