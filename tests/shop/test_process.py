"""Holds the made-up shop to what it says: tastes, seasons, money, contacts."""

import datetime as dt
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from clv_warehouse.shop import acquisition, browsing, goods, people, seasons
from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.seasons import black_friday, calendar, easter, month_of, season
from clv_warehouse.shop.settings import Settings


def test_the_season_of_a_year_averages_one() -> None:
    for year in (2023, 2025):
        mean = season(dt.date(year, 1, 1), 365).mean(axis=1)
        assert mean == pytest.approx([1, 1], abs=0.02)


def test_no_month_is_further_from_the_mean_than_in_a_real_shop() -> None:
    """Month effects of Online Retail II lie within 0.45 in logs."""
    factors = season(dt.date(2021, 1, 1), 1461)
    month = month_of(dt.date(2021, 1, 1), np.arange(1461))
    effects = [np.log(factors[:, month == each].mean(axis=1)) for each in range(12)]
    assert np.abs(effects).max() < 0.45
    # Gift buyers buy late in the year.
    assert np.array(effects)[10:, 1].min() > 0.3


def test_holidays_that_move_are_where_almanacs_have_them() -> None:
    known = {2000: (4, 23), 2023: (4, 9), 2024: (3, 31), 2025: (4, 20), 2038: (4, 25)}
    for year, day in known.items():
        assert easter(year) == dt.date(year, *day)
    assert black_friday(2023) == dt.date(2023, 11, 24)
    assert black_friday(2024) == dt.date(2024, 11, 29)
    names = {event.day: event.name for event in calendar(dt.date(2024, 1, 1), 366)}
    assert names[dt.date(2024, 3, 31)] == "Easter"
    assert len([name for name in names.values() if name == "Summer sale"]) == 7


def test_sale_days_sell_more_and_holidays_less() -> None:
    factors = season(dt.date(2024, 1, 1), 366)[0]
    week = [(dt.date(2024, 11, 29) - dt.date(2024, 1, 1)).days + 7 * n for n in (-1, 0)]
    assert factors[week[1]] == pytest.approx(factors[week[0]] * seasons.ON_SALE)
    friday = (dt.date(2024, 3, 22) - dt.date(2024, 1, 1)).days
    assert factors[friday + 7] == pytest.approx(
        factors[friday] * seasons.ON_HOLIDAY, rel=1e-9
    )


def test_tastes_are_as_concentrated_as_their_distribution(batch: Batch) -> None:
    """Two picks of one person share a category with chance (a + 1) / (K a + 1)."""
    lines = batch.baskets
    chosen = lines.trip[lines.order] >= 0
    category = lines.product[chosen] // (batch.catalogue.per_cell * 5)
    counts = np.zeros((len(batch.people), 8))
    np.add.at(counts, (lines.person[lines.order[chosen]], category), 1)
    totals = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / np.maximum(totals * (totals - 1), 1)
    chance = (people.TASTE_CONCENTRATION + 1) / (8 * people.TASTE_CONCENTRATION + 1)
    assert abs(z_score(same[totals > 1] - chance)) < 3.5


def test_styles_tell_more_than_popularity_and_not_all(batch: Batch) -> None:
    """How well a person's next product of a cell is foreseen, by what one knows."""
    lines, catalogue, of = batch.baskets, batch.catalogue, batch.people
    first = np.flatnonzero(lines.trip[lines.order] >= 0)[:5000]
    person = lines.person[lines.order[first]]
    product, day = lines.product[first], lines.day[lines.order[first]]
    cell = product // catalogue.per_cell
    month = month_of(batch.settings.start, day)
    shares = {}
    for name, style in (("popularity", 0 * of.style), ("style", of.style)):
        utility = goods.utilities(
            catalogue, cell, style[person], of.novelty[person], day, month
        )
        chance = np.exp(utility - utility.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        picked = chance[np.arange(len(first)), product % catalogue.per_cell]
        shares[name] = np.exp(np.log(picked).mean())
    # Of 24 products of a cell, of which some are not on sale yet or no longer.
    assert 1 / 24 < shares["popularity"] < 0.75 * shares["style"] < 0.2


def test_nothing_is_sold_before_its_launch_or_after_its_withdrawal(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    ((lines, early, late, unknown),) = shop.sql(
        """
        select
            count(*),
            count_if(ordered_at < launched_at),
            count_if(ordered_at >= withdrawn_at),
            count_if(products.product_id is null)
        from order_lines
        inner join orders using (order_id)
        left join products using (product_id)
        where line_type is null and quantity > 0
        """
    ).fetchall()
    assert lines > 100_000
    assert (early, late, unknown) == (0, 0, 0)


def test_what_lasts_is_seldom_bought_again_and_what_is_used_up_is(batch: Batch) -> None:
    lines, catalogue = batch.baskets, batch.catalogue
    day, person = lines.day[lines.order], lines.person[lines.order]
    in_turn = np.lexsort((day, lines.product, person))
    same = (np.diff(person[in_turn]) == 0) & (np.diff(lines.product[in_turn]) == 0)
    gap = np.diff(day[in_turn])
    cell = lines.product[in_turn][1:] // catalogue.per_cell
    cycle = catalogue.cycle[np.minimum(cell, catalogue.cells)]
    is_good = cell < catalogue.cells
    lasting = same & is_good & (cycle == 0) & (gap < goods.DURABLE_DAYS)
    repeated = same & (cycle > 0)
    assert lasting.sum() / (is_good & (cycle == 0)).sum() < 0.03
    assert repeated.sum() / (cycle > 0).sum() > 0.3
    refills = repeated & (lines.kind[lines.order][in_turn][1:] == 1)
    ratio = gap[refills] / cycle[refills]
    assert np.median(ratio) == pytest.approx(1, abs=0.05)


def test_more_money_brings_more_people_and_ever_fewer(batch: Batch) -> None:
    settings = batch.settings
    euros = acquisition.spend(settings)
    brought = [
        acquisition.arrivals(settings, euros * factor).sum() for factor in (0, 1, 2, 3)
    ]
    gains = np.diff(brought)
    assert gains.min() > 0
    # Doubling the spend brings much less than the first spend did.
    assert gains[1] < 0.6 * gains[0]
    assert gains[2] < gains[1]


def test_people_come_as_the_spend_lets_expect(batch: Batch) -> None:
    settings = batch.settings
    expected = acquisition.arrivals(settings, acquisition.spend(settings))
    expected *= acquisition.size(settings, settings.people_per_batch)
    sources = len(acquisition.SOURCES)
    came = np.bincount(
        batch.people.acquired * sources + batch.people.source,
        minlength=settings.days * sources,
    ).reshape(expected.shape)
    by_source = (came - expected).sum(axis=0) / np.sqrt(expected.sum(axis=0))
    assert np.abs(by_source).max() < 3.5
    by_week = [
        ((found - mean) ** 2 / mean).mean()
        for found, mean in zip(
            np.array_split(came.sum(axis=1), 100),
            np.array_split(expected.sum(axis=1), 100),
            strict=True,
        )
    ]
    assert np.mean(by_week) == pytest.approx(1, abs=0.2)


def test_the_spend_of_a_shop_grows_with_it(batch: Batch) -> None:
    """A cost per customer is the same in a small shop and in a large one."""
    settings = batch.settings
    small, large = (acquisition.size(settings, people) for people in (1000, 5000))
    assert large == pytest.approx(5 * small)


def test_clicks_fall_with_the_position_as_it_is_examined(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    rows = shop.sql(
        """
        select
            position,
            count_if(event_type = 'impression') as shown,
            count_if(event_type = 'view') as clicked
        from events where position is not null
        group by position order by position
        """
    ).fetchnumpy()
    assert list(rows["position"]) == list(range(1, browsing.SHOWN + 1))
    rate = rows["clicked"] / rows["shown"]
    # Popular products are shown first, and popularity is no reason to click.
    ratio = rate / rate[0] / (browsing.EXAMINED / browsing.EXAMINED[0])
    assert ratio == pytest.approx(np.ones(browsing.SHOWN), abs=0.12)


def test_browsing_foretells_orders(shop: duckdb.DuckDBPyConnection) -> None:
    """Who filled a cart and did not buy soon buys more often than who only looked."""
    shares = shop.sql(
        """
        with visits as (
            select
                session_id,
                any_value(customer_id) as customer_id,
                max(occurred_at) as seen_at,
                bool_or(event_type = 'cart') as has_cart
            from events
            where customer_id is not null
            group by session_id
            having not bool_or(event_type = 'purchase')
        )
        select
            has_cart,
            avg(case when exists (
                select 1 from orders
                where orders.customer_id = visits.customer_id
                    and orders.ordered_at > visits.seen_at
                    and orders.ordered_at <= visits.seen_at + interval 7 days
            ) then 1 else 0 end) as share
        from visits
        group by has_cart
        order by has_cart
        """
    ).fetchall()
    (_, looked), (_, filled) = shares
    # Less than the ratio of the chances, 2.7: who does not buy today may tomorrow.
    assert filled > 1.5 * looked
    assert 0 < looked < filled < 0.8


def test_searches_name_what_is_then_looked_at(shop: duckdb.DuckDBPyConnection) -> None:
    ((searches, found),) = shop.sql(
        """
        with searched as (
            select session_id, query from events where event_type = 'search'
        )
        select
            count(*),
            count_if(exists (
                select 1 from events inner join products using (product_id)
                where events.session_id = searched.session_id
                    and events.event_type = 'view'
                    and product_name like '%' || searched.query
            ))
        from searched
        """
    ).fetchall()
    assert searches > 5000
    expected = 1 - browsing.NOT_SOLD_SHARE
    assert found / searches == pytest.approx(expected, abs=0.02)


def test_a_catalogue_may_be_small() -> None:
    settings = replace(Settings(), products_per_cell=1)
    catalogue = Catalogue.of(settings)
    # The one product of a cell is always on sale.
    assert catalogue.is_on_sale(np.arange(40), np.array(settings.last_day)).all()


def z_score(differences: NDArray) -> float:
    """How many standard errors the mean lies from zero."""
    return float(differences.mean() / differences.std() * np.sqrt(len(differences)))
