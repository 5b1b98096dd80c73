"""The figures that the dashboard shows, aggregated in SQL.

Customers are counted in groups of segment, country and channel, so that the page can
filter by adding groups up. Only the largest countries and channels are told apart: what
the page holds is bounded, however many customers there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.project.metrics import Metric

COUNTRIES = 8
CHANNELS = 6
# The newest months of revenue, and of first purchases.
MONTHS = 36
COHORTS = 24
# Customers shown, of any choice of groups, and reasons given for each.
CUSTOMERS = 10
REASONS = 3
# Where the best tenth is cut for the concentration curve, as shares of all customers.
CUTS = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1)

# The metrics shown, in this order; definitions and sums are the shop's.
TILES = (
    "customers",
    "active_customers",
    "repeat_rate",
    "spend_365d",
    "predicted_spend",
    "lifetime_value",
    "top_decile_share",
    "value_at_risk",
    "revenue",
    "orders",
    "average_order_value",
    "return_rate",
)

Figures = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A part of the page and the tables without which it is left out.

    Attributes:
        name: its key in the figures; the page drops sections that name a panel
            without figures.
        tables: what it reads, as schema.table.
        figures: the function that makes its figures.

    """

    name: str
    tables: tuple[str, ...]
    figures: Callable[[duckdb.DuckDBPyConnection], Figures]


def figures(warehouse: Path, metrics: Sequence[Metric]) -> Figures:
    """All that the page shows of a warehouse: JSON's types only.

    Raises duckdb.Error if the file cannot be read or has no customer profiles.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(GROUPED)
        there = {
            name
            for (name,) in connection.execute(
                "select table_schema || '.' || table_name"
                " from information_schema.tables"
            ).fetchall()
        }
        return {
            "groups": _groups(connection),
            "panels": {
                "metrics": _metrics(
                    connection, [each for each in metrics if each.relation in there]
                )
            }
            | {
                panel.name: panel.figures(connection)
                for panel in PANELS
                if there.issuperset(panel.tables)
            },
        }


# One row per customer, with the group that the customer is counted in. Temporary
# tables can be made over a file that is open for reading only.
GROUPED = f"""
create temporary table grouped as
with profiles as (
    select
        *,
        coalesce(nullif(trim(country), ''), 'unknown') as place,
        acquisition_channel as way
    from profiles.customer_profiles
),

countries as (
    select place
    from profiles
    where place <> 'unknown'
    group by place
    order by count(*) desc, place
    limit {COUNTRIES}
),

channels as (
    select way
    from profiles
    where way <> 'unknown'
    group by way
    order by count(*) desc, way
    limit {CHANNELS}
),

folded as (
    select
        * exclude (place, way),
        case
            when place = 'unknown' or place in (from countries) then place
            else 'other'
        end as shown_country,
        case
            when way = 'unknown' or way in (from channels) then way
            else 'other'
        end as shown_channel
    from profiles
)

select
    *,
    cast(
        dense_rank() over (order by segment, shown_country, shown_channel) - 1
        as integer
    ) as group_id
from folded
"""


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def _records(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Figures]:
    result = connection.execute(sql)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _by_group(
    rows: Sequence[tuple[Any, ...]], length: int
) -> dict[int, list[list[float]]]:
    """Lists of `length` per group and measure, of rows (group, place, measures...).

    Where no row says something it is 0. Guests, who are in no group, are group -1.
    """
    filled: dict[int, list[list[float]]] = {}
    for group, place, *measures in rows:
        lists = filled.setdefault(group, [[0.0] * length for _ in measures])
        for values, measure in zip(lists, measures, strict=True):
            values[place] = _short(measure)
    return filled


def _short(number: float) -> float:
    """Without the `.0` that JSON would carry for whole numbers."""
    return int(number) if number == int(number) else number


def _groups(connection: duckdb.DuckDBPyConnection) -> list[list[str]]:
    """Segment, country and channel of each group; its number is its place."""
    return [
        list(row)
        for row in _rows(
            connection,
            "select segment, shown_country, shown_channel from grouped"
            " group by all order by min(group_id)",
        )
    ]


def _metrics(
    connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]
) -> Figures:
    """Each metric's value for any choice, by the key `segment|country|channel`.

    A quotient is no sum, so that the page cannot add metrics up: every choice has its
    own value here. Of the whole shop, guests count too where the metric's table has
    them; any other choice is of customers.
    """
    shown = sorted(
        (each for each in metrics if each.name in TILES),
        key=lambda each: TILES.index(each.name),
    )
    values: dict[str, list[float | None]] = {}
    for place, metric in enumerate(shown):
        rows = _rows(
            connection,
            f"""
            with chosen as (
                select
                    customer_key,
                    segment as chosen_segment,
                    shown_country as chosen_country,
                    shown_channel as chosen_channel
                from grouped
            )

            select
                coalesce(chosen_segment, ''),
                coalesce(chosen_country, ''),
                coalesce(chosen_channel, ''),
                cast({metric.expression} as double)
            from {metric.relation}
            inner join chosen using (customer_key)
            group by cube (chosen_segment, chosen_country, chosen_channel)
            having grouping(chosen_segment, chosen_country, chosen_channel) < 7
            union all
            select '', '', '', cast(value as double)
            from ({metric.query()}) as whole (value)
            """,
        )
        for *choice, value in rows:
            key = "|".join(choice)
            known = values.setdefault(key, [None] * len(shown))
            known[place] = None if value is None else _short(round(value, 6))
    definitions = [
        {
            "name": each.name,
            "label": each.label,
            "description": each.description.replace("`", ""),
            "format": each.format,
        }
        for each in shown
    ]
    return {"definitions": definitions, "values": values}


def _shop(connection: duckdb.DuckDBPyConnection) -> Figures:
    """What the whole page needs to know: currency, dates, what scored."""
    (shop,) = _records(
        connection,
        """
        select
            (select max(currency) from orders.fct_orders) as currency,
            cast(max(as_of_date) as varchar) as as_of_date,
            count(*) as customers,
            max(scored_by) as scored_by
        from grouped
        """,
    )
    return shop


def _totals(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Customers and money per group, each a list."""
    rows = _rows(
        connection,
        """
        select
            group_id,
            0 as place,
            count(*) as customers,
            cast(sum(past_spend) as double) as past_spend,
            cast(sum(predicted_spend) as double) as predicted_spend,
            cast(sum(lifetime_value) as double) as lifetime_value
        from grouped
        group by group_id
        """,
    )
    return {"by_group": {row[0]: [_short(value) for value in row[2:]] for row in rows}}


def _revenue(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Revenue of past months, and what is expected by horizon."""
    horizons = [
        row[0]
        for row in _rows(
            connection,
            "select distinct horizon_days from clv.clv_predictions order by all",
        )
    ]
    months = [
        row[0]
        for row in _rows(
            connection,
            f"""
            with months as (
                select distinct date_trunc('month', ordered_date) as month
                from orders.fct_orders
                where ordered_date <= (select max(as_of_date) from grouped)
            ),

            -- A month without an order is a month of the shop all the same.
            bounds as (
                select
                    max(month) as last,
                    greatest(min(month), max(month) - interval {MONTHS - 1} month)
                        as first
                from months
            )

            select strftime(month, '%Y-%m')
            from (
                select unnest(generate_series(first, last, interval 1 month)) as month
                from bounds
            )
            """,
        )
    ]
    place = {month: number for number, month in enumerate(months)}
    past = [
        (group, place[month], revenue)
        for group, month, revenue in _rows(
            connection,
            """
            select
                coalesce(grouped.group_id, -1),
                strftime(fct_orders.ordered_date, '%Y-%m') as month,
                cast(round(sum(fct_orders.net_amount), 2) as double)
            from orders.fct_orders
            left join grouped on fct_orders.customer_key = grouped.customer_key
            where fct_orders.ordered_date <= (select max(as_of_date) from grouped)
            group by all
            """,
        )
        if month in place
    ]
    position = {days: number for number, days in enumerate(horizons)}
    expected = [
        (group, position[days], spend)
        for group, days, spend in _rows(
            connection,
            """
            select
                grouped.group_id,
                clv_predictions.horizon_days,
                cast(sum(clv_predictions.predicted_spend) as double)
            from clv.clv_predictions
            inner join grouped using (customer_key)
            group by all
            """,
        )
    ]
    return {
        "months": months,
        "past": {k: v[0] for k, v in _by_group(past, len(months)).items()},
        "horizons": horizons,
        "expected": {k: v[0] for k, v in _by_group(expected, len(horizons)).items()},
    }


def _value(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Customers and money by band of value rank: parts of the best tenth, then tenths.

    A band is the same for every choice of groups, so adding groups up gives exact
    points of the chosen customers' own concentration curve.
    """
    bands = len(CUTS) + 9
    cuts = " + ".join(f"cast(share > {cut} as integer)" for cut in CUTS[:-1])
    rows = _rows(
        connection,
        f"""
        with ranked as (
            select
                *,
                value_rank / count(*) over () as share
            from grouped
        ),

        banded as (
            select
                *,
                cast(
                    case
                        when value_decile > 1 then {len(CUTS) - 2} + value_decile
                        else {cuts}
                    end as integer
                ) as band
            from ranked
        )

        select
            group_id,
            band,
            count(*),
            cast(sum(past_spend) as double),
            cast(sum(predicted_spend) as double),
            cast(sum(lifetime_value) as double)
        from banded
        group by all
        """,
    )
    deciles = [1] * len(CUTS) + list(range(2, 11))
    return {"deciles": deciles, "by_group": _by_group(rows, bands)}


def _trust(connection: duckdb.DuckDBPyConnection) -> Figures:
    """What was predicted at past dates and what came, of the model that scores."""
    scoring = """
        select case max(scored_by)
            when 'network' then 'clv_network' else 'bgnbd_gamma_gamma'
        end
        from grouped
    """
    deciles = _records(
        connection,
        f"""
        select
            cast(origin_date as varchar) as origin_date,
            horizon_days,
            decile,
            customers,
            round(predicted_spend, 6) as predicted_spend,
            round(actual_spend, 6) as actual_spend
        from clv.backtest_deciles
        where model = ({scoring})
        order by horizon_days, origin_date, decile
        """,
    )
    measures = _records(
        connection,
        """
        select
            cast(origin_date as varchar) as origin_date,
            horizon_days,
            model,
            measure,
            round(value, 6) as value
        from clv.backtest_metrics
        where measure in (
            'normalised_gini', 'spearman', 'top_decile_capture', 'total_bias', 'mae',
            'interval_coverage_randomised', 'chance_calibration_error'
        )
        order by all
        """,
    )
    model = _rows(connection, scoring)[0][0]
    return {"model": model, "deciles": deciles, "measures": measures}


def _segments(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Customers per group by the segment that they were in before."""
    return {
        "moves": [
            list(row)
            for row in _rows(
                connection,
                """
                select group_id, coalesce(previous_segment, ''), count(*)
                from grouped
                group by all
                order by all
                """,
            )
        ]
    }


def _cohorts(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Who bought again, by month of the first purchase and months since.

    By country and channel only: a customer's segment of today is made of just these
    purchases.
    """
    cohorts = [
        row[0]
        for row in _rows(
            connection,
            f"""
            select strftime(first_purchase_month, '%Y-%m')
            from grouped
            where first_purchase_month is not null
            group by first_purchase_month
            order by first_purchase_month desc
            limit {COHORTS}
            """,
        )
    ][::-1]
    if not cohorts:
        return {"cohorts": [], "places": [], "sizes": {}, "cells": []}
    places = _rows(
        connection,
        "select distinct shown_country, shown_channel from grouped order by all",
    )
    number = {place: index for index, place in enumerate(places)}
    row_of = {cohort: index for index, cohort in enumerate(cohorts)}
    sizes: dict[int, list[int]] = {}
    for country, channel, cohort, customers in _rows(
        connection,
        """
        select
            shown_country,
            shown_channel,
            strftime(first_purchase_month, '%Y-%m'),
            count(*)
        from grouped
        group by all
        """,
    ):
        if cohort in row_of:
            place = sizes.setdefault(number[country, channel], [0] * len(cohorts))
            place[row_of[cohort]] = customers
    cells: dict[int, dict[int, list[list[float]]]] = {}
    for country, channel, cohort, age, customers, revenue in _rows(
        connection,
        f"""
        with months as (
            select
                grouped.shown_country,
                grouped.shown_channel,
                grouped.first_purchase_month,
                fct_orders.customer_key,
                date_diff(
                    'month', grouped.first_purchase_month, fct_orders.ordered_date
                ) as age,
                sum(fct_orders.net_amount) as revenue,
                count_if(fct_orders.net_amount > 0) > 0 as has_bought
            from orders.fct_orders
            inner join grouped using (customer_key)
            where fct_orders.ordered_date <= grouped.as_of_date
                and grouped.first_purchase_month >= date '{cohorts[0]}-01'
            group by all
        )

        select
            shown_country,
            shown_channel,
            strftime(first_purchase_month, '%Y-%m'),
            age,
            count_if(has_bought),
            cast(round(sum(revenue)) as bigint)
        from months
        where age between 0 and {COHORTS - 1}
        group by all
        order by all
        """,
    ):
        place_cells = cells.setdefault(number[country, channel], {})
        row = place_cells.setdefault(row_of[cohort], [[], []])
        for values, value in zip(row, (customers, revenue), strict=True):
            values.extend([0] * (age - len(values)))
            values.append(value)
    return {
        "cohorts": cohorts,
        "places": [list(place) for place in places],
        "sizes": sizes,
        "cells": cells,
    }


def _customers(connection: duckdb.DuckDBPyConnection) -> Figures:
    """The most valuable customers of every group, and why they are.

    The best of any choice of groups are among the best of each.
    """
    reasons = _rows(connection, "select reason, label from reference.clv_reasons")
    code = {reason: number for number, (reason, _) in enumerate(reasons)}
    rows = _rows(
        connection,
        f"""
        with best as (
            select
                *,
                row_number() over (
                    partition by group_id order by value_rank, customer_key
                ) as place
            from grouped
            qualify place <= {CUSTOMERS}
        ),

        reasons as (
            select
                customer_key,
                list([reason, cast(round(contribution, 2) as varchar)]
                    order by reason_rank) as reasons
            from clv.clv_explanations
            inner join best using (customer_key)
            where reason_rank <= {REASONS}
            group by customer_key
        )

        select
            best.group_id,
            best.customer_key,
            best.value_rank,
            best.frequency,
            cast(best.last_purchase_date as varchar),
            cast(best.past_spend as double),
            cast(best.predicted_spend as double),
            cast(best.spend_p10 as double),
            cast(best.spend_p90 as double),
            round(best.chance_of_buying, 4),
            cast(best.lifetime_value as double),
            coalesce(reasons.reasons, [])
        from best
        left join reasons using (customer_key)
        order by best.value_rank, best.customer_key
        """,
    )
    return {
        "shown": CUSTOMERS,
        "labels": [label for _, label in reasons],
        "rows": [
            [
                *row[:-1],
                [
                    part
                    for reason, amount in row[-1]
                    for part in (code[reason], _short(float(amount)))
                ],
            ]
            for row in rows
        ],
    }


def _quality(connection: duckdb.DuckDBPyConnection) -> Figures:
    """What was read, what was rejected and why, and how fresh it is."""
    kept = _records(
        connection,
        """
        select 'orders' as feed, count(*) as kept from orders.fct_orders
        union all select 'order_lines', count(*) from orders.fct_order_lines
        union all
        select 'products', count_if(is_in_catalogue) from orders.dim_products
        union all
        select 'customers', count_if(has_account) from orders.dim_customers
        union all select 'events', count(*) from orders.fct_events
        union all select 'reviews', count(*) from orders.fct_reviews
        """,
    )
    rejected = _records(
        connection,
        """
        select
            rejected_records.feed,
            rejected_records.reason,
            coalesce(rejection_reasons.explanation, rejected_records.reason)
                as explanation,
            count(*) as records,
            cast(coalesce(sum(rejected_records.amount), 0) as double) as amount
        from orders.rejected_records
        left join reference.rejection_reasons using (reason)
        group by all
        order by records desc, feed, reason
        """,
    )
    dates = _rows(
        connection,
        """
        select
            cast(max(ordered_date) as varchar),
            cast(min(ordered_date) as varchar)
        from orders.fct_orders
        """,
    )
    return {
        "feeds": kept,
        "rejected": rejected,
        "last_order": dates[0][0],
        "first_order": dates[0][1],
    }


def _network(connection: duckdb.DuckDBPyConnection) -> Figures:
    """The training that the scores come from, or the newest one."""
    rows = _records(
        connection,
        """
        select
            network_version as version,
            strftime(trained_at, '%Y-%m-%d') as trained_on,
            is_accepted,
            decision
        from clv.trainings
        order by is_accepted desc, trained_at desc
        limit 1
        """,
    )
    return rows[0] if rows else {}


CLV = ("clv.clv_predictions", "orders.fct_orders")
QUALITY = (
    "orders.rejected_records",
    "reference.rejection_reasons",
    "orders.fct_orders",
    "orders.fct_order_lines",
    "orders.fct_events",
    "orders.fct_reviews",
    "orders.dim_products",
    "orders.dim_customers",
)
PANELS = (
    Panel("shop", ("orders.fct_orders",), _shop),
    Panel("totals", (), _totals),
    Panel("revenue", CLV, _revenue),
    Panel("value", (), _value),
    Panel("trust", ("clv.backtest_deciles", "clv.backtest_metrics"), _trust),
    Panel("segments", (), _segments),
    Panel("cohorts", ("orders.fct_orders",), _cohorts),
    Panel("customers", ("clv.clv_explanations", "reference.clv_reasons"), _customers),
    Panel("quality", QUALITY, _quality),
    Panel("network", ("clv.trainings",), _network),
)
