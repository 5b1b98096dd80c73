"""Plans of offers at the edges: one customer, no money, no room, nothing that pays."""

from collections.abc import Sequence

import duckdb
import pandas as pd
import pytest

from clv_warehouse.marketing.planning import frontier, planned

Offers = Sequence[tuple[str, str, float, float, int | None]]
FREE = ("card", "a", 1.0, 0.0, None)
CHEAP = ("mail", "a", 2.0, 1.0, None)


def relations(
    offers: Offers, limits: Sequence[tuple[str, str, int | None, float | None]] = ()
) -> tuple[duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation]:
    """Rows of plannable_offers (offer, customer, effect, cost, cap) and limits."""
    connection = duckdb.connect()
    connection.execute(
        "create table offers (offer varchar, customer_key varchar, effect double, "
        "cost double, most_customers bigint); create table limits (kind varchar, "
        "name varchar, most_customers bigint, most_cost decimal(18, 4))"
    )
    for table, rows in (("offers", offers), ("limits", limits)):
        if rows:
            places = ", ".join("?" for _ in rows[0])
            connection.executemany(f"insert into {table} values ({places})", rows)
    return (
        connection.sql(
            "select *, 'email' as channel, 'loyal' as segment, "
            "10e0 as lifetime_value, 0.5e0 as effect_error, effect as cautious_effect, "
            "(cost * 10000)::bigint as cost_units from offers"
        ),
        connection.table("limits"),
    )


def who_gets_what(
    offers: Offers,
    budget: float | None = None,
    limits: Sequence[tuple[str, str, int | None, float | None]] = (),
) -> dict[str, str]:
    """Plan, and hold that the frontier says the same of the planned budget."""
    given = relations(offers, limits)
    found = planned(*given, budget).to_pandas()
    assert found["customer_key"].is_unique
    points = frontier(*given, budget).to_pandas()
    if offers:
        point = points[points["is_planned"] & (points["policy"] == "plan")]
        assert point["customers"].tolist() == [len(found)]
        if budget is not None:
            assert (point["cost"] <= max(budget, 0)).all()
    else:
        assert points.empty
    return dict(zip(found["customer_key"], found["offer"], strict=True))


def test_nobody_who_may_get_an_offer_leaves_an_empty_plan():
    """So it is where everybody is held out."""
    assert who_gets_what([], 100) == {}


def test_one_customer_gets_the_one_offer_that_gains_most():
    assert who_gets_what([CHEAP]) == {"a": "mail"}
    # The mail gains 1 after its cost, and so does the card; a free one is as good.
    assert who_gets_what([CHEAP, FREE]) == {"a": "card"}
    assert who_gets_what([("mail", "a", 2.5, 1.0, None), FREE]) == {"a": "mail"}


@pytest.mark.parametrize("budget", [0.0, -1.0, 0.9999])
def test_without_money_only_what_is_free_is_given(budget):
    dear = ("mail", "b", 9.0, 1.0, None)
    assert who_gets_what([CHEAP, dear, FREE], budget) == {"a": "card"}


def test_an_offer_that_costs_nothing_needs_no_budget():
    both = [FREE, ("card", "b", 3.0, 0.0, None), ("card", "c", -1.0, 0.0, None)]
    assert who_gets_what(both) == {"a": "card", "b": "card"}
    assert who_gets_what(both, 0) == {"a": "card", "b": "card"}


def test_where_all_effects_are_negative_nobody_gets_anything():
    harmful = [("mail", "a", -2.0, 1.0, None), ("card", "b", -0.1, 0.0, None)]
    assert who_gets_what(harmful) == {}
    assert who_gets_what(harmful, 50) == {}


@pytest.mark.parametrize(
    "limit",
    [
        ("channel", "email", 0, None),
        ("channel", "email", None, 0.0),
        ("segment", "loyal", 0, None),
    ],
)
def test_a_limit_of_zero_allows_nothing(limit):
    assert who_gets_what([CHEAP, ("mail", "b", 3.0, 1.0, None)], 10, [limit]) == {}


def test_a_cap_of_zero_stops_its_offer_alone():
    capped = [("mail", each, 9.0, 1.0, 0) for each in "ab"]
    assert who_gets_what([*capped, FREE], 10) == {"a": "card"}


def test_customers_who_are_all_alike_get_offers_while_the_money_lasts():
    alike = [("mail", f"c{number:02}", 2.0, 1.0, None) for number in range(20)]
    assert len(who_gets_what(alike, 7.5)) == 7
    points = frontier(*relations(alike), None).to_pandas()
    assert isinstance(points, pd.DataFrame) and (points["gain"] >= -1e-9).all()
