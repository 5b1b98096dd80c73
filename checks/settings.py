"""Write the table of settings into docs/settings.md: `python -m checks.settings`."""

import argparse
import json
from datetime import date
from typing import Any

from benchmarks.harness import ROOT, write_between_marks
from clv_warehouse.project.command import run_main
from clv_warehouse.project.settings import Setting, settings

PAGE = ROOT / "docs" / "settings.md"
MARK = "settings"


def table() -> str:
    """All settings as a Markdown table; fields of the network follow the network."""
    rows = [
        f"| `{each.name}` | {each.meaning}{_trains(each)} | {_text(each.default)} "
        f"| {each.allowed} |"
        for each in settings()
    ]
    return "\n".join(
        ["| var | meaning | default | allowed |", "|---|---|---|---|", *rows]
    )


def _trains(setting: Setting) -> str:
    return " \\*" if setting.trains else ""


def _text(value: Any) -> str:
    """A value as YAML has it."""
    return f"`{value if isinstance(value, str | date) else json.dumps(value)}`"


def main() -> int:
    """Write the table into the page; return the exit code."""
    argparse.ArgumentParser(prog="checks.settings", description=__doc__).parse_args()
    write_between_marks(PAGE, MARK, table())
    print(f"{PAGE.relative_to(ROOT)}: {len(settings())} settings")
    return 0


if __name__ == "__main__":
    run_main(main)
