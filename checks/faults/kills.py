"""Kills loads, builds, publications and drawings at random moments."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from checks.faults.checker import FILES, Checker
from checks.faults.hashes import POSTGRES
from checks.faults.lane import DBT_BUILD, Command, draw, load, publish
from checks.faults.states import BUILT, LOADED, REBUILT, TRAINED

# Most kills are those of a machine that stops or lacks memory: nothing can be tidied.
BY_FORCE, HEAD_BY_FORCE, ASKED, BY_CTRL_C = "force", "force, head", "asked", "Ctrl-C"
WEIGHTS = {BY_FORCE: 5, HEAD_BY_FORCE: 3, ASKED: 2, BY_CTRL_C: 2}
# A run may end before the moment that was drawn.
MOST_DRAWN = 5


@dataclass(frozen=True)
class Kill:
    """A command that is killed, and when.

    Attributes:
        name: of the command, or the phase of it.
        tries: how many kills.
        state: the known state that it starts from.

    """

    name: str
    tries: int
    state: str


KILLS = (
    Kill("load", 10, BUILT),
    Kill("sql", 5, LOADED),
    Kill("training", 4, LOADED),
    Kill("publish", 6, REBUILT),
    Kill("dashboard", 5, REBUILT),
)


def kill(checker: Checker, what: Kill, seed: int) -> None:
    """Kill a command at a moment that the seed draws, look, and run it again."""
    drawn = random.Random(f"{what.name} {seed}")
    (how,) = drawn.choices(list(WEIGHTS), list(WEIGHTS.values()))
    moments = [drawn.random() for _ in range(MOST_DRAWN)]
    for moment in moments:
        if what.name == "publish" and checker.lane.postgres:
            # PostgreSQL is no part of a state.
            checker.lane.restore(BUILT)
            old = checker.lane.run(*publish(checker.lane, "all"))
            checker.works("publish.py", old)
        checker.lane.restore(what.state)
        if after := _killed(checker, what, how, moment):
            break
    else:
        checker.lost(f"{what.name} ended {MOST_DRAWN} times before it could be killed")
        return
    before = len(checker.losses)
    _look(checker, what)
    _run_again(checker, what, seed)
    for place, loss in enumerate(checker.losses[before:], start=before):
        checker.losses[place] = f"killed ({how}) {after:.1f} s into {what.name}: {loss}"


def _killed(checker: Checker, what: Kill, how: str, moment: float) -> float | None:
    """Kill a command; return after how many seconds, None if it had ended."""
    lane, known = checker.lane, checker.known
    command = lane.start(
        *{
            "load": load(known.shop),
            "publish": publish(lane, "all"),
            "dashboard": draw(lane),
        }.get(what.name, DBT_BUILD)
    )
    marks = {"sql": " 1 of ", "training": f"model {TRAINED[0]} "}
    if what.name in marks and not command.wait_for(marks[what.name]):
        checker.lost(f"dbt build did not come to {what.name}: {command.wait().said}")
        return 0.0
    after = moment * known.seconds[what.name]
    time.sleep(after)
    if command.process.poll() is not None:
        return None
    _send(command, how)
    try:
        command.process.wait(20)
    except subprocess.TimeoutExpired:
        checker.lost(f"{what.name} goes on 20 s after it was told to end ({how})")
        os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()
    return after


def _send(command: Command, how: str) -> None:
    number = command.process.pid
    if how == BY_FORCE:
        os.killpg(number, signal.SIGKILL)
    elif how == HEAD_BY_FORCE:
        os.kill(number, signal.SIGKILL)
    elif how == ASKED:
        os.kill(number, signal.SIGTERM)
    else:
        # A terminal tells the whole group.
        os.killpg(number, signal.SIGINT)


def _look(checker: Checker, what: Kill) -> None:
    checker.ends()
    if what.name == "publish":
        checker.published_is("old", "new", forms=_forms(checker))
    else:
        checker.published_is("old")
        checker.page_is("old", *(["new"] if what.name == "dashboard" else []))
        checker.readers_get_one_build()


def _run_again(checker: Checker, what: Kill, seed: int) -> None:
    if what.name == "load":
        checker.loads()
        # What was loaded is the same: one build in five shows that it can be built.
        if seed % 5:
            checker.nothing_left()
            return
    if what.name in ("load", "sql", "training"):
        checker.builds()
    checker.publishes(_forms(checker) if what.name == "publish" else FILES)
    checker.draws()
    checker.nothing_left()


def _forms(checker: Checker) -> tuple[str, ...]:
    return (*FILES, POSTGRES) if checker.lane.postgres else FILES


def tries() -> Iterator[tuple[Kill, int]]:
    """All kills, each with its seed."""
    for what in KILLS:
        for seed in range(what.tries):
            yield what, seed
