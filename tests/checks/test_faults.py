"""Tests that the proof of faults sees what is lost, by losing it on purpose."""

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from checks.faults import checker as looking
from checks.faults.checker import Checker
from checks.faults.hashes import (
    Expected,
    hashes_of_parquet,
    hashes_of_raw,
    hashes_of_tables,
)
from checks.faults.lane import MARK, Done, Lane
from checks.faults.states import Known
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING
from tests.support.publishing import TABLES, build, publish

PAGE = "<html>old</html>"


def expected(lane: Lane) -> Expected:
    """What is in a lane."""
    forms = {
        SERVING: hashes_of_tables(lane.published / SERVING, TABLES),
        PARQUET: hashes_of_parquet(lane.published / PARQUET, TABLES),
    }
    tables = hashes_of_tables(lane.warehouse, TABLES)
    return Expected(hashes_of_raw(lane.warehouse), tables, forms, PAGE)


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    """A lane whose warehouse is new and whose published forms are old."""
    lane = Lane(tmp_path / "lane", tmp_path / "states")
    lane.mark = "planted"
    builds = []
    for version in (2, 1):
        build(lane.warehouse, version)
        publish(lane.warehouse, lane.published)
        builds.append(expected(lane))
    build(lane.warehouse, 2)
    lane.page.write_text(PAGE)
    new, old = builds
    return Checker(lane, Known(tmp_path, TABLES, old, new, {}))


def test_what_is_whole_is_no_loss(checker: Checker) -> None:
    checker.published_is("old")
    checker.page_is("old")
    checker.built_is_new()
    checker.ends()
    checker.nothing_left()
    assert checker.losses == []


def test_tables_of_two_builds_are_a_loss(checker: Checker) -> None:
    with duckdb.connect(checker.lane.warehouse) as connection:
        connection.execute(
            "update shop.fct_orders set amount = 1.0001 where order_id > 500"
        )
    publish(checker.lane.warehouse, checker.lane.published)
    checker.built_is_new()
    checker.published_is("old", "new")
    assert [each.partition(" is not one build: ")[0] for each in checker.losses] == [
        "the warehouse",
        f"the published {SERVING}",
        f"the published {PARQUET}",
    ]


def test_a_form_of_another_build_is_a_loss(checker: Checker) -> None:
    checker.published_is("new")
    assert [each.partition(":")[0] for each in checker.losses] == [
        f"the published {SERVING} is not one build",
        f"the published {PARQUET} is not one build",
    ]


def test_a_copy_that_cannot_be_read_is_a_loss(checker: Checker) -> None:
    shutil.rmtree((checker.lane.published / PARQUET).resolve())
    (checker.lane.published / SERVING).unlink()
    (checker.lane.published / SERVING).write_bytes(b"half")
    checker.published_is("old", "new")
    assert len(checker.losses) == 2
    assert all("cannot be read" in each for each in checker.losses)


def test_half_a_page_is_a_loss(checker: Checker) -> None:
    checker.lane.page.write_text(PAGE[:-1])
    checker.page_is("old", "new")
    assert checker.losses == ["dashboard.html is not the page of one build"]


def test_half_files_and_scratch_folders_are_losses(checker: Checker) -> None:
    (checker.lane.published / "versions" / "20990101T000000.000000Z.partial").mkdir()
    (checker.lane.folder / "tmp" / "clv_scratch_abc").mkdir()
    checker.nothing_left()
    (said,) = checker.losses
    assert "000000Z.partial" in said
    assert "tmp/clv_scratch_abc" in said


def test_a_process_that_goes_on_is_a_loss(
    checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SECONDS_TO_END", 0.1)
    with subprocess.Popen(
        [sys.executable, "-c", "input('ready ')"],
        env={MARK: checker.lane.mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        checker.ends()
        process.communicate(b"\n")
    (said,) = checker.losses
    assert said.startswith(f"outlived its parent: {{{process.pid}: ")


@pytest.mark.parametrize(
    ("done", "loss"),
    [
        (Done(1, "", "publish.py: It is in use by dbt.\n"), None),
        (Done(0, "Published", ""), "publish.py ended with 0: Published"),
        (Done(-9, "", ""), "publish.py ended with -9: "),
        (Done(1, "", "publish.py: It.\nis in use by\n"), "does not say one sentence"),
        (Done(1, "", "publish.py: No.\n"), "does not say in use: publish.py: No."),
        (Done(1, "Traceback (most", "in use"), "publish.py shows a traceback"),
    ],
)
def test_what_a_refusal_must_be(checker: Checker, done: Done, loss: str | None) -> None:
    checker.refuses("publish.py", done, "in use")
    assert len(checker.losses) == (loss is not None)
    assert not loss or loss in checker.losses[0]
