"""Turns the metrics that models/metrics/metrics.yml defines into SQL.

Whenever dbt reads the project, it checks the definitions and writes them, with the
tables that they are over, into target/semantic_manifest.json. This module reads that
file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_warehouse.project.places import ROOT

MANIFEST = ROOT / "target" / "semantic_manifest.json"
FORMATS = ("count", "number", "money", "share")
AGGREGATES = {
    "sum": "sum({})",
    "average": "avg({})",
    "min": "min({})",
    "max": "max({})",
    "count": "count({})",
    "count_distinct": "count(distinct {})",
}


@dataclass(frozen=True)
class Metric:
    """One figure of the shop: an aggregate over one table.

    Attributes:
        name: the name in SQL.
        label: the name that a person reads.
        description: what it counts, and what it leaves out.
        format: count, number (with decimals), money or share (of one, to show as a
            percentage).
        relation: schema and name of the table.
        expression: an aggregate over the table's columns, in the SQL that DuckDB and
            PostgreSQL share. It adds nothing up twice, so it may be filtered by `where`
            and grouped by any column of the table.

    """

    name: str
    label: str
    description: str
    format: str
    relation: str
    expression: str

    def query(self, *by: str, where: str = "true") -> str:
        """Select the metric, or one row per value of the columns `by`."""
        groups = "".join(f"{column}, " for column in by)
        group_by = f" group by {', '.join(by)} order by {', '.join(by)}" if by else ""
        return (
            f"select {groups}{self.expression} as {self.name} "
            f"from {self.relation} where {where}{group_by}"
        )


def load(manifest: Path = MANIFEST) -> list[Metric]:
    """Return all metrics, sorted by name: dbt does not keep their order.

    Raises FileNotFoundError if dbt has not read the project yet, and ValueError for a
    metric that is not one aggregate over one table.
    """
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest}: not there. Run `dbt parse` first.")
    known = json.loads(manifest.read_text("utf-8"))
    measures = {
        measure["name"]: (model, measure)
        for model in known["semantic_models"]
        for measure in model["measures"]
    }
    metrics = {metric["name"]: metric for metric in known["metrics"]}
    return [_metric(metrics[name], metrics, measures) for name in sorted(metrics)]


def _metric(
    metric: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, Any]],
    measures: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> Metric:
    """Put one metric together."""
    name, parts = metric["name"], metric["type_params"]
    shown = ((metric["config"] or {}).get("meta") or {}).get("format")
    if shown not in FORMATS:
        raise ValueError(
            f"metric {name}: config.meta.format is {shown}, not one of {FORMATS}"
        )
    if metric["type"] == "ratio":
        upper, lower = (
            _metric(metrics[parts[part]["name"]], metrics, measures)
            for part in ("numerator", "denominator")
        )
        if upper.relation != lower.relation:
            raise ValueError(
                f"metric {name}: {upper.name} is over {upper.relation}, "
                f"{lower.name} over {lower.relation}. Both must be over one table."
            )
        filters = [
            metric["filter"],
            *(parts[part]["filter"] for part in ("numerator", "denominator")),
        ]
        relation = upper.relation
        # Cast to double, because PostgreSQL divides whole numbers to a whole number.
        expression = f"1e0 * {upper.expression} / nullif({lower.expression}, 0)"
    elif metric["type"] == "simple":
        model, measure = measures[parts["measure"]["name"]]
        filters = [metric["filter"], parts["measure"]["filter"]]
        if measure["agg"] not in AGGREGATES:
            raise ValueError(
                f"metric {name}: {measure['agg']} is not one of {sorted(AGGREGATES)}"
            )
        table = model["node_relation"]
        relation = f"{table['schema_name']}.{table['alias']}"
        expression = AGGREGATES[measure["agg"]].format(
            measure["expr"] or measure["name"]
        )
    else:
        raise ValueError(f"metric {name}: type {metric['type']} is no single aggregate")
    if any(filters):
        raise ValueError(
            f"metric {name}: a filter stands in the expression of its measure, "
            "as a case"
        )
    return Metric(
        name,
        metric["label"] or name,
        " ".join(metric["description"].split()),
        shown,
        relation,
        expression,
    )
