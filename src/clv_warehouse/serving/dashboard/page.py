"""Writes the dashboard as one HTML file, which holds everything that it needs."""

import json
from pathlib import Path
from typing import Any

from clv_warehouse.project.files import written_whole
from clv_warehouse.serving.dashboard.figures import figures

FOLDER = Path(__file__).parent
# The page's script, in this order: what all panels share, the panels, and the start.
# They are plain scripts that share one scope, so that nothing has to bundle them.
SCRIPTS = (
    "scripts/tables.js",
    "scripts/words.js",
    "scripts/elements.js",
    "scripts/choice.js",
    "scripts/colours.js",
    "scripts/charts.js",
    "scripts/judged.js",
    "scripts/concentration.js",
    "scripts/lists.js",
    "panels/lead.js",
    "panels/week.js",
    "panels/metrics.js",
    "panels/periods.js",
    "panels/revenue.js",
    "panels/value.js",
    "panels/segments.js",
    "panels/cohorts.js",
    "panels/worth.js",
    "panels/experiments.js",
    "panels/budget.js",
    "panels/customers.js",
    "panels/products.js",
    "panels/site.js",
    "panels/alarms.js",
    "panels/trust.js",
    "panels/quality.js",
    "scripts/start.js",
)


def write_dashboard(warehouse: Path, page: Path, is_forced: bool = False) -> None:
    """Write the dashboard of `warehouse` to `page`, whole or not at all.

    `warehouse` is what dbt has built, or a published copy (serving.duckdb). Raises
    WarehouseError if it cannot be read or has no reports, CommandError if the page
    cannot be written, IncompleteBuildError if it is not one complete build, unless
    `is_forced`; the page then says why.
    """
    build, tables = figures(warehouse, is_forced)
    shown = {
        "built": f"{build.ended_at:%Y-%m-%d %H:%M} UTC" if build.ended_at else None,
        "incomplete": build.why_incomplete,
        "tables": tables,
    }
    with written_whole(page) as unfinished:
        unfinished.write_text(assemble(shown), "utf-8")


def assemble(shown: dict[str, Any]) -> str:
    """Return the page of these figures, with everything that it needs inside."""
    parts = {
        "style": (FOLDER / "page.css").read_text("utf-8"),
        "echarts": (FOLDER / "echarts" / "echarts.js").read_text("utf-8"),
        "script": "\n".join((FOLDER / name).read_text("utf-8") for name in SCRIPTS),
        "figures": _json_in_html(shown),
    }
    text = (FOLDER / "page.html").read_text("utf-8")
    for name, part in parts.items():
        head, tail = text.split(f"<!-- {name} -->")
        text = f"{head}{part}{tail}"
    return text


def _json_in_html(value: Any) -> str:
    """Return JSON without a `<`, so that no text in it can end its HTML element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
