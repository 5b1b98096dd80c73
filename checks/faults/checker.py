"""What a loss is: looks at a lane after a fault, and after the next run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from checks.faults.hashes import (
    POSTGRES,
    Hashes,
    differing,
    hashes_of_raw,
    hashes_of_tables,
    page_without_clock,
    published,
)
from checks.faults.lane import DBT_BUILD, SHOW, Done, Lane, draw, load, publish
from checks.faults.states import Known
from clv_warehouse.project.stopping import SECONDS_TO_END
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING

# PostgreSQL is no part of a state: only what is about it publishes to it.
FILES = (SERVING, PARQUET)
# How many differing tables a loss names.
SHOWN = 3


@dataclass
class Checker:
    """Looks for losses in a lane and keeps those that it finds.

    Attributes:
        lane: where to look.
        known: what there should be.
        losses: what was lost so far, each in a sentence.

    """

    lane: Lane
    known: Known
    losses: list[str] = field(default_factory=list)

    def lost(self, sentence: str) -> None:
        """Note a loss."""
        self.losses.append(sentence)

    def ends(self) -> None:
        """All processes of the try end in the seconds that are promised."""
        # What is asked to end may ask another, which has as long again.
        deadline = time.monotonic() + 2 * SECONDS_TO_END
        while (left := self.lane.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            self.lost(f"outlived its parent: {left}")

    def nothing_left(self) -> None:
        """No half file and no scratch folder is left."""
        if left := self.lane.left_files():
            self.lost(f"left behind: {', '.join(left)}")

    def same(self, what: str, found: Hashes, *allowed: Hashes) -> None:
        """What was found is one of those that it may be, and no mixture."""
        if differ := differing(found, *allowed):
            more = f" and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
            self.lost(f"{what} is not one build: {', '.join(differ[:SHOWN])}{more}")

    def published_is(self, *names: str, forms: Sequence[str] = FILES) -> None:
        """Each published form is whole and of one of these builds, old or new."""
        for form in forms:
            allowed = [getattr(self.known, name).published[form] for name in names]
            try:
                found = published(
                    *(self.lane.published, form, self.known.tables),
                    self.lane.postgres,
                )
            except Exception as error:
                self.lost(f"the published {form} cannot be read: {error}")
            else:
                self.same(f"the published {form}", found, *allowed)

    def page_is(self, *names: str) -> None:
        """The dashboard is that of one of these builds."""
        pages = [getattr(self.known, name).page for name in names]
        if page_without_clock(self.lane.page) not in pages:
            self.lost(f"{self.lane.page.name} is not the page of one build")

    def refuses(self, what: str, done: Done, *words: str) -> None:
        """A command fails with one sentence, which has one of these words."""
        said = done.out + done.err
        is_dbt = what.startswith("dbt")
        if done.code not in (1, 2):
            self.lost(f"{what} ended with {done.code}: {done.said}")
        elif "Traceback" in said:
            self.lost(f"{what} shows a traceback: {done.said}")
        elif not is_dbt and len(done.err.strip().splitlines()) != 1:
            self.lost(f"{what} does not say one sentence: {done.err.strip()!r}")
        elif words and not any(word in said for word in words):
            self.lost(f"{what} does not say {' or '.join(words)}: {done.said}")

    def works(self, what: str, done: Done) -> bool:
        """A command succeeds."""
        if done.code:
            self.lost(f"{what} failed with {done.code}: {done.said}")
        return not done.code

    def readers_get_one_build(self) -> None:
        """publish, dashboard and show all take the warehouse, or all refuse it.

        If they take it, it is one complete build.
        """
        commands = {
            "publish.py": publish(self.lane, "serving"),
            "dashboard.py": draw(self.lane),
            "show.py": SHOW,
        }
        codes = {}
        for name, command in commands.items():
            done = self.lane.run(*command)
            codes[name] = done.code
            if done.code:
                self.refuses(name, done, "not one complete, tested build")
        if len(set(codes.values())) > 1:
            self.lost(f"some take the warehouse and some refuse it: {codes}")
        self.published_is(*(["old"] if codes["publish.py"] else ["old", "new"]))

    def loads(self) -> None:
        """The load succeeds, and holds what an undisturbed one does."""
        if self.works("load.py", self.lane.run(*load(self.known.shop))):
            raw = hashes_of_raw(self.lane.warehouse)
            self.same("what was loaded", raw, self.known.new.raw)

    def builds(self) -> None:
        """The build succeeds, and makes what an undisturbed one does."""
        if self.works("dbt build", self.lane.run(*DBT_BUILD)):
            self.built_is_new()

    def built_is_new(self) -> None:
        """The warehouse is what an undisturbed build of the newer data makes."""
        tables = hashes_of_tables(self.lane.warehouse, self.known.tables)
        self.same("the warehouse", tables, self.known.new.tables)

    def publishes(self, forms: Sequence[str] = FILES) -> None:
        """Publishing succeeds, and each form is the new build."""
        form = "all" if POSTGRES in forms else "parquet"
        if self.works("publish.py", self.lane.run(*publish(self.lane, form))):
            self.published_is("new", forms=forms)

    def draws(self) -> None:
        """Drawing succeeds, and the page is that of the new build."""
        if self.works("dashboard.py", self.lane.run(*draw(self.lane))):
            self.page_is("new")
