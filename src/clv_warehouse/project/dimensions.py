"""Which dimensions a metric can be grouped by, and the SQL of a query of metrics.

Names and shapes are those of dbt's semantic layer: customer__country is the dimension
country of the entity customer, metric_time the date of whatever a metric counts, and
customer__country of an order that of its customer.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_warehouse.project.metrics import MANIFEST, Metric, load

METRIC_TIME = "metric_time"
GRAINS = ("day", "week", "month", "quarter", "year")
# {{ Dimension('customer__country') }}, and {{ TimeDimension('metric_time', 'month') }}.
_IN_BRACES = re.compile(
    r"\{\{\s*(?:Time)?Dimension\(\s*['\"](\w+)['\"]\s*(?:,\s*['\"](\w+)['\"]\s*)?\)"
    r"\s*\}\}"
)


class MetricQueryError(ValueError):
    """A query names a metric, dimension or grain that is not there; says which are."""


@dataclass(frozen=True)
class Dimension:
    """A column by which the metrics of a table can be grouped.

    Attributes:
        name: with the entity that it is of, as in customer__country.
        type: time, or categorical.
        relation: schema and name of the table that has it.
        column: an expression over that table.
        joined_by: of a dimension of another table: the columns of the metric's own
            table and of that one that must be equal. None for one of its own.

    """

    name: str
    type: str
    relation: str
    column: str
    joined_by: tuple[str, str] | None = None

    @property
    def entity(self) -> str:
        """The entity, which names the joined table in SQL."""
        return self.name.partition("__")[0]


@dataclass(frozen=True)
class Group:
    """A dimension to group by; `grain` is one of GRAINS, for a dimension of time."""

    name: str
    grain: str | None = None

    @property
    def column(self) -> str:
        """Its column in the answer: metric_time__month."""
        return f"{self.name}__{self.grain}" if self.grain else self.name


class Catalog:
    """The metrics that there are, and what each can be grouped by."""

    def __init__(self, manifest: Path = MANIFEST) -> None:
        """Read what dbt wrote of the project; raises as `metrics.load` does."""
        self.metrics = {metric.name: metric for metric in load(manifest)}
        known = json.loads(manifest.read_text("utf-8"))
        self._models = {model["name"]: model for model in known["semantic_models"]}
        measured_in = {
            measure["name"]: model["name"]
            for model in known["semantic_models"]
            for measure in model["measures"]
        }
        # All measures of a metric are of one table.
        self._model_of = {
            metric["name"]: measured_in[measure["name"]]
            for metric in known["metrics"]
            for measure in metric["type_params"]["input_measures"]
        }

    def metric(self, name: str) -> Metric:
        """The metric of a name; raises MetricQueryError if there is none."""
        if name not in self.metrics:
            raise MetricQueryError(
                f"There is no metric {name}. There are {', '.join(self.metrics)}."
            )
        return self.metrics[name]

    def dimensions(self, names: Sequence[str]) -> dict[str, Dimension]:
        """What all of these metrics can be grouped by, by name.

        Where they are over several tables, each has its own metric_time.
        """
        if not names:
            raise MetricQueryError("Name at least one metric; list_metrics has them.")
        found = [self._dimensions_of(self._model(name)) for name in names]
        shared = set(found[0]).intersection(*found)
        return {name: each for name, each in found[0].items() if name in shared}

    def sql(
        self,
        names: Sequence[str],
        group_by: Sequence[Group] = (),
        order_by: Sequence[tuple[str, bool]] = (),
        where: str | None = None,
        limit: int | None = None,
    ) -> str:
        """The query of metrics: a column per group and metric, a row per group.

        Args:
            names: the metrics.
            group_by: what to group by.
            order_by: names of metrics or groups, and whether the largest comes first;
                the groups in their order without any.
            where: a condition over dimensions, in SQL or with dbt's braces.
            limit: how many rows at most.

        Raises:
            MetricQueryError: something is not there; the message says what is.

        """
        shared = self.dimensions(names)
        for group in group_by:
            _check(group, shared)
        condition = _IN_BRACES.sub(_without_braces, where) if where else "true"
        by_model: dict[str, list[Metric]] = {}
        for name in dict.fromkeys(names):
            by_model.setdefault(self._model(name), []).append(self.metric(name))
        parts = [
            self._part(model, metrics, group_by, condition)
            for model, metrics in by_model.items()
        ]
        groups = [group.column for group in group_by]
        query = parts[0] if len(parts) == 1 else _joined(parts, groups, names)
        wanted = order_by or [(name, False) for name in groups]
        for name, _ in wanted:
            if name not in (*groups, *names):
                raise MetricQueryError(
                    f"The answer has no column {name} to order by. It has "
                    f"{', '.join((*groups, *names))}."
                )
        if wanted:
            order = ", ".join(f"{name}{' desc' * last}" for name, last in wanted)
            query += f"\norder by {order}"
        return f"{query}\nlimit {limit}" if limit is not None else query

    def _model(self, metric: str) -> str:
        return self._model_of[self.metric(metric).name]

    def _dimensions_of(self, name: str) -> dict[str, Dimension]:
        """All dimensions of a semantic model: its own, and those of its entities."""
        model = self._models[name]
        own = {each.name: each for each in _own(model)}
        time = model["defaults"]["agg_time_dimension"]
        [at] = [each for each in own.values() if each.name.endswith(f"__{time}")]
        found = {METRIC_TIME: Dimension(METRIC_TIME, "time", at.relation, at.column)}
        found |= own
        for entity in model["entities"]:
            for other in self._models.values():
                key = _primary(other)
                if entity["type"] == "foreign" and key["name"] == entity["name"]:
                    joined_by = _column(entity), _column(key)
                    found |= {
                        each.name: Dimension(
                            each.name, each.type, each.relation, each.column, joined_by
                        )
                        for each in _own(other)
                    }
        return found

    def _part(
        self,
        model: str,
        metrics: Sequence[Metric],
        group_by: Sequence[Group],
        condition: str,
    ) -> str:
        """The query of the metrics of one table."""
        dimensions = self._dimensions_of(model)
        asked = " ".join([condition, *(group.name for group in group_by)])
        used = [
            dimensions[name]
            for name in dict.fromkeys(re.findall(r"\w+", asked))
            if name in dimensions
        ]
        own = "".join(
            f", {each.column} as {each.name}" for each in used if not each.joined_by
        )
        source = f"(select *{own} from {metrics[0].relation})"
        joined = [each for each in used if each.joined_by]
        if joined:
            names = "".join(f", {each.entity}.{each.name}" for each in joined)
            joins = "\n".join(
                _join(entity, [each for each in joined if each.entity == entity])
                for entity in dict.fromkeys(each.entity for each in joined)
            )
            source = f"(\nselect base.*{names}\nfrom {source} as base\n{joins}\n)"
        selected = [_group(group) for group in group_by]
        selected += [f"{metric.expression} as {metric.name}" for metric in metrics]
        query = f"select {', '.join(selected)}\nfrom {source}\nwhere {condition}"
        places = ", ".join(str(place + 1) for place in range(len(group_by)))
        return f"{query}\ngroup by {places}" if places else query


def _own(model: Mapping[str, Any]) -> list[Dimension]:
    relation = model["node_relation"]
    table = f"{relation['schema_name']}.{relation['alias']}"
    entity = _primary(model)["name"]
    return [
        Dimension(f"{entity}__{each['name']}", each["type"], table, _column(each))
        for each in model["dimensions"]
    ]


def _primary(model: Mapping[str, Any]) -> Mapping[str, Any]:
    [entity] = [each for each in model["entities"] if each["type"] == "primary"]
    return entity


def _column(described: Mapping[str, Any]) -> str:
    return described["expr"] or described["name"]


def _join(entity: str, dimensions: Sequence[Dimension]) -> str:
    """A join of one other table, with the dimensions of it that are used."""
    first = dimensions[0]
    assert first.joined_by is not None
    ours, theirs = first.joined_by
    columns = "".join(f", {each.column} as {each.name}" for each in dimensions)
    return (
        f"left join (select {theirs} as {entity}__key{columns} from {first.relation}) "
        f"as {entity}\n    on base.{ours} = {entity}.{entity}__key"
    )


def _check(group: Group, shared: Mapping[str, Dimension]) -> None:
    if group.name not in shared:
        raise MetricQueryError(
            f"These metrics cannot be grouped by {group.name}. They can be by "
            f"{', '.join(shared)}."
        )
    if group.grain and shared[group.name].type != "time":
        raise MetricQueryError(f"{group.name} is no time, so that it has no grain.")
    if group.grain and group.grain not in GRAINS:
        raise MetricQueryError(
            f"There is no grain {group.grain}. There are {', '.join(GRAINS)}."
        )


def _group(group: Group) -> str:
    return f"{_truncated(group)} as {group.column}" if group.grain else group.name


def _truncated(group: Group) -> str:
    return f"cast(date_trunc('{group.grain}', {group.name}) as date)"


def _without_braces(found: re.Match[str]) -> str:
    group = Group(found[1], found[2])
    return _truncated(group) if group.grain else group.name


def _joined(parts: Sequence[str], groups: Sequence[str], names: Sequence[str]) -> str:
    """Put metrics of several tables beside each other, by group."""
    union = "\nunion all by name\n".join(f"({part})" for part in parts)
    selected = [*groups, *(f"max({name}) as {name}" for name in dict.fromkeys(names))]
    query = f"select {', '.join(selected)}\nfrom (\n{union}\n)"
    return f"{query}\ngroup by {', '.join(groups)}" if groups else query
