"""Makes Superset's datasets: the tables under contract with the shop's metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clv_warehouse.project.contracts import Column, Table
from clv_warehouse.project.metrics import Metric
from clv_warehouse.serving.superset.identity import DATABASE, VERSION, identity

ORDERS, PROFILES = "orders.fct_orders", "profiles.customer_profiles"
# Number formats, in D3's language.
NUMBERS = {
    "count": ",d",
    "number": ",.2f",
    "money": ",.0f",
    "share": ".1%",
    "measure": ",.3f",
}
# Sums that charts need from tables without a metric of the shop.
MEASURES = (
    Metric(
        "predicted_per_customer",
        "Predicted spend per customer",
        "Mean predicted spend of the tenth's customers.",
        "money",
        "clv.backtest_deciles",
        "sum(customers * predicted_spend) / sum(customers)",
    ),
    Metric(
        "actual_per_customer",
        "Actual spend per customer",
        "Mean spend of the tenth's customers within the horizon.",
        "money",
        "clv.backtest_deciles",
        "sum(customers * actual_spend) / sum(customers)",
    ),
    Metric(
        "mean_value",
        "Value",
        "The measure's value; its mean where origins are put together.",
        "measure",
        "clv.backtest_metrics",
        "avg(value)",
    ),
    Metric(
        "value_by_age",
        "Value per customer",
        "What a customer of the group has brought by the month of this age.",
        "money",
        "profiles.cohort_values",
        "max(value_per_customer)",
    ),
    Metric(
        "visits_so_far",
        "Visits",
        "Visits that came to the step or further.",
        "count",
        "recommendations.site_funnel",
        "sum(visits)",
    ),
    Metric(
        "rejected",
        "Rejected records",
        "Raw rows that are no fact.",
        "count",
        "orders.rejected_records",
        "count(*)",
    ),
)


@dataclass(frozen=True)
class Dataset:
    """What Superset queries: a table of the database, or a query over two of them.

    Attributes:
        name: the name that charts use and that Superset shows.
        schema: the schema of the table; for a query, the schema of its first table.
        description: what one row is.
        columns: in the order of the table.
        metrics: the metrics of the shop over its rows.
        time_column: the column that time filters use, if any.
        sql: the query; empty for a table.

    """

    name: str
    schema: str
    description: str
    columns: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    time_column: str | None
    sql: str | None = None

    @property
    def uuid(self) -> str:
        """The same in every generation."""
        return identity("dataset", f"{self.schema}.{self.name}")


def datasets(tables: Sequence[Table], metrics: Sequence[Metric]) -> list[Dataset]:
    """Make a dataset of each table, and one of orders joined to their customers."""
    known = {table.full_name: table for table in tables}
    over = {
        name: tuple(
            metric for metric in (*metrics, *MEASURES) if metric.relation == name
        )
        for name in known
    }
    plain = [
        Dataset(
            table.name,
            table.schema,
            table.description,
            table.columns,
            over[name],
            table.time_column,
        )
        for name, table in known.items()
    ]
    return [*plain, _customers_orders(known[ORDERS], known[PROFILES], over[ORDERS])]


def _customers_orders(
    orders: Table, profiles: Table, metrics: tuple[Metric, ...]
) -> Dataset:
    """Return the dataset of orders on which filters of customers act."""
    wanted = ("segment", "country", "acquisition_channel")
    added = tuple(column for column in profiles.columns if column.name in wanted)
    selected = ", ".join(f"profiles.{column.name}" for column in added)
    return Dataset(
        "customers_orders",
        orders.schema,
        f"{orders.description.strip()} With what its customer is today; guests' orders "
        "have nothing there.",
        (*orders.columns, *added),
        metrics,
        "ordered_date",
        f"select orders.*, {selected}\n"
        f"from {orders.full_name} as orders\n"
        f"left join {profiles.full_name} as profiles\n"
        "    on orders.customer_key = profiles.customer_key\n",
    )


def dataset_file(dataset: Dataset) -> dict[str, Any]:
    """Return the content of a dataset's file."""
    return {
        "table_name": dataset.name,
        "main_dttm_col": dataset.time_column,
        "description": dataset.description.strip(),
        "offset": 0,
        "catalog": None,
        "schema": dataset.schema,
        "sql": dataset.sql,
        "source_db_engine": "duckdb",
        "filter_select_enabled": True,
        "uuid": dataset.uuid,
        "columns": [_column(column, dataset.metrics) for column in dataset.columns],
        "metrics": [_metric(metric) for metric in dataset.metrics],
        "version": VERSION,
        "database_uuid": identity("database", DATABASE),
    }


def _column(column: Column, metrics: Sequence[Metric]) -> dict[str, Any]:
    # Superset knows one label per name, whether it is a column or a metric.
    labels = {metric.name: metric.label for metric in metrics}
    return {
        "column_name": column.name,
        "verbose_name": labels.get(column.name, in_words(column.name)),
        "type": column.data_type.upper(),
        "is_dttm": column.data_type.startswith(("date", "timestamp")),
        "is_active": True,
        "groupby": True,
        "filterable": True,
        "description": column.description.strip(),
    }


def in_words(name: str) -> str:
    """Turn the name of a column into a heading: value_rank becomes Value rank."""
    return name.replace("_", " ").capitalize()


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "expression": metric.expression,
        "description": metric.description,
        "d3format": NUMBERS[metric.format],
    }
