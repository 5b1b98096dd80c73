"""The queries of README.md, docs/questions.md, docs/model-card.md, and their results.

`python -m checks.questions` asks the warehouse of the sample shop and writes the
results into these pages, below their queries.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT

README = ROOT / "README.md"
PAGE = ROOT / "docs" / "questions.md"
CARD = ROOT / "docs" / "model-card.md"
WAREHOUSE = ROOT / "data" / "sample.duckdb"

QUESTION = re.compile(
    r"^## (?P<title>[^\n]+)\n"
    r"(?P<text>(?:(?!^## |^```).)*)"
    r"^```sql\n(?P<sql>(?:(?!^```).)*)^```\n\n"
    r"<!-- (?P<kind>facts|forecast) -->\n"
    r"(?P<result>(?:(?!^<!-- ).)*)<!-- /(?P=kind) -->",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Question:
    """A query of the page.

    Attributes:
        title: the question.
        sql: the query.
        kind: facts, which every machine finds alike, or forecast, whose last digits
            depend on where the network was trained.
        result: the lines of the table that the page shows.

    """

    title: str
    sql: str
    kind: str
    result: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells that the page shows, the names of the columns first."""
        lines = self.result.strip().splitlines()
        return [_cells(line) for index, line in enumerate(lines) if index != 1]


def read(page: str) -> list[Question]:
    """The questions of a page's text, in their order."""
    return [
        Question(found["title"], found["sql"], found["kind"], found["result"])
        for found in QUESTION.finditer(page)
    ]


def ask(question: Question, warehouse: duckdb.DuckDBPyConnection) -> list[list[str]]:
    """What the warehouse says: rows of cells as text, the columns' names first.

    Raises ValueError, with the query, where the warehouse cannot answer it.
    """
    try:
        answer = warehouse.sql(question.sql)
    except duckdb.Error as error:
        raise ValueError(f"{question.title}\n{question.sql}\n{error}") from error
    rows = [[_text(value) for value in row] for row in answer.fetchall()]
    return [list(answer.columns), *rows]


def answered(page: str, warehouse: duckdb.DuckDBPyConnection) -> str:
    """The page's text with the results that the warehouse gives now."""

    def answer(found: re.Match[str]) -> str:
        question = Question(found["title"], found["sql"], found["kind"], "")
        before, kind = found[0][: found.start("result") - found.start()], found["kind"]
        return f"{before}{_markdown(ask(question, warehouse))}\n<!-- /{kind} -->"

    return QUESTION.sub(answer, page)


def _text(value: Any) -> str:
    """One cell; nothing for a null."""
    if value is None:
        return ""
    return str(value).replace("|", "\\|")


def _cells(line: str) -> list[str]:
    """The cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row names the columns."""
    names, *values = rows
    lines = [f"| {' | '.join(row)} |" for row in (names, *values)]
    return "\n".join([lines[0], "|---" * len(names) + "|", *lines[1:]])


def main() -> int:
    """Write the results into the pages; 1 if the warehouse is not there."""
    argparse.ArgumentParser(prog="checks.questions", description=__doc__).parse_args()
    if not WAREHOUSE.is_file():
        print(f"{WAREHOUSE} is not there: dbt build --target sample", file=sys.stderr)
        return 1
    with duckdb.connect(str(WAREHOUSE), read_only=True) as warehouse:
        for path in (README, PAGE, CARD):
            page = answered(path.read_text("utf-8"), warehouse)
            path.write_text(page, "utf-8")
            print(f"{path.relative_to(ROOT)}: {len(read(page))} questions answered")
    return 0


if __name__ == "__main__":
    run_main(main)
