"""The charts of Superset's dashboard, in their order on the page.

`params` hold what Superset's chart editor would save. A running Superset shows them
under "Edit chart".
"""

from dataclasses import dataclass, field, replace
from typing import Any

from clv_warehouse.serving.superset.datasets import NUMBERS, Dataset
from clv_warehouse.serving.superset.identity import VERSION, identity

COLOURS = "supersetColors"
MONEY, COUNT = NUMBERS["money"], NUMBERS["count"]


@dataclass(frozen=True)
class Chart:
    """A chart: what it shows, from which dataset, and how large it is.

    Attributes:
        name: its title, by which Superset recognises it.
        dataset: the name of its dataset.
        kind: Superset's `viz_type`.
        width: of the twelve columns of the dashboard.
        height: in units of eight pixels.
        params: the settings of its kind.
        description: what a reader should know about it.

    """

    name: str
    dataset: str
    kind: str
    width: int
    height: int
    params: dict[str, Any] = field(hash=False)
    description: str = ""

    @property
    def uuid(self) -> str:
        """The same in every generation."""
        return identity("chart", self.name)


@dataclass(frozen=True)
class Section:
    """A heading of the dashboard and the rows of charts below it.

    `filters` are the columns by which people may filter it.
    """

    heading: str
    rows: tuple[tuple[Chart, ...], ...]
    filters: tuple[str, ...]


def chart_file(chart: Chart, dataset: Dataset) -> dict[str, Any]:
    """Return the content of a chart's file."""
    return {
        "slice_name": chart.name,
        "description": chart.description or None,
        "viz_type": chart.kind,
        "params": {"viz_type": chart.kind, **chart.params},
        "uuid": chart.uuid,
        "version": VERSION,
        "dataset_uuid": dataset.uuid,
    }


def number(name: str, metric: str, shown: str, note: str) -> Chart:
    """Return a chart of one metric as a figure, with a note below."""
    return Chart(
        name,
        "customer_profiles",
        "big_number_total",
        width=2,
        height=20,
        params={
            "metric": metric,
            "subtitle": note,
            "header_font_size": 0.4,
            "subtitle_font_size": 0.2,
            "y_axis_format": NUMBERS[shown],
        },
    )


def bars(
    name: str,
    dataset: str,
    by: str,
    metrics: tuple[str, ...],
    width: int,
    *,
    height: int = 44,
    largest_first: bool = True,
    lying: bool = False,
    description: str = "",
    **params: Any,
) -> Chart:
    """Return a bar chart of metrics by a column, the largest or the first value first.

    The bars may be horizontal, for long names.
    """
    return Chart(
        name,
        dataset,
        "echarts_timeseries_bar",
        width,
        height,
        description=description,
        params={
            "x_axis": by,
            "metrics": list(metrics),
            "groupby": [],
            "x_axis_sort": metrics[0] if largest_first else by,
            # Superset draws horizontal bars from the bottom up.
            "x_axis_sort_asc": lying == largest_first,
            "orientation": "horizontal" if lying else "vertical",
            "sort_series_type": "name",
            "sort_series_ascending": True,
            "xAxisForceCategorical": True,
            "row_limit": 1000,
            "color_scheme": COLOURS,
            "show_legend": len(metrics) > 1,
            "rich_tooltip": True,
            "y_axis_format": MONEY,
            "truncateXAxis": False,
            **params,
        },
    )


def table(name: str, dataset: str, columns: dict[str, str], **params: Any) -> Chart:
    """Return a table of rows; `columns` maps each column to a number format or ""."""
    return Chart(
        name,
        dataset,
        "table",
        width=12,
        height=65,
        params={
            "query_mode": "raw",
            "all_columns": list(columns),
            "column_config": {
                column: {"d3NumberFormat": shown}
                for column, shown in columns.items()
                if shown
            },
            "table_timestamp_format": "%Y-%m-%d",
            "show_cell_bars": False,
            "server_pagination": True,
            "server_page_length": 10,
            **params,
        },
    )


def is_the_network(column: str) -> dict[str, Any]:
    """Return a filter that keeps the rows of the network, not those of its rivals."""
    return equals(column, "clv_network")


def equals(column: str, value: str) -> dict[str, Any]:
    """Return a filter that keeps the rows in which a column has a value."""
    return {
        "expressionType": "SIMPLE",
        "clause": "WHERE",
        "subject": column,
        "operator": "==",
        "operatorId": "EQUALS",
        "comparator": value,
    }


def not_null(column: str) -> dict[str, Any]:
    """Return a filter that keeps the rows in which a column is not null."""
    return {
        "expressionType": "SIMPLE",
        "clause": "WHERE",
        "subject": column,
        "operator": "IS NOT NULL",
        "operatorId": "IS_NOT_NULL",
        "comparator": None,
    }


CUSTOMER_FILTERS = ("segment", "country", "acquisition_channel")

CUSTOMERS = Section(
    "Customers and their value",
    (
        (
            number("Customers", "customers", "count", "have ever bought"),
            number("Active customers", "active_customers", "count", "bought lately"),
            number("Spend", "spend_365d", "money", "in the last 365 days"),
            number(
                "Predicted spend",
                "predicted_spend",
                "money",
                "over the longest horizon",
            ),
            number("Value at risk", "value_at_risk", "money", "of customers at risk"),
            number("Best tenth", "top_decile_share", "share", "of the lifetime value"),
        ),
        (
            Chart(
                "Revenue by month",
                "customers_orders",
                "echarts_timeseries_bar",
                width=8,
                height=44,
                description=(
                    "Sold less returned, on the day of the order. Filters leave "
                    "guests' orders out."
                ),
                params={
                    "x_axis": "ordered_date",
                    "time_grain_sqla": "P1M",
                    "metrics": ["revenue"],
                    "groupby": [],
                    "row_limit": 1000,
                    "color_scheme": COLOURS,
                    "show_legend": False,
                    "rich_tooltip": True,
                    "x_axis_time_format": "%b %Y",
                    "tooltipTimeFormat": "%B %Y",
                    "y_axis_format": MONEY,
                    "truncateXAxis": False,
                },
            ),
            bars(
                "Customers by segment",
                "customer_profiles",
                "segment",
                ("customers",),
                4,
                y_axis_format=COUNT,
            ),
        ),
        (
            bars(
                "Predicted spend by segment",
                "customer_profiles",
                "segment",
                ("predicted_spend", "spend_365d"),
                4,
                lying=True,
                description="Beside what they have spent in the last 365 days.",
            ),
            bars(
                "Predicted spend by country",
                "customer_profiles",
                "country",
                ("predicted_spend", "spend_365d"),
                4,
                lying=True,
                row_limit=10,
                description="The ten with the highest prediction.",
            ),
            bars(
                "Predicted spend by channel",
                "customer_profiles",
                "acquisition_channel",
                ("predicted_spend", "spend_365d"),
                4,
                lying=True,
            ),
        ),
        (
            bars(
                "Lifetime value by tenth of customers",
                "customer_profiles",
                "value_decile",
                ("lifetime_value",),
                6,
                largest_first=False,
                x_axis_title="1 is the best tenth of all customers",
                x_axis_title_margin=30,
            ),
            Chart(
                "Segments before (rows) and now (columns)",
                "customer_profiles",
                "heatmap_v2",
                width=6,
                height=44,
                description=(
                    "Customers by the segment that they were in before and the one "
                    "that they are in now; new customers were in none."
                ),
                params={
                    "x_axis": "segment",
                    "groupby": "previous_segment",
                    "metric": "customers",
                    "adhoc_filters": [not_null("previous_segment")],
                    "row_limit": 1000,
                    "sort_x_axis": "alpha_asc",
                    "sort_y_axis": "alpha_asc",
                    "linear_color_scheme": "schemeBlues",
                    "normalize_across": "heatmap",
                    "legend_type": "continuous",
                    "show_legend": False,
                    "show_values": True,
                    "show_percentage": False,
                    "left_margin": 75,
                    "bottom_margin": 50,
                    "xscale_interval": 1,
                    "yscale_interval": 1,
                    "value_bounds": [None, None],
                    "y_axis_format": COUNT,
                },
            ),
        ),
        (
            Chart(
                "Revenue of new and of returning customers",
                "customers_orders",
                "echarts_timeseries_bar",
                width=8,
                height=44,
                description=(
                    "First orders, and all others of customers; guests' are neither."
                ),
                params={
                    "x_axis": "ordered_date",
                    "time_grain_sqla": "P1M",
                    "metrics": ["new_revenue", "returning_revenue"],
                    "groupby": [],
                    "row_limit": 1000,
                    "stack": "Stack",
                    "color_scheme": COLOURS,
                    "show_legend": True,
                    "rich_tooltip": True,
                    "x_axis_time_format": "%b %Y",
                    "tooltipTimeFormat": "%B %Y",
                    "y_axis_format": MONEY,
                    "truncateXAxis": False,
                },
            ),
            bars(
                "Customers by RFM segment",
                "customer_profiles",
                "rfm_segment",
                ("customers",),
                4,
                lying=True,
                y_axis_format=COUNT,
            ),
        ),
        (
            table(
                "Customers by value",
                "customer_profiles",
                {
                    "value_rank": COUNT,
                    "customer_key": "",
                    "segment": "",
                    "country": "",
                    "acquisition_channel": "",
                    "last_purchase_date": "",
                    "frequency": COUNT,
                    "past_spend": MONEY,
                    "predicted_spend": MONEY,
                    "spend_p10": MONEY,
                    "spend_p90": MONEY,
                    "chance_of_buying": NUMBERS["share"],
                    "lifetime_value": MONEY,
                },
                order_by_cols=['["value_rank", true]'],
            ),
        ),
    ),
    CUSTOMER_FILTERS,
)

LISTS = Section(
    "Whom to care about",
    (
        (
            table(
                "Lists of customers",
                "customer_lists",
                {
                    "list_kind": "",
                    "list": "",
                    "label": "",
                    "customers": COUNT,
                    "money_at_stake": MONEY,
                    "meaning": "",
                    "next_step": "",
                },
                order_by_cols=['["list_kind", false]', '["place", true]'],
            ),
        ),
        (
            table(
                "Customers on the lists",
                "list_members",
                {
                    "list_kind": "",
                    "list": "",
                    "position": COUNT,
                    "customer_key": "",
                    "segment": "",
                    "country": "",
                    "acquisition_channel": "",
                    "money_at_stake": MONEY,
                    "lifetime_value": MONEY,
                    "last_purchase_date": "",
                    "next_order_date": "",
                    "top_recommendation": "",
                    "reason": "",
                },
                order_by_cols=['["money_at_stake", false]'],
            ),
        ),
    ),
    ("list",),
)

TRUST = Section(
    "Can the predictions be trusted?",
    (
        (
            bars(
                "Predicted and actual spend by tenth",
                "backtest_deciles",
                "decile",
                ("predicted_per_customer", "actual_per_customer"),
                4,
                height=54,
                largest_first=False,
                description=(
                    "Per customer, judged forward in time: 1 is the tenth with the "
                    "highest predictions."
                ),
                x_axis_title="1 is the tenth with the highest predictions",
                x_axis_title_margin=30,
                adhoc_filters=[is_the_network("model")],
            ),
            Chart(
                "Measures of every model",
                "backtest_metrics",
                "pivot_table_v2",
                width=8,
                height=54,
                description="What each measure means is said at backtest_metrics.",
                params={
                    "groupbyRows": ["measure"],
                    "groupbyColumns": ["model"],
                    "metrics": ["mean_value"],
                    "metricsLayout": "COLUMNS",
                    "aggregateFunction": "Average",
                    "rowTotals": False,
                    "colTotals": False,
                    "combineMetric": False,
                    "valueFormat": NUMBERS["measure"],
                    "rowOrder": "key_a_to_z",
                    "colOrder": "key_a_to_z",
                    "row_limit": 1000,
                },
            ),
        ),
    ),
    ("horizon_days",),
)

QUALITY = Section(
    "What was not counted",
    (
        (
            bars(
                "Rejected records by reason",
                "rejected_records",
                "reason",
                ("rejected",),
                12,
                groupby=["feed"],
                stack="Stack",
                show_legend=True,
                y_axis_format=COUNT,
                x_axis_sort_series="sum",
                x_axis_sort_series_ascending=False,
                xAxisLabelRotation=45,
            ),
        ),
    ),
    (),
)

COHORTS = Section(
    "Segments and cohorts",
    (
        (
            table(
                "What to do for each segment",
                "segment_profiles",
                {
                    "segment_kind": "",
                    "label": "",
                    "customers": COUNT,
                    "came": COUNT,
                    "left_it": COUNT,
                    "spend_365d": MONEY,
                    "lifetime_value": MONEY,
                    "churn_risk": NUMBERS["share"],
                    "top_category": "",
                    "next_step": "",
                },
                order_by_cols=['["segment_kind", false]', '["lifetime_value", false]'],
            ),
        ),
        (
            Chart(
                "What a customer has brought, by cohort and age in months",
                "cohort_values",
                "heatmap_v2",
                width=8,
                height=65,
                description=(
                    "Mean profit of a customer of each month of first orders, up to "
                    "the end of the month of that age."
                ),
                params={
                    "x_axis": "age_months",
                    "groupby": "group_name",
                    "metric": "value_by_age",
                    "adhoc_filters": [
                        equals("dimension", "month"),
                        not_null("value_per_customer"),
                    ],
                    "row_limit": 10000,
                    "sort_x_axis": "alpha_asc",
                    "sort_y_axis": "alpha_asc",
                    "linear_color_scheme": "schemeBlues",
                    "normalize_across": "heatmap",
                    "legend_type": "continuous",
                    "show_legend": False,
                    "show_values": True,
                    "show_percentage": False,
                    "left_margin": 75,
                    "bottom_margin": 50,
                    "xscale_interval": 1,
                    "yscale_interval": 1,
                    "value_bounds": [None, None],
                    "y_axis_format": MONEY,
                },
            ),
            bars(
                "Retention by months since the first purchase",
                "cohorts",
                "months_since",
                ("retention",),
                4,
                height=65,
                largest_first=False,
                y_axis_format=NUMBERS["share"],
            ),
        ),
    ),
    (),
)

PRODUCTS = Section(
    "Products and the site",
    (
        (
            replace(
                table(
                    "What to show first",
                    "front_page",
                    {
                        "place": COUNT,
                        "product_name": "",
                        "category": "",
                        "expected_margin": NUMBERS["number"],
                        "is_explored": "",
                    },
                    adhoc_filters=[equals("segment", "all")],
                    order_by_cols=['["place", true]'],
                ),
                width=6,
                description=(
                    "The front page for everybody, by what a look is expected to "
                    "leave. Chance draws the explored place, to learn about a product."
                ),
            ),
            replace(
                table(
                    "What sells together",
                    "products_sold_together",
                    {
                        "product_name": "",
                        "other_product_name": "",
                        "orders": COUNT,
                        "share_of_orders": NUMBERS["share"],
                        "lift": NUMBERS["number"],
                    },
                    order_by_cols=['["lift", false]'],
                ),
                width=6,
            ),
        ),
        (
            replace(
                table(
                    "What is rising",
                    "products_rising",
                    {
                        "product_name": "",
                        "category": "",
                        "customers": COUNT,
                        "customers_before": COUNT,
                        "trend": NUMBERS["number"],
                    },
                    order_by_cols=['["trend", false]'],
                ),
                width=6,
                description="Customers of the last 28 days and of those before.",
            ),
            replace(
                table(
                    "How good recommendations are",
                    "recommenders_compared",
                    {
                        "model_label": "",
                        "is_ranking": "",
                        "customers": COUNT,
                        "hit_rate": NUMBERS["share"],
                        "recall": NUMBERS["share"],
                        "new_hit_rate": NUMBERS["share"],
                    },
                    order_by_cols=['["recall", false]'],
                ),
                width=6,
                description=(
                    "Of the customers who then bought: how many bought from their "
                    "list, how much of what they bought stood on it, and how many "
                    "bought something new from it."
                ),
            ),
        ),
        (
            bars(
                "Visits by step",
                "site_funnel",
                "step",
                ("visits_so_far",),
                4,
                height=65,
                lying=True,
                adhoc_filters=[equals("dimension", "all")],
                y_axis_format=COUNT,
                description=(
                    "Visits of the last 365 days that came as far. Few shops tell "
                    "what their lists showed: impressions are of visits that did."
                ),
            ),
            replace(
                table(
                    "What people search for",
                    "search_terms",
                    {
                        "term": "",
                        "searches": COUNT,
                        "products_found": COUNT,
                        "searches_bought": COUNT,
                        "clicked_product": "",
                        "bought_instead": "",
                    },
                    order_by_cols=['["search_rank", true]'],
                ),
                width=8,
            ),
        ),
    ),
    (),
)

MARKETING = Section(
    "New customers, experiments and budgets",
    (
        (
            replace(
                table(
                    "What a new customer is worth, and costs",
                    "new_customers",
                    {
                        "channel": "",
                        "customers": COUNT,
                        "value_30_days": NUMBERS["number"],
                        "value_90_days": NUMBERS["number"],
                        "value_365_days": NUMBERS["number"],
                        "value_lifetime": NUMBERS["number"],
                        "most_to_pay": NUMBERS["number"],
                        "cac": NUMBERS["number"],
                        "ltv_to_cac": NUMBERS["number"],
                    },
                    order_by_cols=['["value_lifetime", false]'],
                ),
                width=6,
                height=50,
                description=(
                    "By the channel that won the customer. Most to pay is what comes "
                    "back within the setting target_payback_days."
                ),
            ),
            replace(
                table(
                    "What experiments have shown",
                    "experiments_judged",
                    {
                        "experiment_name": "",
                        "arm": "",
                        "control_arm": "",
                        "customers": COUNT,
                        "effect": NUMBERS["number"],
                        "effect_low": NUMBERS["number"],
                        "effect_high": NUMBERS["number"],
                        "ratio_verdict": "",
                        "verdict_text": "",
                    },
                    adhoc_filters=[equals("metric", "margin")],
                    order_by_cols=['["place", true]'],
                ),
                width=6,
                height=50,
                description=(
                    "The effect on the margin per customer, after the cost of "
                    "messages. Without an interval it cannot be told from chance."
                ),
            ),
        ),
        (
            replace(
                table(
                    "What was sent, by evidence",
                    "campaigns_compared",
                    {
                        "campaign_name": "",
                        "channel": "",
                        "evidence": "",
                        "first_sent_date": "",
                        "customers": COUNT,
                        "opened_customers": COUNT,
                        "clicked_customers": COUNT,
                        "bought_customers": COUNT,
                    },
                    order_by_cols=['["place", true]'],
                ),
                width=6,
                height=50,
                description=(
                    "What recipients did is no effect of the message. Only where "
                    "chance chose them can an experiment say what it changed."
                ),
            ),
            replace(
                table(
                    "What a budget for offers gains",
                    "budget_frontier",
                    {
                        "budget": NUMBERS["number"],
                        "is_planned": "",
                        "customers": COUNT,
                        "gain": NUMBERS["number"],
                        "gain_low": NUMBERS["number"],
                        "gain_high": NUMBERS["number"],
                        "shadow_price": NUMBERS["number"],
                    },
                    adhoc_filters=[equals("policy", "plan")],
                    order_by_cols=['["budget", true]'],
                ),
                width=6,
                height=50,
                description=(
                    "By the plan that gives each customer at most one offer. One row "
                    "with a budget of 0: no offer is sure enough to pay for itself."
                ),
            ),
        ),
    ),
    (),
)

SECTIONS = (CUSTOMERS, LISTS, COHORTS, MARKETING, PRODUCTS, TRUST, QUALITY)
CHARTS = tuple(chart for section in SECTIONS for row in section.rows for chart in row)
