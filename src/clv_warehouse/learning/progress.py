"""Prints how far long work is, for a person who watches the build."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Prints how far a piece of work is, and how long the rest will take.

    Attributes:
        work: name of the work; every line begins with it.
        started: when its steps began, in seconds of the monotonic clock.

    """

    work: str
    started: float = field(default_factory=time.monotonic)

    def restarted(self) -> "Progress":
        """Return the same work with its steps beginning now."""
        return Progress(self.work)

    def say(self, text: str) -> None:
        """Print one line, such as `clv_network: accepted`."""
        print(f"{self.work}: {text}", flush=True)

    def step(self, done: int, of: int, text: str) -> None:
        """Print one line after step `done` of `of`, with the seconds left."""
        left = (time.monotonic() - self.started) / done * (of - done)
        self.say(f"{text}, {left:.0f} s left")
