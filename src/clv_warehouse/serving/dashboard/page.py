"""The dashboard as one HTML file, which holds all that it needs."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clv_warehouse.project.metrics import Metric
from clv_warehouse.serving.dashboard.figures import figures

FOLDER = Path(__file__).parent


def write_dashboard(warehouse: Path, metrics: Sequence[Metric], page: Path) -> None:
    """Write the dashboard of `warehouse` to `page`, whole or not at all.

    Raises FileNotFoundError if the warehouse is not there, duckdb.Error if it cannot
    be read.
    """
    built = dt.datetime.fromtimestamp(warehouse.stat().st_mtime)
    shown = figures(warehouse, metrics) | {"built": f"{built:%Y-%m-%d %H:%M}"}
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_name(page.name + ".part")
    unfinished.write_text(assemble(shown), "utf-8")
    unfinished.replace(page)


def assemble(shown: dict[str, Any]) -> str:
    """The page that shows these figures, with all that it needs inside."""
    parts = {
        "style": (FOLDER / "page.css").read_text("utf-8"),
        "echarts": (FOLDER / "echarts" / "echarts.js").read_text("utf-8"),
        "script": (FOLDER / "page.js").read_text("utf-8"),
        "figures": _json_in_html(shown),
    }
    text = (FOLDER / "page.html").read_text("utf-8")
    for name, part in parts.items():
        head, tail = text.split(f"<!-- {name} -->")
        text = f"{head}{part}{tail}"
    return text


def _json_in_html(value: Any) -> str:
    """JSON without a `<`, so that no text in it can end the element that it is in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
