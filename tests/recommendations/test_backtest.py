"""Tests what is judged at a past date."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from clv_warehouse.recommendations.backtest import SCHEMA, UNSOLD, judge
from clv_warehouse.recommendations.lists import NEW
from clv_warehouse.recommendations.rankers import LEARNED, SIMPLE, WITH_VIEWS
from tastes import NO_TASTES

END, WINDOW = date(2025, 6, 30), 28
COLORS = ("red", "blue")


VECTORS = pa.schema(
    [
        ("product_id", pa.string()),
        ("source", pa.string()),
        ("vector", pa.list_(pa.float64())),
    ]
)


def shop(customers: int) -> tuple[pa.Table, ...]:
    """Customers who like one color buy cups of it, and later new plates of it.

    There are no vectors.
    """
    names = {
        f"{kind}{each:02d}": f"{COLORS[each % 2]} {thing}"
        for kind, thing in (("a", "cup"), ("b", "plate"))
        for each in range(12)
    }
    rows = [
        (
            f"c{customer:03d}",
            f"{kind}{2 * ((customer // 2 + turn) % 6) + customer % 2:02d}",
            day,
        )
        for customer in range(customers)
        for kind, turn, day in (
            *(("a", turn, END - timedelta(40 + 20 * turn)) for turn in range(3)),
            ("b", 0, END - timedelta(customer % 20)),
        )
    ]
    keys, products, days = zip(*rows, strict=True)
    purchases = pa.table(
        {
            "customer_key": keys,
            "product_id": products,
            "purchase_date": days,
            "returned_date": pa.nulls(len(rows), pa.date32()),
        }
    )
    told = pa.table(
        {
            "product_id": list(names),
            "product_name": list(names.values()),
            "category": pa.nulls(len(names), pa.string()),
        }
    )
    return purchases, told, VECTORS.empty_table(), NO_TASTES, NO_TASTES


def test_products_that_nobody_had_bought_are_judged_apart() -> None:
    rows = judge(END, WINDOW, 5, *shop(80))
    assert rows.schema == SCHEMA
    found = [each for each in rows.to_pylist() if each["list"] == UNSOLD]
    assert {each["customer_key"] for each in found} == {f"c{n:03d}" for n in range(80)}
    assert {each["product_id"][0] for each in found} == {"b"}
    assert {each["bought_products"] for each in found} == {1}
    assert all(each["is_new"] and each["buyers_share"] == 0 for each in found)
    # By their names alone, plates come to those who like their color.
    liked = [
        int(each["product_id"][1:]) % 2 == int(each["customer_key"][1:]) % 2
        for each in found
        if each["model"] == SIMPLE
    ]
    assert np.mean(liked) == 1
    # No other list has what nobody had bought.
    others = [each for each in rows.to_pylist() if each["list"] != UNSOLD]
    assert others
    assert {each["product_id"][0] for each in others} == {"a"}


def test_a_list_that_would_hold_all_of_them_judges_nothing() -> None:
    assert UNSOLD not in judge(END, WINDOW, 12, *shop(80))["list"].to_pylist()
    assert UNSOLD not in judge(END, WINDOW, 5, *shop(20))["list"].to_pylist()


def test_what_customers_looked_at_foretells_what_they_buy() -> None:
    """They buy a cup every month that they looked at two weeks or more before."""
    draw = np.random.default_rng(5)
    none: dict[str, list] = {"customer_key": [], "product_id": [], "day": []}
    bought = {name: [*each] for name, each in none.items()}
    looked = {name: [*each] for name, each in none.items()}
    for customer in range(80):
        one, two, three = draw.choice(np.arange(1, 24), 3, replace=False)
        # Every other customer buys coffee again and again.
        for rows, cup, days in (
            *((bought, one, 75), (bought, two, 40), (bought, three, 10)),
            *((looked, two, 57), (looked, three, 29)),
            *((bought, 0, back) for back in (75, 40, 10)[: 1 + customer % 2 * 2]),
        ):
            rows["customer_key"].append(f"c{customer:03d}")
            rows["product_id"].append(f"a{cup:02d}")
            rows["day"].append(END - timedelta(days))
    purchases, views = (
        pa.table(
            {
                **{name: rows[name] for name in ("customer_key", "product_id")},
                "purchase_date": rows["day"],
                "returned_date": pa.nulls(len(rows["day"]), pa.date32()),
            }
        )
        for rows in (bought, looked)
    )
    cups_sold = pa.table(
        {
            "product_id": [f"a{cup:02d}" for cup in range(24)],
            "product_name": pa.nulls(24, pa.string()),
            "category": pa.nulls(24, pa.string()),
        }
    )
    told = (purchases, cups_sold, VECTORS.empty_table(), NO_TASTES, NO_TASTES)
    found = judge(END, WINDOW, 3, *told, views)
    assert new_hits(found, LEARNED) < 0.4
    assert new_hits(found, WITH_VIEWS) > 0.9
    # Views of the judged days were not known before them.
    days = pa.array([END - timedelta(20)] * len(views))
    later = views.set_column(2, "purchase_date", days)
    assert new_hits(judge(END, WINDOW, 3, *told, later), WITH_VIEWS) < 0.4


def new_hits(rows: pa.Table, model: str) -> float:
    """Of what was new to customers and bought: the share in lists of three."""
    lists = [
        each
        for each in rows.to_pylist()
        if each["model"] == model and each["list"] == NEW
    ]
    return 3 * float(np.mean([each["is_bought"] for each in lists]))
