"""List the published tables in docs/tables.md: `python -m checks.published`."""

import argparse
import re
from collections.abc import Iterable
from itertools import groupby

from benchmarks.harness import ROOT, write_between_marks
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.project.places import manifest

PAGE = ROOT / "docs" / "tables.md"
MARK = "tables"
# What most people look for comes first.
SCHEMAS = (
    *("profiles", "clv", "recommendations", "marketing", "reports", "metrics"),
    *("orders", "features", "monitoring"),
)


def table(published: Iterable[Table]) -> str:
    """The tables of each schema in Markdown, with the first sentence of each."""
    lines = []
    by_schema = groupby(sorted(published, key=_place), key=lambda each: each.schema)
    for schema, tables in by_schema:
        lines += [f"## {schema}", "| table | what a row is |", "|---|---|"]
        lines += [
            f"| `{each.full_name}` | {_first_sentence(each)} |" for each in tables
        ]
        lines.append("")
    return "\n".join(lines).rstrip()


def _place(each: Table) -> tuple[int, str]:
    return SCHEMAS.index(each.schema), each.name


def _first_sentence(each: Table) -> str:
    text = " ".join(each.description.split())
    sentence = re.split(r"(?<=[.?])\s+", text)[0].rstrip(".")
    sentence = sentence.removeprefix("One row per ")
    return sentence[0].upper() + sentence[1:]


def main() -> int:
    """Write the list into the page; return the exit code."""
    argparse.ArgumentParser(prog="checks.published", description=__doc__).parse_args()
    published = read_tables(manifest())
    write_between_marks(PAGE, MARK, table(published))
    print(f"{PAGE.relative_to(ROOT)}: {len(published)} tables")
    return 0


if __name__ == "__main__":
    run_main(main)
