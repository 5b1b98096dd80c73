"""Runs every query of README.md, docs/questions.md and docs/model-card.md.

Each has its result below it, which must be what the sample shop says.
"""

import json
import re
from pathlib import Path

import duckdb
import pytest

from checks.questions import CARD, PAGE, README, Question, answered, ask, read
from clv_warehouse.project import metrics

TEXT = PAGE.read_text("utf-8")
QUESTIONS = read(TEXT)
OTHERS = [*read(README.read_text("utf-8")), *read(CARD.read_text("utf-8"))]
ALL = [*QUESTIONS, *OTHERS]
# Of a forecast: how far a number may be off, and how many cells have to agree. Networks
# trained on two machines differ a little, and customers of like value change places.
TOLERANCE, AGREEING = 0.05, 0.8


def agrees(shown: str, found: str) -> bool:
    try:
        return float(found) == pytest.approx(float(shown), rel=TOLERANCE, abs=TOLERANCE)
    except ValueError:
        return found == shown


def test_the_page_numbers_its_questions() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert [question.title for question in QUESTIONS] == titles
    numbers = [int(title.split(".")[0]) for title in titles]
    assert numbers == list(range(1, len(titles) + 1))
    assert TEXT.count("```sql") == len(titles) >= 20
    others = [page.read_text("utf-8").count("```sql") for page in (README, CARD)]
    assert others[0] == 1
    assert len(OTHERS) == sum(others)


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.title)
def test_the_page_says_what_the_warehouse_does(
    sample: duckdb.DuckDBPyConnection, question: Question
) -> None:
    found = ask(question, sample)
    shown = question.rows
    # The sample shop remembers the forecasts of one build: nothing to compare with.
    assert len(found) > 1 or "value_changes" in question.sql, "no rows"
    if question.kind == "facts":
        assert found == shown
    else:
        assert found[0] == shown[0]
        assert len(found) == len(shown)
        cells = [
            agrees(theirs, ours)
            for row, ours_row in zip(shown[1:], found[1:], strict=True)
            for theirs, ours in zip(row, ours_row, strict=True)
        ]
        assert sum(cells) >= AGREEING * len(cells), (shown, found)


def test_queries_read_contracted_tables_only(parsed: Path) -> None:
    nodes = json.loads((parsed / "manifest.json").read_text())["nodes"].values()
    contracted = {
        f"{node['schema']}.{node['alias']}"
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["contract"]["enforced"]
    }
    for question in ALL:
        tables = set(re.findall(r"\b(?:from|join)\s+(\w+\.\w+)", question.sql))
        assert tables, question.title
        assert tables <= contracted, question.title


def test_columns_with_a_metrics_name_are_that_metric(
    sample: duckdb.DuckDBPyConnection, parsed: Path
) -> None:
    by_name = {
        metric.name: metric
        for metric in metrics.load(parsed / "semantic_manifest.json")
    }
    names, row = ask(QUESTIONS[0], sample)
    assert len(names) > 5
    for name, value in zip(names, row, strict=True):
        [(expected,)] = sample.sql(by_name[name].query()).fetchall()
        assert float(value) == pytest.approx(float(expected), abs=0.001)


def test_results_are_written_below_their_queries() -> None:
    page = (
        "## How much?\n\n```sql\nselect 'a|b' as name, null as nothing, 2 as number\n"
        "```\n\n<!-- facts -->\nold\n<!-- /facts -->\n\nThe end.\n"
    )
    with duckdb.connect() as connection:
        written = answered(page, connection)
        assert answered(written, connection) == written
    assert written == page.replace(
        "old", "| name | nothing | number |\n|---|---|---|\n| a\\|b |  | 2 |"
    )


def test_a_query_that_fails_is_named() -> None:
    broken = Question("How much?", "select amount from nowhere", "facts", "")
    with duckdb.connect() as connection, pytest.raises(ValueError, match="How much"):
        ask(broken, connection)
