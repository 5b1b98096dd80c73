"""Prints how far long work is, for a person who watches, and keeps how it went."""

import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Progress:
    """Prints how far a piece of work is, and how long the rest will take.

    Attributes:
        work: name of the work; every line begins with it.
        started: when its steps began, in seconds of the monotonic clock.
        epochs: what was noted of each epoch of training, as `history` tells it.

    """

    work: str
    started: float = field(default_factory=time.monotonic)
    epochs: list[str] = field(default_factory=list)

    def restarted(self) -> "Progress":
        """Return the same work with its steps beginning now."""
        return replace(self, started=time.monotonic())

    def note(
        self, member: int, epoch: int, loss: float, later_loss: float | None = None
    ) -> None:
        """Keep the loss after an epoch, on what is learned from and on later data.

        `member` is the place of the network in its ensemble, from 1; 0 is the trial.
        """
        later = "" if later_loss is None else f"{later_loss:.6g}"
        self.epochs.append(f"{member} {epoch} {loss:.6g} {later}")

    @property
    def history(self) -> str:
        """All epochs as a text: `0 1 3.98 2.50; 1 1 3.75 `; SQL takes it apart."""
        return "; ".join(self.epochs)

    def say(self, text: str) -> None:
        """Print one line, such as `clv_network: accepted`."""
        print(f"{self.work}: {text}", flush=True)

    def step(self, done: int, of: int, text: str) -> None:
        """Print one line after step `done` of `of`, with the seconds left."""
        left = (time.monotonic() - self.started) / done * (of - done)
        self.say(f"{text}, {left:.0f} s left")
