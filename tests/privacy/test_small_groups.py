"""No published table of groups shows a group that is too small, where a shop says so.

The tables that leave small groups out are made again from the built sample shop, whose
groups are small enough that each rule has something to leave out.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.project.macros import sql_of_model

SMALLEST = 10
# The customers of a row of each table of groups, and which of its rows are of the whole
# shop. A size of 0 is of nobody. Where a table has no count, its customers are counted.
SIZES = {
    "clv.new_customer_values": (
        ["customers", "observed_customers"],
        "dimension = 'all'",
    ),
    "marketing.acquisition_backtest": (["customers"], "dimension = 'all'"),
    "marketing.acquisition_curves": (["customers"], "dimension = 'all'"),
    "marketing.acquisition_economics": (["new_customers"], "dimension = 'all'"),
    "marketing.acquisition_months": (["customers"], "dimension = 'all'"),
    "marketing.action_effects": (["contacted", "left_alone"], "false"),
    "marketing.campaigns_sent": (["customers"], "false"),
    "marketing.channel_weeks": (["new_customers"], "false"),
    "marketing.experiment_results": (["customers", "control_customers"], "false"),
    "marketing.hold_out_report": (["customers", "held_out_customers"], "false"),
    "features.head_metrics": (["customers"], "customer_group = 'all'"),
    "monitoring.fairness": (["customers"], "false"),
    "monitoring.generalisation": (["customers"], "false"),
    "profiles.cohort_values": (["customers"], "dimension = 'all'"),
    "profiles.segment_moves": (["customers"], "false"),
    "profiles.segment_profiles": (["customers"], "false"),
    "recommendations.bought_together": (["orders"], "false"),
    "recommendations.recommendation_metrics": (["customers"], "customer_group = 'all'"),
    "recommendations.searches": (["visitors"], "false"),
    "recommendations.similar_products": (["customers"], "false"),
    "recommendations.site_funnel": (["visits"], "dimension = 'all'"),
    "recommendations.trending_products": (["customers", "customers_before"], "false"),
    "reports.campaigns_compared": (["customers"], "false"),
    "reports.cohorts": (["customers"], "false"),
    "reports.customer_lists": (["customers"], "false"),
    "reports.experiments_judged": (["customers", "control_customers"], "false"),
    "reports.hold_outs": (["customers", "held_out_customers"], "false"),
    "reports.new_customer_curves": (["customers"], "is_shop"),
    "reports.new_customers": (["customers"], "is_shop"),
    "reports.periods_compared": (["buyers", "buyers_before"], "false"),
    "reports.products_rising": (["customers", "customers_before"], "false"),
    "reports.products_sold_together": (["orders"], "false"),
    "reports.search_terms": (["visitors"], "false"),
    "reports.segment_overview": (["customers"], "false"),
    "reports.segments": (["customers"], "false"),
    "reports.site_steps": (["visits"], "dimension = 'all'"),
    "reports.value_bands": (["customers"], "false"),
    "profiles.review_themes": (["reviews"], "false"),
}
GROUP = "segment, country, acquisition_channel"
IS_IN = " and ".join(
    f"(shown.{column} = 'all' or shown.{column} = people.{column})"
    for column in GROUP.split(", ")
)
# A query of the sizes of a table's rows, of those that are no row of the whole shop.
COUNTED = {
    "reports.expected_by_horizon": f"""
        select count(customer_key) from reports.expected_by_horizon
        left join reports.customer_groups using ({GROUP}) group by {GROUP}, horizon_days
    """,
    "reports.expected_by_month": f"""
        select count(customer_key) from reports.expected_by_month
        left join reports.customer_groups using ({GROUP}) group by {GROUP}, month
    """,
    "reports.metric_values": f"""
        select count(customer_key) from (
            select distinct {GROUP} from reports.metric_values
            where {GROUP.replace(",", " ||")} <> 'allallall'
        ) as shown left join reports.customer_groups as people on {IS_IN}
        group by {", ".join(f"shown.{each}" for each in GROUP.split(", "))}
    """,
    "reports.revenue_by_month": f"""
        select count(distinct coalesce(people.customer_key, people.order_id))
        from reports.revenue_by_month left join (
            select orders.customer_key, order_id, coalesce(country, 'guest') as country,
                date_trunc('month', ordered_date) as month,
                coalesce(segment, 'guest') as segment,
                coalesce(acquisition_channel, 'guest') as acquisition_channel
            from orders.fct_orders as orders
            left join reports.customer_groups using (customer_key)
        ) as people using (month, {GROUP}) group by month, {GROUP}
    """,
}
# Tables whose rows are neither of a customer nor of a group of customers, or that must
# be whole, each with the reason.
DECIDES = "something decides by it, which must know all of it"
WHOLE = "its rows are of the whole shop"
NO_COUNT = "it tells of no customers, and counts none"
EXEMPT = {
    "clv.backtest_coverage": "fifths of all customers, by forecast and nothing else",
    "clv.backtest_deciles": "tenths of all customers, by forecast and nothing else",
    "reports.judged_deciles": "tenths of all customers, by forecast and nothing else",
    **dict.fromkeys(
        (
            *("clv.backtest_metrics", "clv.customers_to_come", "clv.expected_totals"),
            *("clv.feature_importance", "clv.first_order_metrics", "clv.said_and_came"),
            *("clv.season", "clv.shop_margin", "clv.trainings", "clv.training_epochs"),
            *("clv.tuning_trials", "features.as_of_dates", "features.shop_days"),
            "features.encoder_metrics",
            *("marketing.experiment_power", "marketing.policies"),
            *("marketing.policy_trial", "monitoring.calibration_over_time"),
            *("monitoring.feature_drift", "monitoring.prediction_drift"),
            *("reports.changes", "reports.judged_forecasts", "reports.models_compared"),
            *("reports.months_ahead", "reports.recommenders_compared", "reports.shop"),
            "reports.trust",
        ),
        WHOLE,
    ),
    **dict.fromkeys(
        (
            *("features.product_vectors", "monitoring.feed_changes"),
            *("metrics.days", "monitoring.build_steps", "monitoring.builds"),
            *(
                "monitoring.schema_changes",
                "orders.dim_calendar",
                "orders.dim_campaigns",
            ),
            *("orders.dim_experiments", "orders.dim_product_vectors"),
            *("orders.dim_products", "orders.fct_marketing_spend"),
            *("marketing.experiments", "recommendations.product_display_order"),
            *(
                "reports.front_page",
                "reports.metric_definitions",
                "reports.planned_days",
            ),
        ),
        NO_COUNT,
    ),
    "clv.product_margins": "what products cost and sold for, whoever bought them",
    "marketing.action_guards": DECIDES,
    "marketing.channel_plan": "means of weeks and estimates of what a budget brings",
    "marketing.offers": DECIDES,
    "marketing.policy_effects": DECIDES,
    "recommendations.offered_products": DECIDES,
    **dict.fromkeys(
        ("marketing.campaign_frontier", "reports.budget_frontier"),
        "whom a budget would reach, not a group that anybody is in",
    ),
    "reports.offers_compared": "whom an offer was tried on, not what became of them",
    **dict.fromkeys(
        (
            *("monitoring.alarms", "monitoring.arrival_lags"),
            *("monitoring.data_quality", "reports.alarms_today"),
        ),
        "rows of feeds; it decides whether a build is published",
    ),
    **dict.fromkeys(
        (
            *("orders.doubted_days", "orders.rejected_records", "orders.statuses"),
            *("orders.warnings", "reports.feeds", "reports.order_summary"),
            "reports.rejections",
        ),
        "orders and rows in doubt, which somebody must look at one by one",
    ),
}


@pytest.fixture(scope="module")
def tables(parsed: Path) -> dict[str, Table]:
    """The published tables of which no row is about one customer or order."""
    return {
        table.full_name: table
        for table in read_tables(parsed / "manifest.json")
        if not {"customer_key", "order_id"} & {each.name for each in table.columns}
    }


def test_each_table_leaves_small_groups_out_or_has_a_reason(
    tables: dict[str, Table],
) -> None:
    listed = [*SIZES, *COUNTED, *EXEMPT]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(tables)


def is_ruled(node: dict[str, Any]) -> bool:
    """Whether a model leaves small groups out."""
    code = node["raw_code"]
    return "is_shown_group" in code or "smallest_group" in code


def models_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The models of the manifest in a folder, by their id."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }


def made_again(models: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The models that leave small groups out, and tables that follow, in order."""
    changed: set[str] = set()
    left = dict(models)
    while left:
        ready = [
            name
            for name, node in left.items()
            if not left.keys() & set(node["depends_on"]["nodes"])
        ]
        for name in sorted(ready):
            node = left.pop(name)
            is_reader = changed & set(node["depends_on"]["nodes"])
            is_group = f"{node['schema']}.{node['name']}" in {*SIZES, *COUNTED}
            if is_ruled(node) or (is_reader and is_group):
                changed.add(name)
                yield node


@pytest.fixture
def small(
    sample: duckdb.DuckDBPyConnection, parsed: Path, root: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the tables of groups of the sample shop have none small."""
    with duckdb.connect() as connection:
        path = root / "data" / "sample.duckdb"
        connection.execute(f"attach '{path}' as sample (read_only)")
        schemas = connection.execute(
            "select distinct schema_name from duckdb_tables()"
        ).fetchall()
        found = ",".join(f"sample.{schema}" for (schema,) in schemas)
        for node in made_again(models_of(parsed)):
            sql = sql_of_model(
                root / node["original_file_path"],
                f"{{smallest_group: {SMALLEST}}}",
                metrics_over=lambda _: {"rows": "count(*)"},
            )
            connection.execute(f"set search_path = 'memory.main,{found}'")
            connection.execute(f"create table memory.main.{node['name']} as {sql}")
        yield connection


@pytest.mark.slow
def test_no_group_is_smaller_than_the_smallest_that_may_be_shown(
    small: duckdb.DuckDBPyConnection, sample: duckdb.DuckDBPyConnection
) -> None:
    queries = dict(COUNTED)
    for name, (columns, is_shop) in SIZES.items():
        queries[name] = " union all ".join(
            f"select {column} from {name} where not ({is_shop})" for column in columns
        )
    left_out = set()
    for name, query in queries.items():
        is_small = (
            f"from ({query}) as rows (size) where size between 1 and {SMALLEST - 1}"
        )
        # The new table of the name is found before that of the sample shop.
        plain = is_small.replace(name, name.partition(".")[2])
        ((too_small,),) = small.execute(f"select count(*) {plain}").fetchall()
        assert too_small == 0, name
        ((rows,),) = sample.execute(f"select count(*) {is_small}").fetchall()
        if rows:
            left_out.add(name)
            table = name.partition(".")[2]
            ((kept,),) = small.execute(f"select count(*) from {table}").fetchall()
            ((before,),) = sample.execute(f"select count(*) from {name}").fetchall()
            assert 0 < kept < before, name
    # Where the sample shop has a small group, the test above can fail.
    assert len(left_out) > 20


def test_what_decides_reads_no_table_without_small_groups(parsed: Path) -> None:
    models = models_of(parsed)
    ruled = {name for name, node in models.items() if is_ruled(node)}
    readers = {
        node["name"]
        for name, node in models.items()
        if name not in ruled
        and node["schema"] != "reports"
        and ruled & set(node["depends_on"]["nodes"])
    }
    # The recommender and heads are judged by the rows of all customers; words of
    # reviews are shown in a profile; and a report of experiments follows their results.
    assert readers == {"recommender", "encoder", "customer_voice", "hold_out_report"}
