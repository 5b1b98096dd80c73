"""Compares the dashboard in a real Chromium with the warehouse, by SQL of its own.

The page reads `reports`; the tests read the tables that models/reports are made from.
"""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from clv_warehouse.marketing.planning import frontier
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.project.metrics import Metric, load
from clv_warehouse.serving.dashboard.browser import (
    chromium,
    find_chromium,
    seconds_until_drawn,
)
from clv_warehouse.serving.dashboard.figures import TABLES, pack
from clv_warehouse.serving.dashboard.page import (
    FOLDER,
    SCRIPTS,
    assemble,
    write_dashboard,
)
from publishing import publish
from warehouse import Warehouse

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium: install it (Debian: chromium)"
)
CHARTS = [
    *("revenue", "deciles", "concentration", "segments", "moves"),
    *("cohort-values", "cohorts", "worth-curves", "funnel", "judged", "origins"),
    "rejections",
]
CHOICES = [
    {},
    {"segment": "loyal"},
    {"country": "Germany"},
    {"channel": "search"},
    {"segment": "at_risk", "country": "France"},
    {"segment": "lapsed", "country": "Germany", "channel": "social"},
]
OF_NO_CUSTOMER = (
    *("worth", "experiments", "budget", "products", "site", "alarms", "quality"),
)
COLUMNS = {
    "segment": "segment",
    "country": "country",
    "channel": "acquisition_channel",
}


@dataclass
class Tab:
    """A page in the browser, and what it did beside showing."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def choose(self, **choice: str) -> None:
        """Set the filters; those not named show all."""
        self.page.click("#reset")
        for name, value in choice.items():
            self.page.select_option(f"#{name}", value)

    def cells(self, selector: str) -> list[list[float]]:
        """The numbers of a table's rows, as they are and not as they read."""
        rows = self.page.locator(f"{selector} tbody tr").evaluate_all(VALUES_OF_ROWS)
        return [[float(value) for value in row] for row in rows]

    def table_of(self, chart: str) -> list[list[float]]:
        """The numbers of a chart's table."""
        return self.cells(f"#{chart} + details")


VALUES = "cells => cells.map(cell => cell.dataset.value)"
# To ask for each row would take longer than to draw the page.
VALUES_OF_ROWS = f"""rows => rows.map(row =>
    ({VALUES})([...row.querySelectorAll("[data-value]")]))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def metrics(parsed: Path) -> list[Metric]:
    return load(parsed / "semantic_manifest.json")


@pytest.fixture(scope="module")
def written(
    sample: duckdb.DuckDBPyConnection,
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The sample shop's dashboard."""
    page = tmp_path_factory.mktemp("dashboard") / "dashboard.html"
    write_dashboard(root / "data" / "sample.duckdb", page)
    return page


Open = Callable[..., Tab]


def opened_in(context: BrowserContext, path: Path) -> Tab:
    """A page, once it is drawn."""
    tab = Tab(context.new_page())
    tab.page.on("request", lambda each: tab.requests.append(each.url))
    tab.page.on("console", lambda each: tab.complaints.append(each.text))
    tab.page.on("pageerror", lambda each: tab.complaints.append(str(each)))
    tab.page.goto(path.as_uri())
    seconds_until_drawn(tab.page)
    return tab


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    contexts = []

    def opened(path: Path, width: int = 1280, **options: Any) -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, **options
        )
        contexts.append(context)
        return opened_in(context, path)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shown(browser: Browser, written: Path) -> Iterator[Tab]:
    """The sample shop's dashboard, for tests that only read and choose.

    To draw it takes two seconds. Tests choose first, for others chose before.
    """
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield opened_in(context, written)


def where(choice: dict[str, str]) -> str:
    """The condition on customer_profiles that a choice means."""
    return " and ".join(
        ["true", *(f"{COLUMNS[name]} = '{value}'" for name, value in choice.items())]
    )


def rows_of(sample: duckdb.DuckDBPyConnection, sql: str) -> list[list[float]]:
    return [[float(value) for value in row] for row in sample.sql(sql).fetchall()]


def packed(page: Path) -> dict[str, Any]:
    """What the page holds of the warehouse."""
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>',
        page.read_text("utf-8"),
    )
    assert found
    return json.loads(found[1])


def test_every_chart_renders_quietly_and_asks_for_nothing(
    written: Path, open_page: Open
) -> None:
    tab = open_page(written)
    for chart in CHARTS:
        marks = tab.page.locator(f"#{chart} svg path")
        assert marks.count() > 3, chart
        assert tab.page.locator(f"#{chart}").get_attribute("aria-label"), chart
        assert len(tab.table_of(chart)) > 1, chart
    assert tab.requests == [written.as_uri()]
    assert tab.complaints == []


def test_the_page_cannot_ask_for_anything(written: Path, open_page: Open) -> None:
    tab = open_page(written)
    failed = tab.page.evaluate(
        "fetch('https://example.org/').then(() => false, () => true)"
    )
    assert failed
    assert not [each for each in tab.requests if each.startswith("http")]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda each: "-".join(each.values()))
def test_numbers_are_those_of_the_warehouse(
    choice: dict[str, str],
    sample: duckdb.DuckDBPyConnection,
    metrics: list[Metric],
    shown: Tab,
) -> None:
    tab = shown
    tab.choose(**choice)
    chosen = f"(from profiles.customer_profiles where {where(choice)})"

    tiles = {
        tile.get_attribute("data-metric"): tile.locator(".figure").get_attribute(
            "data-value"
        )
        for tile in tab.page.locator(".tile").all()
    }
    assert len(tiles) == 8
    for metric in metrics:
        if metric.name not in tiles:
            continue
        customers = f"customer_key in (select customer_key from {chosen})"
        (value,) = sample.sql(
            metric.query(where=customers if choice else "true")
        ).fetchall()[0]
        assert float(tiles[metric.name] or "nan") == pytest.approx(
            float(value), rel=1e-6, abs=1e-6
        ), metric.name

    # Money of orders by month: the last row of each month that has any.
    guests = "true" if not choice else "false"
    revenue = rows_of(
        sample,
        f"""
        select sum(net_amount)
        from orders.fct_orders
        where customer_key in (select customer_key from {chosen})
            or ({guests} and customer_key is null)
        group by date_trunc('month', ordered_date)
        having sum(net_amount) <> 0
        order by date_trunc('month', ordered_date)
        """,
    )
    shown = [row[:1] for row in tab.table_of("revenue")]
    months = len(
        sample.sql(
            "select distinct date_trunc('month', ordered_date) from orders.fct_orders"
        ).fetchall()
    )
    shown = [row for row in shown[:months] if row[0]]
    assert shown == [pytest.approx(row, abs=0.01) for row in revenue]

    horizons = rows_of(
        sample,
        f"""
        select horizon_days, sum(predicted_spend)
        from clv.clv_predictions
        where customer_key in (select customer_key from {chosen})
        group by all
        order by all
        """,
    )
    calendar = tab.cells("#calendar")
    assert [[days, total] for days, _, total in calendar] == [
        pytest.approx(row, abs=0.01) for row in horizons
    ]
    assert sum(row[1] for row in calendar) == pytest.approx(horizons[-1][1], abs=0.02)
    # What is spread over months adds up to the longest horizon again, but for the six
    # decimal places of each month and group.
    ahead = tab.page.locator("#revenue + details tbody tr").evaluate_all(
        "rows => rows.map(row => Number(row.children[2].dataset.value || 0))"
    )
    assert sum(ahead) == pytest.approx(horizons[-1][1], rel=1e-9, abs=1e-3)

    deciles = rows_of(
        sample,
        f"""
        select
            count(customer_key),
            coalesce(sum(past_spend), 0),
            coalesce(sum(predicted_spend), 0),
            coalesce(sum(lifetime_value), 0)
        from range(1, 11) as tenths (decile)
        left join {chosen} as chosen on decile = value_decile
        group by decile
        order by decile
        """,
    )
    assert tab.table_of("deciles") == [pytest.approx(row, abs=0.01) for row in deciles]

    segments = rows_of(
        sample,
        f"""
        select count(*), sum(past_spend), sum(predicted_spend), sum(lifetime_value)
        from {chosen}
        group by segment
        order by list_position(['new', 'active', 'loyal', 'at_risk', 'lapsed'], segment)
        """,
    )
    assert tab.table_of("segments") == [
        pytest.approx(row, abs=0.01) for row in segments
    ]
    moved = sum(sum(row) for row in tab.table_of("moves"))
    assert moved == sum(row[0] for row in segments)

    best = sample.sql(
        f"select customer_key from {chosen} order by value_rank limit 10"
    ).fetchall()
    keys = tab.page.locator("#customers tbody .key").evaluate_all(
        "keys => keys.map(key => key.firstChild.textContent)"
    )
    assert keys == [key for (key,) in best]


# The rules of the lists, as SQL over customer_profiles: the condition and the money.
TO_DO = {
    "order_due": (
        "next_order_date <= as_of_date + 14 and segment in ('new', 'active', 'loyal')",
        "average_order_value",
    ),
    "slipping": (
        "recency_days >= 2 * patience_days / 3 "
        "and segment in ('new', 'active', 'loyal')",
        "spend_365d",
    ),
    "went_silent": (
        "segment = 'at_risk' and recency_days < patience_days + 30",
        "spend_365d",
    ),
    "second_order": ("frequency = 1 and segment = 'new'", "predicted_spend"),
    "came_back": (
        "previous_segment in ('at_risk', 'lapsed') and segment in ('active', 'loyal')",
        "predicted_spend",
    ),
    "unhappy": ("rating_last <= 2 and segment <> 'lapsed'", "spend_365d"),
    "best": ("value_decile = 1", "lifetime_value"),
}


@pytest.mark.parametrize(
    "choice", CHOICES[:3], ids=lambda each: "-".join(each.values())
)
def test_lists_have_the_customers_of_the_warehouse(
    choice: dict[str, str],
    sample: duckdb.DuckDBPyConnection,
    shown: Tab,
) -> None:
    tab = shown
    tab.choose(**choice)
    actions = sample.sql(
        "select list from reports.customer_lists "
        "where list_kind = 'action' and customers > 0 order by place"
    ).fetchall()
    planned = [
        row
        for (action,) in actions
        for row in rows_of(
            sample,
            "select count(*), coalesce(sum(money_at_stake), 0), "
            "coalesce(sum(expected_gain), 0) from reports.list_members "
            f"where list_kind = 'action' and list = '{action}' and {where(choice)}",
        )
    ]
    assert planned
    expected = planned + [
        row
        for rule, money in TO_DO.values()
        for row in rows_of(
            sample,
            f"select count(*), coalesce(sum({money}), 0) "
            f"from profiles.customer_profiles where {rule} and {where(choice)}",
        )
    ]
    assert tab.cells("#to-do") == [pytest.approx(row, abs=0.01) for row in expected]
    tab.page.click('#segment-lists [data-list="lifecycle loyal"]')
    assert tab.page.inner_text("#list-title") == "Loyal"
    loyal = sample.sql(
        "select customer_key, predicted_spend from profiles.customer_profiles "
        f"where segment = 'loyal' and {where(choice)} "
        "order by predicted_spend desc, customer_key"
    ).fetchall()
    keys = tab.page.locator("#list-members tbody .key").all_inner_texts()
    assert keys == [key for key, _ in loyal]
    with tab.page.expect_download() as saving:
        tab.page.click("#list-file")
    assert saving.value.suggested_filename.startswith("lifecycle_loyal_20")
    with saving.value.path().open(encoding="utf-8-sig", newline="") as lines:
        saved = list(csv.DictReader(lines))
    assert [row["customer_key"] for row in saved] == keys
    assert [float(row["money_at_stake"]) for row in saved] == [
        pytest.approx(float(money)) for _, money in loyal
    ]
    assert all(row["reason"] for row in saved)
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator("#list").is_visible()
    assert tab.complaints == []


def test_each_panel_about_customers_opens_a_list(
    written: Path, open_page: Open
) -> None:
    tab = open_page(written)
    for panel in tab.page.locator("main > section").all():
        lists = panel.locator("button[data-list]").count()
        about = panel.get_attribute("data-panel")
        assert lists or about in OF_NO_CUSTOMER
    assert tab.page.locator("#segment-lists [data-list^=rfm]").count() == 11


def test_a_long_list_says_that_the_page_has_its_beginning(
    written: Path, open_page: Open
) -> None:
    shown = packed(written)
    lists = shown["tables"]["customer_lists"]
    lists["customers"] = [2_500 for _ in lists["customers"]]
    page = written.with_name("long.html")
    page.write_text(assemble(shown), "utf-8")
    tab = open_page(page)
    tab.page.click("[data-list='to_do best']")
    assert "first 1,000 of 2,500 customers" in tab.page.inner_text("#list-note")
    tab.page.keyboard.press("Escape")
    tab.choose(country="Italy")
    assert "of the first 1,000" in tab.page.inner_text("#to-do")


def test_a_saved_text_is_no_formula(written: Path, open_page: Open) -> None:
    tab = open_page(written)
    saved = tab.page.evaluate(
        "asCsv([{position: 1, customer_key: '=1+1', segment: 'a\"b,c', "
        "country: null, acquisition_channel: '@x', money_at_stake: -2.5, "
        "lifetime_value: 0, last_purchase_date: '2025-01-02', "
        "next_order_date: null, top_recommendation: '-5 %', reason: 'two\\nlines'}])"
    )
    assert saved.partition("\r\n")[2] == (
        '1,\'=1+1,"a""b,c",,\'@x,-2.5,0,2025-01-02,,\'-5 %,"two\nlines"\r\n'
    )


def test_changes_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    """The sample shop remembers one forecast, so that the last week is told."""
    tab = shown
    tab.choose()
    since = "(select max(as_of_date) - 7 from profiles.customer_profiles)"
    [expected] = rows_of(
        sample,
        f"""
        select
            (
                select sum(net_amount)
                from orders.fct_orders
                where ordered_date > {since}
            ),
            (
                select count(*)
                from orders.fct_orders
                where ordered_date > {since} and is_sale and sold_amount > undone_amount
            ),
            count_if(first_purchase_date > {since}),
            count_if(
                segment in ('at_risk', 'lapsed') and recency_days - 7 < patience_days
            ),
            sum(spend_365d) filter (
                segment in ('at_risk', 'lapsed') and recency_days - 7 < patience_days
            ),
            sum(predicted_spend)
        from profiles.customer_profiles
        """,
    )
    shown = [row[0] for row in tab.cells("#changes")]
    assert shown == [pytest.approx(value, abs=0.01) for value in expected]
    assert "last 7 days" in tab.page.inner_text("#changes-title")


def test_concentration_is_of_those_chosen(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    """The best half of the loyal, by their own ranks; the page knows bands of ranks."""
    tab = shown
    tab.choose(segment="loyal")
    (truth,) = sample.sql(
        """
        with ranked as (
            select
                lifetime_value,
                row_number() over (order by value_rank) / count(*) over () as share
            from profiles.customer_profiles
            where segment = 'loyal'
        )

        select sum(lifetime_value) filter (where share <= 0.5) / sum(lifetime_value)
        from ranked
        """
    ).fetchall()[0]
    assert tab.table_of("concentration")[-1] == [pytest.approx(truth, abs=0.01)]


def test_movement_and_cohorts_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose(country="France")
    moves = rows_of(
        sample,
        """
        select
            count_if(segment = 'new'),
            count_if(segment = 'active'),
            count_if(segment = 'loyal'),
            count_if(segment = 'at_risk'),
            count_if(segment = 'lapsed')
        from profiles.customer_profiles
        where country = 'France' and previous_segment = 'loyal'
        """,
    )
    rows = tab.page.locator("#moves + details tbody tr").all()
    (loyal,) = [row for row in rows if row.locator("th").text_content() == "Loyal"]
    assert [float(each) for each in loyal.locator("td").evaluate_all(VALUES)] == moves[
        0
    ]

    cohorts = rows_of(
        sample,
        """
        with cohort as (
            select customer_key, first_purchase_month
            from profiles.customer_profiles
            where country = 'France' and first_purchase_month = date '2025-03-01'
        )

        select
            (select count(*) from cohort),
            count(distinct customer_key) filter (
                where date_trunc('month', ordered_date) = date '2025-04-01'
            ) / (select count(*) from cohort),
            count(distinct customer_key) filter (
                where date_trunc('month', ordered_date) = date '2025-12-01'
            ) / (select count(*) from cohort)
        from orders.fct_orders
        inner join cohort using (customer_key)
        where is_sale and sold_amount > undone_amount
        """,
    )
    rows = tab.page.locator("#cohorts + details tbody tr").all()
    (march,) = [row for row in rows if row.locator("th").text_content() == "Mar 2025"]
    kept = [float(each) for each in march.locator("[data-value]").evaluate_all(VALUES)]
    assert [kept[0], kept[1], kept[9]] == pytest.approx(cohorts[0])
    assert len(kept) == 10
    # All cells: a month with nothing but what was cancelled, or undone on its own day,
    # is no purchase; what came back later was one.
    bought = rows_of(
        sample,
        """
        select count(distinct (customer_key, date_trunc('month', ordered_date)))
        from orders.fct_orders
        inner join profiles.customer_profiles using (customer_key)
        where country = 'France'
            and is_sale
            and sold_amount > undone_amount
            and first_purchase_month >= date '2024-01-01'
            and date_trunc('month', ordered_date) > first_purchase_month
        """,
    )
    shown = [
        share * size for size, *shares in tab.table_of("cohorts") for share in shares
    ]
    assert sum(shown) == pytest.approx(bought[0][0])


def test_what_new_customers_brought_is_that_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    """By the end of 2025 the first quarter's customers have all had nine months."""
    tab = shown
    tab.choose(channel="search")
    expected = rows_of(
        sample,
        """
        select
            count(distinct customer_key),
            coalesce(sum(net_amount) filter (where months_since < 1), 0)
                / count(distinct customer_key),
            coalesce(sum(net_amount) filter (where months_since < 9), 0)
                / count(distinct customer_key)
        from (
            select
                customer_key,
                net_amount,
                date_diff('month', first_purchase_month, ordered_date) as months_since
            from orders.fct_orders
            inner join profiles.customer_profiles using (customer_key)
            where acquisition_channel = 'search'
                and first_purchase_month between date '2025-01-01' and date '2025-03-01'
        )
        """,
    )
    rows = tab.page.locator("#cohort-numbers tbody tr").all()
    (spring,) = [row for row in rows if row.locator("th").text_content() == "2025 Q1"]
    values = [
        float(each) for each in spring.locator("[data-value]").evaluate_all(VALUES)
    ]
    # After 1, 2, 3, 6, 9 and 12 months; the twelfth is over for January's alone.
    assert [values[0], values[1], values[5]] == pytest.approx(expected[0])
    assert spring.locator(".open").count() == 1
    assert spring.locator("td").all_inner_texts()[6].endswith("…")
    assert len(values) == 7


def test_periods_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    for choice in ({}, {"country": "Germany"}):
        tab.choose(**choice)
        chosen = f"(from profiles.customer_profiles where {where(choice)})"
        others = "true" if not choice else "false"
        expected = [
            rows_of(
                sample,
                f"""
                select
                    sum(net_amount),
                    count_if(kept),
                    count(distinct key) filter (kept)
                from (
                    select
                        net_amount,
                        is_sale and sold_amount > undone_amount as kept,
                        chosen.customer_key as key
                    from orders.fct_orders
                    left join {chosen} as chosen using (customer_key)
                    where ordered_date > date '2025-12-31' - {days}
                        and (chosen.customer_key is not null or {others})
                )
                """,
            )[0]
            for days in (30, 91, 365)
        ]
        revenue, orders, buyers, _ = tab.cells("#periods")
        shown = [list(row) for row in zip(revenue, orders, buyers, strict=True)]
        assert shown == [pytest.approx(row, abs=0.01) for row in expected]
    (came,) = sample.sql(
        """
        select count(*) from profiles.customer_profiles
        where country = 'Germany' and first_purchase_date > date '2025-10-01'
        """
    ).fetchall()[0]
    assert tab.cells("#periods")[3][1] == came
    (before,) = sample.sql(
        """
        select count(*) from profiles.customer_profiles
        where country = 'Germany'
            and first_purchase_date > date '2024-10-01'
            and first_purchase_date <= date '2024-12-31'
        """
    ).fetchall()[0]
    assert f"on {before}" in tab.page.locator("#periods tbody tr").nth(3).inner_text()


def test_a_total_is_a_range_and_trust_is_said_in_words(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    (least, most) = sample.sql(
        """
        select low_spend::double, high_spend::double
        from clv.expected_totals
        where horizon_days = 365
        """
    ).fetchall()[0]
    found = re.search(r"€([\d,]+) to €([\d,]+)", tab.page.inner_text("#lead"))
    assert found
    shown = [float(each.replace(",", "")) for each in found.groups()]
    assert shown == pytest.approx([least, most], rel=0.005)
    last = tab.page.locator("#calendar tbody tr").last.inner_text()
    assert f"€{least:,.0f} to €{most:,.0f}" in last
    verdicts = sample.sql(
        "select label, verdict, statement from reports.trust order by place"
    ).fetchall()
    cards = tab.page.locator("#verdicts article").all_inner_texts()
    assert len(cards) == len(verdicts) == 4
    for card, said in zip(cards, verdicts, strict=True):
        assert all(text in card for text in said)
    assert not tab.page.locator("#models table").is_visible()
    tab.page.click("#models-details summary")
    assert tab.page.locator("#models table").is_visible()
    # A part of the shop can be further off than the whole.
    tab.choose(country="Germany")
    assert " to €" not in tab.page.inner_text("#lead")


def test_customers_to_come_stand_apart(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    ahead = "#revenue + details tbody tr"
    head = "#revenue + details thead th"
    with_others = tab.page.locator(head).all_text_contents()
    assert with_others == [
        *("Month", "Revenue", "Known customers", "Customers to come", "Guests"),
        *("Together", "Planned"),
    ]
    shown = tab.page.locator(ahead).evaluate_all(
        "rows => rows.map(row => Number(row.children[3].dataset.value || 0))"
    )
    (expected, new_customers) = sample.sql(
        """
        select sum(expected_spend)::double, round(sum(new_customers))::int
        from clv.customers_to_come where is_scoring_date
        """
    ).fetchall()[0]
    assert sum(shown) == pytest.approx(expected)
    note = tab.page.inner_text("#revenue-note")
    assert f"{new_customers:,} who will buy" in note
    (together,) = sample.sql(
        "select sum(expected_spend)::double from reports.months_ahead"
    ).fetchall()[0]
    said = re.search(r"€([\d,]+) together", note)
    assert said
    assert float(said[1].replace(",", "")) == pytest.approx(together, rel=0.005)
    planned = tab.page.locator(ahead).last.locator("td").last
    assert planned.text_content() == "Christmas (2 days)"
    tab.page.uncheck("#others")
    alone = ["Month", "Revenue", "Known customers", "Planned"]
    assert tab.page.locator(head).all_text_contents() == alone
    tab.choose(country="Germany")
    assert not tab.page.locator("#others").is_visible()


def test_trust_and_quality_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    totals = rows_of(
        sample,
        """
        select
            count(*),
            sum(predicted_spend),
            sum(actual_spend),
            sum(predicted_spend) / sum(actual_spend) - 1
        from clv.backtest_predictions
        where model = 'clv_network'
        group by horizon_days
        order by horizon_days
        """,
    )
    assert tab.table_of("origins") == [
        pytest.approx(row, rel=1e-6, abs=1e-6) for row in totals
    ]
    tab.page.check("input[name=judged][value='91']")
    gini = sample.sql(
        """
        select value
        from clv.backtest_metrics
        where
            horizon_days = 91
            and measure = 'normalised_gini'
            and model <> 'zero'
        order by value desc
        """
    ).fetchall()
    assert [row[0] for row in tab.cells("#models")] == [
        pytest.approx(value, abs=1e-6) for (value,) in gini
    ]
    lost = sample.sql("select count(*) from orders.rejected_records").fetchall()[0][0]
    assert sum(row[0] for row in tab.table_of("rejections")) == lost
    assert sum(row[1] for row in tab.cells("#feeds") if row) == lost
    (sales, revenue) = sample.sql(
        "select count(*), sum(net_amount)::double from orders.fct_orders where is_sale"
    ).fetchall()[0]
    counted = tab.cells("#order-summary")[:2]
    assert [sum(row) for row in zip(*counted, strict=True)] == [
        sales,
        pytest.approx(revenue),
    ]
    (margin,) = sample.sql("select margin from clv.shop_margin").fetchall()[0]
    assert f"{margin:.1%} of spend" in tab.page.inner_text("#fresh")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_is_wider_than_the_window(
    written: Path, open_page: Open, width: int, scheme: str
) -> None:
    tab = open_page(written, width, color_scheme=scheme)
    for details in tab.page.locator("details").all():
        details.evaluate("each => each.open = true")
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    assert wide == width
    assert tab.page.evaluate("document.documentElement.dataset.theme") == scheme


def test_the_theme_can_be_chosen(written: Path, open_page: Open) -> None:
    tab = open_page(written, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = tab.page.evaluate(colour)
    tab.page.click("#theme")
    assert tab.page.evaluate("document.documentElement.dataset.theme") == "light"
    assert tab.page.evaluate(colour) != dark


def test_prints_in_light_on_the_width_of_the_paper(
    written: Path, open_page: Open
) -> None:
    tab = open_page(written, color_scheme="dark")
    tab.page.emulate_media(media="print", color_scheme="dark")
    tab.page.locator("html[data-theme=light]").wait_for(state="attached")
    for chart in CHARTS:
        drawn, room = tab.page.locator(f"#{chart}").evaluate(
            "each => [each.querySelector('svg').getBoundingClientRect().right,"
            " each.closest('.card').getBoundingClientRect().right]"
        )
        assert drawn <= room <= 700, chart
    assert not tab.page.locator("nav").is_visible()
    tab.page.emulate_media(media="screen", color_scheme="dark")
    tab.page.locator("html[data-theme=dark]").wait_for(state="attached")


def test_everything_can_be_reached_by_keyboard(written: Path, open_page: Open) -> None:
    tab = open_page(written)
    focused = "document.activeElement.id || document.activeElement.textContent"
    tab.page.keyboard.press("Tab")
    assert "Skip" in tab.page.evaluate(focused)
    assert tab.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    reached = set()
    for _ in range(60):
        tab.page.keyboard.press("Tab")
        reached.add(tab.page.evaluate(focused))
    assert {"theme", "segment", "country", "channel", "reset"} <= reached
    assert "Figures as a table" in reached
    tab.page.focus("#segment")
    tab.page.keyboard.press("L")
    tab.page.keyboard.press("Enter")
    assert "Lo" in tab.page.locator("#chosen").inner_text()
    tab.page.focus("#deciles + details summary")
    tab.page.keyboard.press("Enter")
    assert tab.page.locator("#deciles + details table").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(written: Path, open_page: Open, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = open_page(written, color_scheme=scheme)
    for details in tab.page.locator("details").all():
        details.evaluate("each => each.open = true")
    found = Axe().run(tab.page)
    assert found.violations_count == 0, found.generate_report()
    tab.page.click("[data-list='to_do best']")
    found = Axe().run(tab.page, context="#list")
    assert found.violations_count == 0, found.generate_report()


def test_hover_tells_the_figures(written: Path, open_page: Open) -> None:
    tab = open_page(written)
    tab.page.locator("#deciles").scroll_into_view_if_needed()
    tab.page.locator("#deciles").hover(position={"x": 80, "y": 150})
    tab.page.get_by_text("Lifetime value: €").wait_for(timeout=5000)


def test_text_of_the_shop_stays_text(written: Path, open_page: Open) -> None:
    """Keys and countries may hold anything, ends of elements too."""
    evil = "</script><script>document.title = ''</script><img src=x onerror=alert()>"
    shown = packed(written)
    tables = shown["tables"]
    for name, columns in tables.items():
        for column in columns:
            if column in ("customer_key", "explanation", "reason_label"):
                texts = columns[column]["texts"]
                columns[column]["texts"] = [f"{evil}{text}" for text in texts]
            elif (
                column in ("country", "acquisition_channel") and name != "metric_values"
            ):
                texts = columns[column]["texts"]
                columns[column]["texts"] = [evil for _ in texts]
    page = written.with_name("evil.html")
    page.write_text(assemble(shown), "utf-8")
    tab = open_page(page)
    assert tab.page.title() == "Customer value"
    assert tab.page.locator("img").count() == 0
    key = tab.page.locator("#customers .key").first.inner_text()
    assert key.startswith(evil)
    tab.page.locator("#rejections").hover(position={"x": 300, "y": 15})
    assert tab.page.locator("img").count() == 0
    assert tab.complaints == []


def test_no_total_frightens(written: Path, open_page: Open) -> None:
    """A way to forecast that failed is far off, however many percent that may be."""
    shown = packed(written)
    totals = shown["tables"]["models_compared"]["total_bias"]
    shown["tables"]["models_compared"]["total_bias"] = [91_028.02 for _ in totals]
    page = written.with_name("frightening.html")
    page.write_text(assemble(shown), "utf-8")
    said = open_page(page).page.locator("#models").text_content() or ""
    assert "far too high" in said
    assert "9,102" not in said


def test_products_and_site_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    tables = {
        "#pairs": """
            select orders, max(share_of_orders), lift
            from recommendations.bought_together
            group by
                least(product_id, other_product_id),
                greatest(product_id, other_product_id),
                orders,
                lift
            order by lift desc, orders desc
            limit 10
        """,
        "#rising": """
            select customers, customers_before
            from recommendations.trending_products
            order by trend_rank
            limit 10
        """,
        "#breaks": """
            select share_going_on, usual_share, visits_lost
            from recommendations.site_funnel
            where is_break
            order by visits_lost desc
            limit 10
        """,
        "#searches": """
            select searches, products_found, searches_bought / searches
            from recommendations.searches
            where search_rank <= 10 or products_found = 0
            order by products_found = 0, search_rank
        """,
        "#recommenders": """
            select
                max(value) filter (list = 'both' and measure = 'hit_rate'),
                max(value) filter (list = 'both' and measure = 'recall') as recall,
                max(value) filter (list = 'new' and measure = 'hit_rate')
            from recommendations.recommendation_metrics
            where customer_group = 'all'
            group by model
            order by recall desc
        """,
    }
    for place, sql in tables.items():
        expected = [pytest.approx(row, abs=1e-5) for row in rows_of(sample, sql)]
        assert expected, place
        assert tab.cells(place) == expected, place
    ranking = tab.page.locator("#recommenders .ours th").all_inner_texts()
    ((label,),) = sample.sql(
        "select model_label from reports.recommenders_compared where is_ranking"
    ).fetchall()
    assert ranking == [label]
    for segment in ("all", "loyal"):
        tab.choose(**({} if segment == "all" else {"segment": segment}))
        shown = [
            name.split("\n")[0]
            for name in tab.page.locator(
                "#front-page tbody td:nth-child(2)"
            ).all_inner_texts()
        ]
        assert shown == [
            name
            for (name,) in sample.sql(
                f"""
                select coalesce(product_name, product_id)
                from recommendations.product_display_order
                where segment = '{segment}' and category is null and place <= 10
                order by place
                """
            ).fetchall()
        ]
    came = tab.page.locator("#overview-lifecycle .unbroken").all_inner_texts()
    assert sorted(came) == sorted(
        f"+{came} −{left}"
        for came, left in sample.sql(
            "select came, left_it from profiles.segment_profiles "
            "where segment_kind = 'lifecycle'"
        ).fetchall()
    )
    assert tab.complaints == []


WHAT_IF = """
    select
        channel,
        min(case when value >= {cac} then age_days end),
        max(case when age_days = 365 then round(value / {cac}, 2) end),
        max(case when age_days = {days} then round(value, 2) end)
    from marketing.acquisition_curves
    group by dimension, channel
"""


@pytest.mark.parametrize("cac", ["25", "63.8872", "500"])
def test_a_typed_cost_is_answered_as_the_query_does(
    cac: str, sample: duckdb.DuckDBPyConnection, written: Path, open_page: Open
) -> None:
    """The query is the what-if of docs/marketing.md; 63.8872 is a value of a curve."""
    tab = open_page(written)
    tab.page.fill("#cac", cac)
    expected = {
        channel: tuple(None if each is None else float(each) for each in answers)
        for channel, *answers in sample.sql(
            WHAT_IF.format(cac=cac, days=180)
        ).fetchall()
    }
    shown = {}
    for row in tab.page.locator("#cac-channels tbody tr").all():
        name = row.locator("th").inner_text().lower()
        cells = row.locator("td").all()[:3]
        days, returned, most = (each.get_attribute("data-value") for each in cells)
        shown["all" if name == "all customers" else name] = (
            None if days is None else float(days),
            pytest.approx(round(float(returned or "nan"), 2)),
            pytest.approx(round(float(most or "nan"), 2)),
        )
    assert expected == shown
    said = tab.page.inner_text("#cac-answer")
    assert ("does not pay back" in said) == (cac == "500")
    assert f"€{expected['all'][2]:,.2f}" in said
    assert tab.complaints == []


def test_no_cost_gets_no_answer(written: Path, open_page: Open) -> None:
    tab = open_page(written)
    for nothing in ("", "0", "-3"):
        tab.page.fill("#cac", nothing)
        assert "Type what a new customer costs" in tab.page.inner_text("#cac-answer")
        assert not tab.page.locator("#cac-channels").is_visible()
    tab.page.fill("#cac", "9")
    assert tab.page.locator("#cac-channels").is_visible()
    assert tab.complaints == []


def test_what_a_new_customer_is_worth_is_that_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, shown: Tab
) -> None:
    tab = shown
    tab.choose()
    shown = {}
    for row in tab.page.locator("#worth tbody tr").all():
        name = row.locator("th").inner_text().lower()
        shown["all" if name == "all customers" else name] = (
            [float(each) for each in row.locator("[data-value]").evaluate_all(VALUES)],
            row.inner_text(),
        )
    expected = sample.sql(
        """
        select
            channel,
            max(value) filter (age_days = 30),
            max(customers) filter (age_days = 30),
            max(value) filter (age_days = 90),
            max(value) filter (age_days = 365),
            max(customers) filter (age_days = 365)
        from marketing.acquisition_curves
        group by dimension, channel
        """
    ).fetchall()
    costs = {
        channel: (float(cost), customers)
        for channel, cost, customers in sample.sql(
            """
            select channel, sum(cost), sum(new_customers)
            from marketing.acquisition_economics
            where dimension in ('all', 'channel') and first_month >= date '2025-10-01'
            group by dimension, channel
            having sum(cost) is not null
            """
        ).fetchall()
    }
    assert len(expected) == len(shown) > 3
    for channel, days_30, behind_30, days_90, days_365, behind_365 in expected:
        numbers, text = shown[channel]
        assert numbers[1:4] == pytest.approx(
            [float(days_30), float(days_90), float(days_365)]
        )
        assert f"{behind_30:,} behind it" in text
        assert f"{behind_365:,} behind it" in text
        if channel in costs:
            cost, customers = costs[channel]
            assert numbers[5] == pytest.approx(cost / customers, abs=0.005)
            assert numbers[6] == pytest.approx(numbers[4] * customers / cost, rel=1e-6)
        else:
            assert "no cost known" in text


def test_experiments_and_campaigns_are_told_apart(
    sample: duckdb.DuckDBPyConnection, written: Path, open_page: Open
) -> None:
    """Arms are too few for an effect, and newsletters have no experiment at all."""
    tab = open_page(written)
    for details in tab.page.locator("[data-panel=experiments] details").all():
        details.evaluate("each => each.open = true")
    rows = tab.page.locator("#experiments tbody tr").all_inner_texts()
    arms = sample.sql(
        "select count(*) from marketing.experiment_results "
        "where segment_kind = 'all' and metric = 'margin' and not is_hold_out"
    ).fetchall()[0][0]
    assert len(rows) == arms > 6
    assert all("Too few" in row and "cannot be told" in row for row in rows)
    assert "each arm needs 1000 customers" in tab.page.inner_text("#experiments-note")
    (held_out,) = sample.sql(
        "select max(held_out_customers) from marketing.hold_out_report"
    ).fetchall()[0]
    said = tab.page.inner_text("#hold-outs")
    assert "cannot be told" in said
    assert f"{held_out} are held out" in said
    assert tab.page.locator("#hold-outs [data-value]").count() == 0
    campaigns = tab.page.locator("#campaigns tbody tr").all_inner_texts()
    observed = [row for row in campaigns if "Observed" in row]
    assert len(observed) == 3
    assert all("Newsletter" in row and "no effect is known" in row for row in observed)
    assert (
        len(campaigns)
        == sample.sql(
            "select count(distinct campaign_id) from orders.fct_campaign_sends"
        ).fetchall()[0][0]
    )


def test_an_empty_plan_is_said_in_words(shown: Tab) -> None:
    """No effect of the sample shop's offers is sure enough to be worth its cost."""
    tab = shown
    tab.choose()
    said = tab.page.inner_text("#no-frontier")
    assert "The plan is empty" in said
    assert "coupon, mail, postcard" in said
    assert not tab.page.locator("#frontier").is_visible()
    assert not tab.page.locator("#budget").is_visible()
    assert len(tab.cells("#offers")) == 4


def test_a_budget_says_what_it_gains(
    sample: duckdb.DuckDBPyConnection, written: Path, open_page: Open
) -> None:
    """A plan that counts with expected effects, and not with careful ones, has some."""
    offers = sample.sql(
        "select * replace (effect as cautious_effect) from marketing.plannable_offers"
    )
    limits = sample.sql("from reference.campaign_limits")
    points = sample.from_arrow(frontier(offers, limits, None))
    shown = packed(written)
    names = ", ".join(shown["tables"]["budget_frontier"])
    shown["tables"]["budget_frontier"] = pack(points.project(names).order("all"))
    page = written.with_name("budget.html")
    page.write_text(assemble(shown), "utf-8")
    tab = open_page(page)
    plan = [
        [float(each) for each in row]
        for row in points.filter("policy = 'plan'")
        .order("budget")
        .project("budget, gain, customers, shadow_price")
        .fetchall()
    ]
    assert len(plan) > 5
    for place, expected in enumerate(plan):
        tab.page.locator("#budget").fill(str(place))
        facts = tab.page.locator("#budget-facts [data-value]").evaluate_all(VALUES)
        assert [float(each) for each in facts] == pytest.approx(expected, abs=1e-5)
        said = tab.page.locator("#budget").get_attribute("aria-valuetext")
        assert said == f"€{expected[0]:,.2f}"
    assert not tab.page.locator("#no-frontier").is_visible()
    gains = tab.table_of("frontier")
    assert [row[1] for row in gains] == pytest.approx(
        [gain for _, gain, *_ in plan], abs=1e-5
    )
    assert len(gains[0]) == 1 + 5
    tab.page.locator("#budget").focus()
    tab.page.keyboard.press("Home")
    assert "more" in tab.page.inner_text("#budget-facts")
    assert tab.complaints == []
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab.page)
    assert found.violations_count == 0, found.generate_report()


def test_verdicts_and_a_broken_hold_out_are_said(
    written: Path, open_page: Open
) -> None:
    shown = packed(written)
    judged = shown["tables"]["experiments_judged"]
    rows = len(judged["place"])

    def all_say(text: str) -> dict[str, Any]:
        return {"texts": [text], "places": [0] * rows}

    judged["verdict"] = all_say("arms not as planned")
    judged["verdict_text"] = all_say("arms not as planned: their sizes differ")
    judged["ratio_verdict"] = all_say("not as planned")
    judged["effect_low"], judged["effect_high"] = [0.25] * rows, [0.75] * rows
    held = shown["tables"]["hold_outs"]
    rows = len(held["customers"])
    held["total_effect"] = [1234.0] * rows
    held["total_low"], held["total_high"] = [-100.0] * rows, [2345.0] * rows
    held["messages_to_held_out"] = [3] * rows
    page = written.with_name("verdicts.html")
    page.write_text(assemble(shown), "utf-8")
    tab = open_page(page)
    row = tab.page.locator("#experiments tbody tr").first.inner_text()
    assert "Arms not as planned" in row
    assert "their sizes differ" in row
    assert "+€0.25 to +€0.75" in row
    said = tab.page.inner_text("#hold-outs")
    assert "has earned €1,230" in said
    assert "-€100 to €2,350" in said
    assert "3 messages went to customers who are held out" in said
    assert tab.complaints == []


def test_a_shop_too_small_for_a_value_says_so(written: Path, open_page: Open) -> None:
    """Below 20 customers acquisition_curves is empty, and values are null."""
    shown = packed(written)
    curves = shown["tables"]["new_customer_curves"]
    for name, column in curves.items():
        curves[name] = {"texts": [], "places": []} if "texts" in column else []
    page = written.with_name("tiny.html")
    page.write_text(assemble(shown), "utf-8")
    tab = open_page(page)
    said = tab.page.inner_text("[data-panel=worth]")
    assert "Fewer than 20 customers" in said
    assert tab.page.locator("#cac").count() == 0
    assert tab.complaints == []


def test_every_script_of_the_page_is_in_it() -> None:
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("[sp]*/*.js")}
    assert sorted(SCRIPTS) == sorted(there)


def test_the_page_reads_contracted_reports_and_nothing_else(parsed: Path) -> None:
    contracted = {table.full_name for table in read_tables(parsed / "manifest.json")}
    reports = {name for name in contracted if name.startswith("reports.")}
    assert reports == {f"reports.{name}" for name in TABLES}
    manifest = json.loads((parsed / "manifest.json").read_text("utf-8"))
    exposure = manifest["exposures"]["exposure.clv_warehouse.dashboard"]
    named = {node.split(".")[-1] for node in exposure["depends_on"]["nodes"]}
    assert named == set(TABLES)


def test_a_published_copy_has_the_same_page(
    sample: duckdb.DuckDBPyConnection,
    written: Path,
    root: Path,
    parsed: Path,
    tmp_path: Path,
) -> None:
    tables = read_tables(parsed / "manifest.json")
    publish(root / "data" / "sample.duckdb", tmp_path / "published", tables=tables)
    page = tmp_path / "published.html"
    write_dashboard(tmp_path / "published" / "serving.duckdb", page)
    built = re.compile(r'"built":"[^"]+"')
    expected, found = (
        built.sub("", path.read_text("utf-8")) for path in (written, page)
    )
    assert found == expected


# The facts of the feeds beside the sales.
OTHER_FEEDS = [
    *("orders.fct_marketing_spend", "orders.dim_campaigns"),
    *("orders.fct_campaign_sends", "orders.fct_redemptions"),
    *("orders.dim_experiments", "orders.fct_assignments", "orders.dim_calendar"),
    *("orders.fct_subscriptions", "orders.fct_consents", "orders.dim_product_vectors"),
]
RECOMMENDATIONS = [
    *("product_recommendations", "recommendation_metrics", "product_display_order"),
    *("bought_together", "trending_products", "site_funnel", "searches"),
]
MARKETING = [
    *("acquisition_economics", "acquisition_values", "acquisition_curves"),
    *("experiments", "experiment_results", "hold_out_report", "campaigns_sent"),
    *("campaign_frontier", "campaign_plan", "offers", "customer_uplift"),
]
# What models/reports read; a test puts another select in a table's place.
INPUTS = [
    *("profiles.customer_profiles", "clv.clv_predictions", "clv.clv_explanations"),
    "clv.counterfactuals",
    *("clv.season", "clv.customers_to_come", "clv.expected_totals"),
    "clv.customer_lifetime_value",
    *("clv.backtest_deciles", "clv.backtest_metrics", "clv.trainings"),
    *("clv.value_changes", "clv.said_and_came", "monitoring.alarms"),
    *("profiles.segment_profiles", "profiles.cohort_values"),
    *(f"recommendations.{name}" for name in RECOMMENDATIONS),
    *("marketing.next_best_actions", "reference.actions"),
    *(f"marketing.{name}" for name in MARKETING),
    *("reference.lists_explained", "reference.segments_explained"),
    *("orders.fct_orders", "orders.fct_order_lines", "orders.fct_events"),
    *("orders.fct_reviews", "orders.fct_refunds", "orders.dim_products"),
    *("orders.dim_customers", *OTHER_FEEDS),
    *("orders.rejected_records", "orders.statuses", "orders.warnings"),
    *("orders.money_checks", "reference.money_check_causes", "clv.shop_margin"),
    "reference.clv_models",
    "reference.rejection_reasons",
]


def build_reports(warehouse: Warehouse, selects: dict[str, str]) -> None:
    """Build the reports of the sample shop, with other selects for some tables."""
    sample = warehouse.root / "data" / "sample.duckdb"
    text = f"attach '{sample}' as sample (read_only);"
    for table in INPUTS:
        select = selects.get(table, f"from sample.{table}")
        text += f"create schema if not exists {table.split('.')[0]};"
        text += f"create table {table} as {select};"
    # In a process of its own: one process has a file open in one way only.
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(warehouse.path), text], check=True)
    reports = ("path:models/reports", "path:tests/reports")
    done = warehouse.dbt(
        *("build", "--exclude-resource-type", "unit_test", "--select", *reports),
        # Tests of what the scratch warehouse has, and not of the profiles behind it.
        *("--indirect-selection", "cautious"),
    )
    assert done.returncode == 0, done.stdout


def test_small_countries_are_one_and_missing_tables_leave_their_panel_out(
    sample: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    open_page: Open,
) -> None:
    profiles = """
        select * replace ('land ' || hash(customer_key) % 40 as country)
        from sample.profiles.customer_profiles
    """
    alarms = """
        select
            check_name,
            'orders' as subject,
            'all' as group_name,
            severity,
            date '2025-12-31' as as_of_date,
            date '2025-12-03' as since_date,
            2e0 as size,
            statement,
            'metrics.days' as look_at,
            'Mend the export.' as what_to_do,
            'whoever loads' as owner,
            false as retrains
        from (values
            ('groups', 'say', 'Fewer orders are from Spain.'),
            ('volume', 'stop', 'There are <b>9</b> orders.')
        ) as raised (check_name, severity, statement)
    """
    build_reports(
        warehouse,
        {"profiles.customer_profiles": profiles, "monitoring.alarms": alarms},
    )
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("drop table reports.feeds")
    page = warehouse.folder / "many.html"
    write_dashboard(warehouse.path, page, is_forced=True)
    tab = open_page(page)
    countries = tab.page.locator("#country option").all_inner_texts()
    assert len(countries) == 8 + 2
    assert countries[-1] == "Other"
    assert tab.page.locator("#channel option").count() <= 6 + 3
    tab.choose(country="other")
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        (expected,) = connection.sql(
            """
            select count(*)
            from profiles.customer_profiles
            where country not in (
                select country
                from profiles.customer_profiles
                group by country
                order by count(*) desc, country
                limit 8
            )
            """
        ).fetchall()[0]
    tile = tab.page.locator("[data-metric=customers] .figure")
    assert float(tile.get_attribute("data-value") or "nan") == expected
    assert tab.page.locator("#quality-title").count() == 0
    assert tab.page.locator("#trust-title").count() == 1
    shown = tab.page.locator("#alarms article").all_inner_texts()
    assert len(shown) == 2
    for text in (
        "<b>9</b>",
        "Dec 3, 2025",
        "metrics.days",
        "Mend the export.",
        "loads",
    ):
        assert text in shown[0]
    assert tab.page.inner_text("#alarms-intro").startswith("No.")
    assert "There are <b>9</b> orders." in tab.page.inner_text("#alarmed")
    assert tab.complaints == []


def test_a_shop_of_orders_alone_has_its_page(
    sample: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    open_page: Open,
) -> None:
    """No other feed, no currency, one horizon, the prior's scores, nothing rejected."""
    none = "select * from sample.{} limit 0"
    empty = [
        *("orders.fct_order_lines", "orders.fct_events", "orders.fct_reviews"),
        *("orders.fct_refunds", "orders.dim_products", "orders.rejected_records"),
        *("clv.trainings", "monitoring.alarms", *OTHER_FEEDS),
        *(f"marketing.{name}" for name in MARKETING if "acquisition" not in name),
        *("clv.backtest_deciles", "clv.backtest_metrics", "clv.clv_explanations"),
        *(
            "clv.customers_to_come",
            *(f"recommendations.{name}" for name in RECOMMENDATIONS),
        ),
    ]
    selects = {table: none.format(table) for table in empty}
    selects |= {
        "profiles.customer_profiles": """
            select
                * replace (
                    'unknown' as country,
                    'unknown' as acquisition_channel,
                    'prior' as scored_by
                )
            from sample.profiles.customer_profiles
        """,
        # A seed lists offers, whether or not any experiment has tried them.
        "marketing.offers": """
            select * replace (0::bigint as experiments, 0::bigint as customers)
            from sample.marketing.offers
        """,
        "marketing.acquisition_economics": """
            select * replace (null as cost) from sample.marketing.acquisition_economics
        """,
        "orders.fct_orders": """
            select * replace (null::varchar as currency) from sample.orders.fct_orders
        """,
        "clv.clv_predictions": """
            from sample.clv.clv_predictions where horizon_days = 365
        """,
        "clv.expected_totals": """
            select
                * replace (
                    null as low_spend,
                    null as high_spend,
                    0 as past_forecasts,
                    'not known yet' as past_errors
                )
            from sample.clv.expected_totals
            where horizon_days = 365
        """,
    }
    build_reports(warehouse, selects)
    page = warehouse.folder / "bare.html"
    write_dashboard(warehouse.path, page, is_forced=True)
    tab = open_page(page, 390)
    assert tab.page.locator("#segment").is_visible()
    assert not tab.page.locator("#country").is_visible()
    assert not tab.page.locator("#channel").is_visible()
    assert "No forecast has been judged" in tab.page.inner_text("#calendar-note")
    assert "No forecast has been judged" in tab.page.inner_text("#trust-intro")
    assert "too young to say" in tab.page.inner_text("#revenue-note")
    assert tab.page.inner_text("#trusted").count("too young to say") == 3
    assert "nothing raises an alarm" in tab.page.inner_text("#alarms-intro")
    assert not tab.page.locator("#alarmed").is_visible()
    assert tab.page.inner_text("#others-label") == "With guests"
    for panel, feed in (("products", "order_lines"), ("site", "events")):
        [title, why] = tab.page.inner_text(f"[data-panel={panel}]").split("\n", 1)
        assert title
        assert f"load the feed {feed}" in why
    for panel in ("experiments", "budget"):
        assert "nobody can say" in tab.page.inner_text(f"[data-panel={panel}]")
        assert tab.page.locator(f"[data-panel={panel}] article").count() == 0
    assert "load the feed marketing_spend" in tab.page.inner_text("#worth-note")
    assert "CAC" not in tab.page.inner_text("#worth")
    assert "pays back" in tab.page.inner_text("#cac-answer")
    assert "the prior" in tab.page.inner_text("#fresh")
    assert tab.page.inner_text("#quality-intro").startswith("All ")
    assert not tab.page.locator("#rejections-card").is_visible()
    assert len(tab.cells("#calendar")) == 1
    assert "€" not in tab.page.inner_text("main")
    for word in ("NaN", "undefined", "null", "Infinity"):
        assert word not in (tab.page.locator("main").text_content() or ""), word
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    assert tab.complaints == []
