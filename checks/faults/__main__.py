"""Proves that faults lose nothing: kills at random moments, and troubles of machines.

A made-up shop of 300 customers is loaded and built. Each try brings a known state back,
does something to it, such as a kill in a training, and looks: no process is left, what
is published is whole and of one build, and publish.py, dashboard.py and show.py refuse
what is not. Then it gives the same commands again and compares all tables with those
of an undisturbed run. It prints a table of tries and losses.
"""

import argparse
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread

import psycopg

from benchmarks.postgres_server import find_programs, running_server
from checks.faults import kills, meetings, troubles
from checks.faults.checker import Checker
from checks.faults.lane import Lane, publish
from checks.faults.skip import SkipError
from checks.faults.states import BUILT, Known, make_states, must
from clv_warehouse.project.command import run_main
from clv_warehouse.project.scratch import scratch_folder

LANES = 2


@dataclass(frozen=True)
class Try:
    """One thing that is tried: its kind, for the table, and what does it."""

    kind: str
    do: Callable[[Checker], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a try: why it was skipped, or what was lost, and its seconds."""

    kind: str
    losses: Sequence[str]
    skipped: str | None
    seconds: float


def all_tries() -> Iterator[Try]:
    """Every try."""
    for name, do in (meetings.TRIES | troubles.TRIES).items():
        yield Try(name, do)
    for what, seed in kills.tries():
        yield Try(f"kill in {what.name}", partial(kills.kill, what=what, seed=seed))


def run_in_lanes(
    tries: Sequence[Try], lanes: Sequence[Lane], known: Known
) -> list[Outcome]:
    """Run tries in lanes, side by side, printing a line for each as it ends."""
    queue: SimpleQueue[Try] = SimpleQueue()
    for each in tries:
        queue.put(each)
    outcomes: list[Outcome] = []
    printing = Lock()

    def work(lane: Lane) -> None:
        while True:
            try:
                found = outcome_of(queue.get_nowait(), Checker(lane, known))
            except Empty:
                return
            with printing:
                outcomes.append(found)
                result = found.skipped or f"{len(found.losses)} losses"
                print(f"{found.seconds:5.0f} s  {found.kind}: {result}", flush=True)
                for loss in found.losses:
                    print(f"         {loss}", flush=True)

    threads = [Thread(target=work, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        # After Ctrl-C the threads are still at work.
        for lane in lanes:
            lane.close()
    return outcomes


def outcome_of(one: Try, checker: Checker) -> Outcome:
    """Run a try; what it could not look at is lost too."""
    started = time.monotonic()
    skipped = None
    try:
        one.do(checker)
    except SkipError as skip:
        skipped = f"skipped, {skip}"
    except Exception as error:
        checker.lost(f"{type(error).__name__}: {error}")
    return Outcome(one.kind, checker.losses, skipped, time.monotonic() - started)


def report(tries: Sequence[Try], outcomes: Sequence[Outcome]) -> bool:
    """Print tries and losses of each kind; say whether nothing was lost."""
    print(f"\n{'fault':<44}{'tries':>6}{'losses':>8}")
    kinds = list(dict.fromkeys(each.kind for each in tries))
    done, lost = Counter[str](), Counter[str]()
    for each in outcomes:
        done[each.kind] += each.skipped is None
        lost[each.kind] += len(each.losses)
    for kind in kinds:
        reasons = [
            each.skipped for each in outcomes if each.kind == kind and each.skipped
        ]
        print(f"{kind:<44}{done[kind]:>6}{lost[kind]:>8}  {'; '.join(set(reasons))}")
    print(f"{'all':<44}{done.total():>6}{lost.total():>8}")
    return not lost.total()


@contextmanager
def postgres_addresses(count: int) -> Iterator[list[str]]:
    """Yield so many databases of a new server; "" for each where there is none."""
    programs = find_programs()
    if programs is None:
        yield [""] * count
        return
    with running_server(programs, "fsync=off") as address:
        names = [f"lane_{number}" for number in range(count)]
        with psycopg.connect(address, autocommit=True) as connection:
            for name in names:
                connection.execute(f"create database {name}")
        yield [f"{address.rpartition('/')[0]}/{name}" for name in names]


def check(chosen: str, folder: Path) -> bool:
    """Run the tries whose kind has a text in it; say whether nothing was lost."""
    started = time.monotonic()
    tries = [each for each in all_tries() if chosen in each.kind]
    with ExitStack() as stack:
        addresses = stack.enter_context(postgres_addresses(LANES))
        states = folder / "states"
        states.mkdir()
        lanes = [
            Lane(folder / f"lane_{number}", states, address)
            for number, address in enumerate(addresses)
        ]
        known = make_states(lanes[0], folder)
        # What dbt has read of the project, it need not read again in the other lanes.
        for lane in lanes[1:]:
            shutil.copytree(lanes[0].folder / "target", lane.folder / "target")
            lane.restore(BUILT)
            must(lane.run(*publish(lane, "all")))
        said = ", ".join(f"{name} {each:.0f} s" for name, each in known.seconds.items())
        print(f"Undisturbed: {said}", flush=True)
        outcomes = run_in_lanes(tries, lanes, known)
    is_well = report(tries, outcomes)
    print(f"in {(time.monotonic() - started) / 60:.1f} minutes")
    return is_well


def in_own_mounts() -> None:
    """Let root mount disks that nobody else sees and that go with this process."""
    flag = "CLV_FAULTS_MOUNTS"
    if os.geteuid() or flag in os.environ or not shutil.which("unshare"):
        return
    arguments = ["unshare", "--mount", sys.executable, "-m", "checks.faults"]
    os.environ[flag] = "own"
    os.execvp("unshare", [*arguments, *sys.argv[1:]])


def main() -> int:
    """Run the tries that the command line chooses; return the exit code."""
    parser = argparse.ArgumentParser(prog="checks.faults", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="faults whose name has this in it"
    )
    parser.add_argument("--keep", type=Path, help="a new folder that keeps everything")
    arguments = parser.parse_args()
    if not Path("/proc/self/environ").exists():
        print(
            "checks.faults needs Linux: it finds processes in /proc.", file=sys.stderr
        )
        return 1
    in_own_mounts()
    if arguments.keep:
        arguments.keep.mkdir(parents=True)
        return int(not check(arguments.only, arguments.keep.resolve()))
    with scratch_folder() as scratch:
        return int(not check(arguments.only, scratch))


if __name__ == "__main__":
    run_main(main)
