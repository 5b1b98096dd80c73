"""The type of the functions that tell a person how far long work is."""

from collections.abc import Callable

# Such a function takes one line at a time.
Report = Callable[[str], None]
