"""Compares every metric of the sample shop with pandas over the tables before it."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clv_warehouse.project import metrics
from clv_warehouse.project.metrics import Metric

# The tables that metrics are over, and a column that parts the rows of each.
TABLES = {
    "profiles.customer_profiles": "segment",
    "orders.fct_orders": "status",
    "reports.cohorts": "country",
}


@pytest.fixture(scope="module")
def defined(parsed: Path) -> list[Metric]:
    return metrics.load(parsed / "semantic_manifest.json")


@pytest.fixture(scope="module")
def expected(sample: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """By name, from customers' days and values and from orders: not from profiles."""
    values = sample.sql("from clv.customer_lifetime_value").df()
    as_of = values["as_of_date"].iloc[0]
    days = sample.sql("from features.customer_days").df()
    days = days[days["activity_date"] <= as_of]
    days["net_amount"] = days["net_amount"].astype(float)
    purchases = days[days["is_purchase"]].groupby("customer_key")["activity_date"]
    silence = (as_of - purchases.max()).dt.days
    span = (purchases.max() - purchases.min()).dt.days
    patience = 3 * (span + 91) / (purchases.nunique() + 2)
    year = days[(as_of - days["activity_date"]).dt.days < 365]
    year_spend = year.groupby("customer_key")["net_amount"].sum()
    at_risk = silence.index[(silence >= patience) & (silence < 2 * patience)]
    best = values.sort_values("lifetime_value", ascending=False)
    best = best.head(-(-len(best) // 10))
    second = (
        days[days["gap_days"].notna()].groupby("customer_key")["activity_date"].min()
    )
    waited = (second.reindex(purchases.min().index) - purchases.min()).dt.days
    tenure = (as_of - purchases.min()).dt.days
    goods = sample.sql(
        "select sum(known_spend), sum(known_cost) from clv.monthly_margins"
    ).fetchall()[0]
    known_spend, known_cost = map(float, goods)
    past_spend = float(days["net_amount"].sum())
    profit = known_spend - known_cost + 0.3 * (past_spend - known_spend)
    all_orders = sample.sql("from orders.fct_orders").df()
    of_customers = all_orders[all_orders["customer_key"].notna()]
    counted = of_customers[
        of_customers["is_sale"]
        & (of_customers["sold_amount"] > of_customers["undone_amount"])
    ].sort_values(["ordered_at", "order_id"])
    first_orders = counted.drop_duplicates("customer_key")
    new_revenue = float(first_orders["net_amount"].sum())
    cohorts = sample.sql("from reports.cohorts where is_over and months_since > 0").df()
    orders = all_orders[all_orders["is_sale"]]
    discounts = float(orders["all_discounts_amount"].sum())
    sold = float(orders["sold_amount"].sum())
    returned = float((orders["returned_amount"] + orders["refunded_amount"]).sum())
    sales = int((orders["sold_amount"] > orders["undone_amount"]).sum())
    total_value = float(values["lifetime_value"].sum())
    best_value = float(best["lifetime_value"].sum())
    return {
        "customers": len(purchases),
        "active_customers": int((silence < patience).sum()),
        "repeat_rate": float((purchases.nunique() > 1).mean()),
        **{
            f"repeat_rate_{limit}d": float((waited[tenure >= limit] <= limit).mean())
            for limit in (30, 90, 365)
        },
        "churn_rate": float((silence >= 2 * patience).mean()),
        "orders_of_customers": len(counted),
        "purchase_frequency": len(counted) / len(purchases),
        "past_spend": past_spend,
        "gross_profit": profit,
        "gross_margin": profit / past_spend,
        "spend_365d": float(year["net_amount"].sum()),
        "predicted_spend": float(values["predicted_spend"].sum()),
        "lifetime_value": total_value,
        "lifetime_value_per_customer": total_value / len(purchases),
        "top_decile_value": best_value,
        "top_decile_share": best_value / total_value,
        "value_at_risk": float(year_spend.reindex(at_risk).fillna(0).sum()),
        "orders": sales,
        "new_customers": len(first_orders),
        "new_revenue": new_revenue,
        "returning_revenue": float(of_customers["net_amount"].sum()) - new_revenue,
        "revenue": sold - returned,
        "sold_amount": sold,
        "returned_amount": returned,
        "average_order_value": sold / sales,
        "return_rate": returned / sold,
        "discounts": discounts,
        "sold_before_discounts": sold + discounts,
        "discount_rate": discounts / (sold + discounts),
        "returning_buyers": int(cohorts["buyers"].sum()),
        "customers_to_return": int(cohorts["customers"].sum()),
        "retention": float(cohorts["buyers"].sum() / cohorts["customers"].sum()),
    }


def value(sample: duckdb.DuckDBPyConnection, metric: Metric, where: str) -> float:
    rows = sample.sql(metric.query(where=where)).fetchall()
    return float(rows[0][0] or 0)


def test_every_metric_equals_another_way_to_it(
    sample: duckdb.DuckDBPyConnection,
    defined: list[Metric],
    expected: dict[str, float],
) -> None:
    found = {metric.name: value(sample, metric, "true") for metric in defined}
    # The profit of each customer is rounded to cents.
    for name in ("gross_profit", "gross_margin"):
        assert found.pop(name) == pytest.approx(expected[name], rel=1e-4), name
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-9)
    assert expected.keys() - found.keys() == {"gross_profit", "gross_margin"}


def test_each_metric_says_what_it_is(defined: list[Metric]) -> None:
    for metric in defined:
        assert metric.label != metric.name, metric.name
        assert metric.description.endswith("."), metric.name
        assert metric.relation in TABLES


def test_parts_add_up_to_the_whole(
    sample: duckdb.DuckDBPyConnection, defined: list[Metric]
) -> None:
    for metric in defined:
        is_sum = metric.expression.startswith(("sum(", "count("))
        if is_sum:
            column = TABLES[metric.relation]
            parts = sample.sql(metric.query(column)).fetchall()
            assert len(parts) > 1
            total = value(sample, metric, "true")
            assert sum(float(part) for _, part in parts) == pytest.approx(total)


CHOICES = [
    {},
    {"segment": "loyal"},
    {"country": "Germany", "acquisition_channel": "search"},
    {"segment": "at_risk", "country": "unknown"},
    {"segment": "lapsed", "country": "France", "acquisition_channel": "social"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda each: "-".join(each.values()))
def test_the_report_of_metrics_has_their_values(
    sample: duckdb.DuckDBPyConnection, defined: list[Metric], choice: dict[str, str]
) -> None:
    """Two readers of metrics.yml, this one and the macro, must not drift apart."""
    groups = ("segment", "country", "acquisition_channel")
    cell = " and ".join(f"{name} = '{choice.get(name, 'all')}'" for name in groups)
    found = dict(
        sample.sql(
            f"select metric, value from reports.metric_values where {cell}"
        ).fetchall()
    )
    chosen = " and ".join(f"{name} = '{value}'" for name, value in choice.items())
    where = (
        "customer_key in (select customer_key from profiles.customer_profiles"
        f" where {chosen})"
        if choice
        else "true"
    )
    expected = {
        metric.name: value(sample, metric, where)
        for metric in defined
        if metric.relation != "reports.cohorts"
    }
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_report_says_what_each_metric_is(
    sample: duckdb.DuckDBPyConnection, defined: list[Metric]
) -> None:
    rows = sample.sql("from reports.metric_definitions order by metric").fetchall()
    assert rows == [
        (each.name, each.label, each.description, each.format) for each in defined
    ]


def test_a_share_of_nothing_is_null(
    sample: duckdb.DuckDBPyConnection, defined: list[Metric]
) -> None:
    for metric in defined:
        if metric.format == "share":
            assert sample.sql(metric.query(where="false")).fetchall() == [(None,)]


def change(
    parsed: Path, folder: Path, name: str, changes: dict[str, Any], path: list[str]
) -> Path:
    """A copy of the semantic manifest with one metric changed."""
    copy = folder / "semantic_manifest.json"
    shutil.copy(parsed / "semantic_manifest.json", copy)
    known = json.loads(copy.read_text())
    part = next(metric for metric in known["metrics"] if metric["name"] == name)
    for step in path:
        part = part[step]
    part.update(changes)
    copy.write_text(json.dumps(known))
    return copy


@pytest.mark.parametrize(
    ("name", "path", "changes", "message"),
    [
        ("orders", [], {"filter": {"where_filters": []}}, "filter stands in"),
        ("orders", [], {"type": "cumulative"}, "cumulative is no single aggregate"),
        ("orders", ["config"], {"meta": {"format": "pounds"}}, "is pounds, not one of"),
        (
            "return_rate",
            ["type_params", "denominator"],
            {"name": "customers"},
            "Both must be over one table",
        ),
    ],
)
def test_what_is_no_single_aggregate_is_refused(
    parsed: Path,
    tmp_path: Path,
    name: str,
    path: list[str],
    changes: dict[str, Any],
    message: str,
) -> None:
    manifest = change(parsed, tmp_path, name, changes, path)
    with pytest.raises(ValueError, match=message):
        metrics.load(manifest)


def test_a_project_that_was_never_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dbt parse"):
        metrics.load(tmp_path / "semantic_manifest.json")
