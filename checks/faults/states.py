"""Makes the known states that tries start from, and says what each of them is.

built      a shop that was loaded, built, published and drawn
loaded     the same, with newer data loaded over it; they make training due
rebuilt    the same, built; what is published and drawn is still of `built`
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from checks.faults.hashes import (
    POSTGRES,
    Expected,
    hashes_of_raw,
    hashes_of_tables,
    page_without_clock,
    published,
)
from checks.faults.lane import DBT_BUILD, Done, Lane, draw, load, publish
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING

CUSTOMERS = 300
# The newer data go on for longer than a network may age, so that a build trains.
OLD_DAYS, NEW_DAYS = 860, 912
BUILT, LOADED, REBUILT = "built", "loaded", "rebuilt"
TRAINED = ("clv.backtest_predictions", "clv.clv_network")


@dataclass(frozen=True)
class Known:
    """The states, and how long what leads to them takes undisturbed.

    Attributes:
        shop: the folder of the newer data.
        tables: those under contract; schema monitoring, which says what ran, is not
            among them.
        old: what `built` is.
        new: what `rebuilt` is, once it is published and drawn.
        seconds: of each command, by name, and of dbt's phases.

    """

    shop: Path
    tables: tuple[Table, ...]
    old: Expected
    new: Expected
    seconds: dict[str, float]


def make_states(lane: Lane, folder: Path) -> Known:
    """Make a shop at two dates and, in a lane, the states; raises RuntimeError."""
    shops = []
    for days in (OLD_DAYS, NEW_DAYS):
        shops.append(folder / f"shop_of_{days}_days")
        size = ("--customers", str(CUSTOMERS), "--days", str(days))
        must(lane.run("scripts/make_shop.py", shops[-1], *size))
    seconds = {}

    def timed(name: str, *command: str | Path) -> Done:
        started = time.monotonic()
        done = must(lane.run(*command))
        seconds[name] = time.monotonic() - started
        return done

    must(lane.run(*load(shops[0])))
    must(lane.run(*DBT_BUILD))
    tables = tuple(
        each for each in read_tables(lane.manifest) if each.schema != "monitoring"
    )
    must(lane.run(*publish(lane, "all")))
    must(lane.run(*draw(lane)))
    old = found(lane, tables)
    lane.keep(BUILT)
    timed("load", *load(shops[1]))
    lane.keep(LOADED)
    built = timed("build", *DBT_BUILD)
    seconds |= phases(built.out)
    lane.keep(REBUILT)
    timed("publish", *publish(lane, "all"))
    timed("dashboard", *draw(lane))
    return Known(shops[1], tables, old, found(lane, tables), seconds)


def must(done: Done) -> Done:
    """Return what a command did; raises RuntimeError if it failed."""
    if done.code:
        raise RuntimeError(f"A command failed before any fault: {done.said}")
    return done


def found(lane: Lane, tables: tuple[Table, ...]) -> Expected:
    """What the lane holds now."""
    forms = (SERVING, PARQUET, *([POSTGRES] if lane.postgres else []))
    return Expected(
        hashes_of_raw(lane.warehouse),
        hashes_of_tables(lane.warehouse, tables),
        {
            form: published(lane.published, form, tables, lane.postgres)
            for form in forms
        },
        page_without_clock(lane.page),
    )


def phases(output: str) -> dict[str, float]:
    """Seconds of dbt's first models before training, and of training, by its log."""
    clock = {
        (name, word): int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        for hours, minutes, seconds, word, name in re.findall(
            r"(\d\d):(\d\d):(\d\d)  \d+ of \d+ (START|OK) .*?model (\S+) \.", output
        )
    }
    first = min(clock.values())
    begin, end = clock[TRAINED[0], "START"], clock[TRAINED[1], "OK"]
    return {"sql": begin - first, "training": end - begin}
