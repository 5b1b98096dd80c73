"""The forecast of customers still to come, against shops whose future is known."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from clv_warehouse.clv.arrivals import Arrivals, forecast_arrivals
from clv_warehouse.clv.clock import months_of

HORIZON = 365


def shop(customers: NDArray, first_date: date = date(2021, 1, 1)) -> Arrivals:
    """A shop whose customers spend 10 on their first day and 1 on each day after."""
    days = len(customers)
    each = np.where(np.arange(HORIZON) == 0, 10.0, 1.0)
    is_over = np.arange(days)[:, None] + np.arange(HORIZON) < days
    return Arrivals(first_date, customers, customers[:, None] * each * is_over)


def forecast(made: Arrivals) -> pa.Table:
    """All that is forecast of a shop, as dbt gets it."""
    day, age = np.nonzero(made.spend)
    end = made.first_date + timedelta(days=len(made.customers) - 1)
    rows = pa.table(
        {
            "as_of_date": pa.array([end] * len(day), pa.date32()),
            "first_date": np.datetime64(made.first_date, "D") + day,
            "age_days": age.astype("int32"),
            "customers": made.customers[day].astype("int32"),
            "spend": made.spend[day, age],
        }
    )
    return forecast_arrivals(duckdb.from_arrow(rows), [30, HORIZON])


def test_an_even_shop_goes_on_evenly() -> None:
    """Of 2 customers a day, u days ahead 2 have come today and 2 u before."""
    made = shop(np.full(900, 2.0))
    assert made.customers_ahead(HORIZON) == pytest.approx(np.full(HORIZON, 2))
    expected = 2 * (10 + np.arange(HORIZON))
    assert made.spend_ahead(HORIZON) == pytest.approx(expected)


def test_what_nobody_has_reached_goes_on_as_the_last_steps() -> None:
    """A shop of 200 days has seen nobody's 101st day."""
    made = shop(np.full(200, 2.0))
    assert made.can_foretell
    assert made.spend_by_age(HORIZON) == pytest.approx([10.0] + [1.0] * 364)


@pytest.mark.parametrize(("days", "can_foretell"), [(180, False), (181, True)])
def test_a_new_shop_needs_half_a_year(days: int, can_foretell: bool) -> None:
    assert shop(np.full(days, 2.0)).can_foretell == can_foretell


@pytest.mark.parametrize(("days", "can_foretell"), [(455, False), (456, True)])
def test_an_export_that_begins_amid_needs_a_year_before(
    days: int, can_foretell: bool
) -> None:
    """Whoever bought before the export looks new at first."""
    customers = np.where(np.arange(days) < 91, 8.0, 2.0)
    made = shop(customers)
    assert made.can_foretell == can_foretell
    if can_foretell:
        assert made.customers_ahead(HORIZON) == pytest.approx(np.full(HORIZON, 2))


def test_half_of_the_growth_goes_on() -> None:
    """Twice as many as the year before: 2 ** 0.5 as many a year on."""
    customers = np.repeat([50.0, 50.0, 100.0], 365)
    made = shop(customers)
    assert made.growth == 2
    # December's rate is half a year after the middle of the recent year.
    effects = made.month_effects[months_of(made.days(1095, 1460))]
    grown = made.customers_ahead(HORIZON) / effects
    assert grown[0] == pytest.approx(grown[-1] / 2**0.5, rel=0.01)
    assert grown[182] == pytest.approx(2**0.5 * grown[0] / 2**0.25, rel=0.01)
    young = shop(customers[-2 * 365 :])
    assert young.growth == 1


def test_months_are_shrunk_by_the_years_that_show_them() -> None:
    """Three times as many in Decembers: of two years two thirds of it are believed."""
    start = np.datetime64("2021-01-01")
    is_december = (start + np.arange(1095)).astype("datetime64[M]").astype(
        int
    ) % 12 == 11
    made = shop(np.where(is_december, 3.0, 1.0))
    observed = np.where(np.arange(12) == 11, 3.0, 1.0)
    observed *= 365 / (365 + 2 * 31)
    effects = (2 * observed + 1) / 3
    assert made.month_effects == pytest.approx(effects / effects.mean())


def test_past_forecasts_know_nothing_that_came_later() -> None:
    customers = np.random.default_rng(3).poisson(5.0, 900).astype(float)
    cut = shop(customers[:600])
    later = shop(np.concatenate([customers[:600], 7 * customers[600:]]))
    known = later.known_after(600)
    assert (known.spend == cut.spend).all()
    assert (known.spend_ahead(HORIZON) == cut.spend_ahead(HORIZON)).all()


def test_past_forecasts_stand_beside_what_came() -> None:
    customers = np.random.default_rng(4).poisson(5.0, 1000).astype(float)
    made = duckdb.from_arrow(forecast(shop(customers)))
    (past, days, came, spent) = made.query(
        "found",
        """
        select
            count(distinct as_of_date),
            max(total) filter (where is_first),
            max(came) filter (where is_first),
            max(spent) filter (where is_first)
        from (
            select
                as_of_date,
                as_of_date = min(as_of_date) over () as is_first,
                sum(days) over (partition by as_of_date) as total,
                sum(actual_new_customers) over (partition by as_of_date) as came,
                sum(actual_spend) over (partition by as_of_date) as spent
            from found
            where not is_scoring_date
        )
        """,
    ).fetchall()[0]
    assert (past, days) == (9, 365)
    start = 1000 - 9 * 91
    year = customers[start : start + 365]
    assert came == year.sum()
    assert spent == pytest.approx((year * (10 + np.arange(364, -1, -1))).sum())
    today = made.query(
        "found",
        """
        select min(month), sum(days), count(actual_spend), count(low_spend), count(*)
        from found where is_scoring_date
        """,
    ).fetchall()[0]
    assert today == (date(2023, 9, 1), 365, 0, 13, 13)


def test_four_in_five_months_lie_in_their_range() -> None:
    """Shops of which half stands still and half grows by a fifth a year, by seasons."""
    covered = []
    for seed in range(6):
        draw = np.random.default_rng(seed)
        years = np.arange(1461) / 365
        season = np.exp(0.3 * np.sin(2 * np.pi * years + draw.uniform(0, 6)))
        rate = 3 * season * (1.2 if seed % 2 else 1.0) ** years
        found = duckdb.from_arrow(forecast(shop(draw.poisson(rate).astype(float))))
        judged = found.filter("low_spend is not null and not is_scoring_date")
        share = "avg(cast(actual_spend between low_spend and high_spend as integer))"
        covered.append(judged.aggregate(share).fetchall()[0][0])
    assert 0.75 <= np.mean(covered) <= 0.98


def test_a_shop_without_customers_has_no_forecast() -> None:
    assert forecast(shop(np.zeros(0))).num_rows == 0
    assert forecast(shop(np.full(100, 1.0))).num_rows == 0


def test_a_shop_that_gains_nobody_expects_nobody() -> None:
    """As CDNOW's customers, who all came in its first quarter."""
    found = forecast(shop(np.where(np.arange(546) < 84, 50.0, 0.0)))
    spends = set(found["expected_spend"].to_pylist())
    assert spends == {0.0}
