"""Lets commands meet that write to one place, and readers meet a publication."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from checks.faults.checker import Checker
from checks.faults.lane import DBT_BUILD, draw, publish
from checks.faults.states import LOADED, REBUILT

# Long enough for whatever the other command does on a busy machine.
WAIT = "300"


def two_builds(checker: Checker) -> None:
    """While a build runs, another says so at once, or waits and makes the same."""
    lane = checker.lane
    lane.restore(LOADED)
    first = lane.start(*DBT_BUILD)
    if not first.wait_for(" 1 of "):
        checker.lost(f"dbt build did not begin: {first.wait().said}")
        return
    checker.refuses("dbt build", lane.run(*DBT_BUILD, CLV_WAIT="0"), "is in use by")
    second = lane.start(*DBT_BUILD, CLV_WAIT=WAIT)
    checker.works("dbt build", first.wait())
    checker.works("the second dbt build", second.wait())
    checker.built_is_new()
    checker.publishes()
    checker.nothing_left()


def two_publications(checker: Checker) -> None:
    """Two publications that begin together both succeed; readers see one build."""
    lane = checker.lane
    lane.restore(REBUILT)
    with reading(checker):
        command = (*publish(lane), "--wait", WAIT)
        for each in [lane.start(*command) for _ in range(2)]:
            checker.works("publish.py", each.wait())
    checker.publishes()
    checker.nothing_left()


def publish_beside_a_build(checker: Checker) -> None:
    """While a build runs, publish.py and dashboard.py say so; readers see one build."""
    lane = checker.lane
    lane.restore(LOADED)
    with reading(checker):
        build = lane.start(*DBT_BUILD)
        if build.wait_for(" 1 of "):
            words = ("being written to by", "is in use by")
            checker.refuses("publish.py", lane.run(*publish(lane)), *words)
            checker.refuses("dashboard.py", lane.run(*draw(lane)), *words)
        waiting = lane.start(*publish(lane), "--wait", WAIT)
        checker.works("dbt build", build.wait())
        checker.works("publish.py", waiting.wait())
    checker.built_is_new()
    checker.publishes()
    checker.draws()
    checker.nothing_left()


def a_build_beside_publish(checker: Checker) -> None:
    """A build that begins during a publication waits for it, and changes nothing."""
    lane = checker.lane
    lane.restore(REBUILT)
    with reading(checker):
        publication = lane.start(*publish(lane))
        publication.wait_for("fct_orders: ")
        build = lane.start(*DBT_BUILD)
        checker.works("publish.py", publication.wait())
        checker.published_is("new")
        checker.works("dbt build", build.wait())
    checker.built_is_new()
    checker.publishes()


@contextmanager
def reading(checker: Checker) -> Iterator[None]:
    """Read what is published, over and over: each form must be one build, whole."""
    end = Event()

    def read() -> None:
        while not end.wait(0.2):
            checker.published_is("old", "new")

    reader = Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        end.set()
        reader.join()


TRIES: dict[str, Callable[[Checker], None]] = {
    "two builds at once": two_builds,
    "two publications at once": two_publications,
    "publish beside a build": publish_beside_a_build,
    "a build beside publish": a_build_beside_publish,
}
