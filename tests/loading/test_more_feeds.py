"""Tests how the feeds beside the sales are read and checked."""

import pyarrow as pa
import pyarrow.parquet as pq

from exports import Loaded, write

ORDERS = [
    {
        "order_id": "1",
        "customer_id": "ann",
        "ordered_at": "2024-01-31",
        "amount": "10",
        "currency": "EUR",
        "coupon_code": "TEN",
        "utm_source": "google",
    }
]


def load(tmp_path, **feeds):
    """Load a folder of these rows by feed, beside one order."""
    folder = tmp_path / "shop"
    for feed, rows in {"orders": ORDERS, **feeds}.items():
        write(folder / f"{feed}.csv", rows)
    return Loaded("folder", folder)


def test_a_day_stays_what_it_is(tmp_path):
    days = ["2024-03-31", "31 Mar 2024", "2024-03-31 23:59:00", "2024-03-31T23:30:00Z"]
    rows = [
        {"day": day, "channel": f"c{n}", "amount": "1"} for n, day in enumerate(days)
    ]
    loaded = load(tmp_path, marketing_spend=rows)
    assert loaded.rows(
        "select distinct day::varchar as day, typeof(day) as kind"
        " from raw.marketing_spend"
    ) == [("2024-03-31", "DATE")]
    assert not loaded.doubts


def test_a_list_of_numbers_becomes_json(tmp_path):
    folder = write(tmp_path / "shop" / "orders.csv", ORDERS).parent
    vectors = pa.table(
        {
            "product_id": ["MUG", "TEA"],
            "source": ["text", "text"],
            "vector": pa.array([[0.5, -1.0], None], pa.list_(pa.float32())),
        }
    )
    pq.write_table(vectors, folder / "product_vectors.parquet")
    loaded = Loaded("folder", folder)
    assert loaded.rows(
        "select vector from raw.product_vectors order by product_id"
    ) == [
        ("[0.5,-1.0]",),
        (None,),
    ]


def test_what_would_be_rejected_is_told_with_its_money(tmp_path):
    spend = {"day": "2024-01-31", "channel": "Google", "amount": "5", "currency": "EUR"}
    plan = {"customer_id": "ann", "started_at": "2024-01-31", "amount": "9"}
    loaded = load(
        tmp_path,
        marketing_spend=[
            spend,
            spend | {"channel": "google", "amount": "7"},
            spend | {"channel": "bing", "currency": "usd"},
        ],
        subscriptions=[
            plan | {"subscription_id": "a", "renews_every": "Month"},
            plan | {"subscription_id": "b", "renews_every": "now and then"},
        ],
        redemptions=[
            {
                "redemption_id": "a",
                "coupon_code": "TEN",
                "order_id": "1",
                "amount": "1",
            },
            {
                "redemption_id": "b",
                "coupon_code": "TEN",
                "order_id": "9",
                "amount": "2",
            },
        ],
    )
    assert sorted(loaded.doubts) == [
        "marketing_spend: 1 row in USD, while the shop's money is EUR: rejected"
        " (USD 5.00)",
        "marketing_spend: 1 row of a day, channel and campaign that a later row has"
        " too: only the later one counts (EUR 5.00 left out)",
        "redemptions: 1 redemption for orders that the feed orders lacks: rejected"
        " (EUR 2.00)",
        "subscriptions, column renews_every: 1 value that name no period, such as"
        " 'now and then': rejected",
    ]
