"""The layout of Superset's dashboard, and its filters."""

from collections.abc import Mapping
from typing import Any

from clv_warehouse.serving.superset.charts import CHARTS, COLOURS, SECTIONS, Section
from clv_warehouse.serving.superset.datasets import Dataset
from clv_warehouse.serving.superset.identity import VERSION, identity

TITLE, SLUG = "Customer lifetime value", "clv"
# The columns to filter by: the datasets of their values, and their labels.
FILTERS = {
    "segment": ("customer_profiles", "Segment"),
    "country": ("customer_profiles", "Country"),
    "acquisition_channel": ("customer_profiles", "Channel"),
    "list": ("customer_lists", "List of customers"),
    "horizon_days": ("backtest_metrics", "Days ahead (predictions judged)"),
}
# One value is always chosen, the largest at first, because measures of different
# horizons must not be mixed.
ONE_AT_A_TIME = ("horizon_days",)
# Numbers of charts count only within the dashboard's file; Superset gives its own.
NUMBERS = {chart: number for number, chart in enumerate(CHARTS, start=1)}


def dashboard_file(datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return the content of the dashboard's file; `datasets` are by name."""
    return {
        "dashboard_title": TITLE,
        "description": "What customers are worth, and how far that can be trusted.",
        "slug": SLUG,
        "published": True,
        "uuid": identity("dashboard", SLUG),
        "position": position(),
        "metadata": {
            "color_scheme": COLOURS,
            "cross_filters_enabled": False,
            "refresh_frequency": 0,
            "filter_bar_orientation": "HORIZONTAL",
            "native_filter_configuration": [
                native_filter(column, datasets[dataset], label)
                for column, (dataset, label) in FILTERS.items()
            ],
        },
        "version": VERSION,
    }


def position() -> dict[str, Any]:
    """Return the tree of headings, rows and charts."""
    parts: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": TITLE}},
    }
    children: list[str] = []
    for section in SECTIONS:
        children += _place(section, parts)
    parts["GRID_ID"] = {
        "type": "GRID",
        "id": "GRID_ID",
        "children": children,
        "parents": ["ROOT_ID"],
    }
    return parts


def _place(section: Section, parts: dict[str, Any]) -> list[str]:
    """Add the parts of a section; return the ids of its heading and rows."""
    heading = f"HEADER-{identity('heading', section.heading)}"
    parts[heading] = {
        "type": "HEADER",
        "id": heading,
        "children": [],
        "parents": ["ROOT_ID", "GRID_ID"],
        "meta": {
            "text": section.heading,
            "headerSize": "MEDIUM_HEADER",
            "background": "BACKGROUND_TRANSPARENT",
        },
    }
    placed = [heading]
    for charts in section.rows:
        row = f"ROW-{identity('row', charts[0].name)}"
        ids = []
        for chart in charts:
            ids.append(f"CHART-{chart.uuid}")
            parts[ids[-1]] = {
                "type": "CHART",
                "id": ids[-1],
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row],
                "meta": {
                    "uuid": chart.uuid,
                    "chartId": NUMBERS[chart],
                    "sliceName": chart.name,
                    "width": chart.width,
                    "height": chart.height,
                },
            }
        parts[row] = {
            "type": "ROW",
            "id": row,
            "children": ids,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        placed.append(row)
    return placed


def native_filter(column: str, dataset: Dataset, label: str) -> dict[str, Any]:
    """Return a filter of the dashboard that acts on the sections with its column."""
    unconcerned = [
        NUMBERS[chart]
        for section in SECTIONS
        if column not in section.filters
        for row in section.rows
        for chart in row
    ]
    one = column in ONE_AT_A_TIME
    return {
        "id": f"NATIVE_FILTER-{identity('filter', column)}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": label,
        "description": "",
        "targets": [{"column": {"name": column}, "datasetUuid": dataset.uuid}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": unconcerned},
        "cascadeParentIds": [],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "controlValues": {
            "multiSelect": not one,
            "enableEmptyFilter": one,
            "defaultToFirstItem": one,
            "sortAscending": not one,
            "searchAllOptions": False,
            "inverseSelection": False,
        },
    }
