"""Tests what a load and a check say of data that can be read and may yet be wrong."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.findings import Findings, in_full, in_short
from clv_warehouse.loading.headings import meant_by
from clv_warehouse.loading.load import load
from load_command import load_command

ORDERS = "order_id,customer_id,ordered_at,amount\n"
Find = Callable[..., Findings]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Load a folder of files given as text, by feed; return what the load found."""

    def run(**files: str) -> Findings:
        folder = tmp_path / "shop"
        folder.mkdir()
        for feed, text in files.items():
            (folder / f"{feed}.csv").write_text(text, "utf-8")
        warehouse = tmp_path / "shop.duckdb"
        loaded = load(
            CONNECTORS["folder"], folder, warehouse, read_feeds(), lambda line: None
        )
        return loaded.findings

    return run


def doubts(findings: Findings) -> str:
    return "\n".join(f"{each.text} {each.way_out}" for each in findings.doubts)


def notes(findings: Findings) -> str:
    return "\n".join(f"{each.text} {each.way_out}" for each in findings.notes)


def test_the_head_says_what_the_data_are(find: Find) -> None:
    found = find(
        orders="order_id,customer_id,ordered_at,currency,amount,refunded_amount\n"
        "1,ann,2024-01-05,EUR,60,\n2,bob,2024-02-05,EUR,30,10\n3,0,2024-03-05,EUR,15,\n"
    )
    assert found.head == (
        "3 orders, 2 customers, 1 order of guests, 2024-01-05 to 2024-03-05, "
        "EUR 105.00 sold, up to EUR 10.00 of it went back."
    )
    assert not found.doubts
    assert in_full(found)[-1] == "Nothing puts money or customers in doubt."


def test_statuses_are_listed_with_what_they_mean(find: Find) -> None:
    found = find(
        orders="order_id,customer_id,ordered_at,status,amount\n"
        "1,ann,2024-01-05,Paid,60\n2,bob,2024-02-05,on-hold,30\n"
        "3,bob,2024-02-05,wc-refunded,20\n4,cat,2024-02-06,frobnicated,7\n"
        "5,cat,2024-02-06,closed,9\n6,cat,2024-02-06,zorched,0\n"
    )
    assert "count as sales: Paid (1: 60.00)" in notes(found)
    assert "no sale yet and count nothing: on-hold (1: 30.00)" in notes(found)
    assert "wc-refunded (1: 20.00)" in notes(found)
    # What has no money can wait.
    assert "'zorched' is described nowhere" in notes(found)
    unknown, closed = sorted(each.text for each in found.doubts)[::-1]
    assert closed.startswith("status 'closed' is read as refunded, but shops differ")
    assert unknown == (
        "status 'frobnicated' is described nowhere and counts as a sale: 1 order, 7.00"
    )


def test_the_most_money_comes_first(find: Find) -> None:
    rows = "".join(f"{n},c{n},2024-01-05,odd {'abcd'[n]},{n}\n" for n in range(1, 4))
    found = find(orders=f"order_id,customer_id,ordered_at,status,amount\n{rows}")
    assert [each.amount for each in found.doubts] == [3, 2, 1]


def test_ids_that_stand_for_nobody_and_for_too_many_are_said(find: Find) -> None:
    rows = [f"{n},c{n % 90},2024-01-05,10\n" for n in range(200)]
    rows += [f"g{n},guest,2024-01-05,10\n" for n in range(50)]
    rows += [f"k{n},till 1,2024-01-05,10\n" for n in range(50)]
    found = find(orders=ORDERS + "".join(rows))
    assert (
        "50 of 300 orders are guests', with 500.00 of 3,000.00; ids that stand for "
        "nobody: 'guest' (50)" in notes(found)
    )
    assert len(found.doubts) == 1
    assert "customer 'till 1' has 20% of all orders (50, 500.00)" in doubts(found)


def test_rows_of_one_order_are_told_apart(find: Find) -> None:
    found = find(
        orders=ORDERS + "1,ann,2024-01-05,10\n1,ann,2024-01-05,10\n"
        "2,bob,2024-01-06,100\n2,bob,2024-01-06,80\n"
        "3,cat,2023-01-06,5\n3,dan,2024-01-06,5\n"
    )
    assert "several rows of 1 order say the same" in notes(found)
    assert "rows of 1 order differ, by 20.00 in all: the newest updated_at" in notes(
        found
    )
    assert "name different customers (1 order_id, such as 3)" in doubts(found)


@pytest.mark.parametrize(
    ("columns", "values", "is_explained"),
    [
        ("amount", "80", True),
        ("amount", "79.96", True),
        ("amount", "60", False),
        ("amount,shipping_amount", "84.90,4.90", True),
        ("amount,shipping_amount,tax_amount", "100,4.90,15.10", True),
        ("amount,tax_amount", "80,15.10", True),
        ("amount,discount_amount", "70,-10", True),
        ("amount,discount_amount", "80,10", True),
        ("amount,shipping_amount", "84.90,0", False),
    ],
)
def test_an_amount_is_compared_with_its_lines(
    find: Find, columns: str, values: str, is_explained: bool
) -> None:
    found = find(
        orders=f"order_id,customer_id,ordered_at,{columns}\n1,ann,2024-01-05,{values}\n",
        order_lines="order_id,product_id,quantity,unit_price\n1,mug,2,40\n",
    )
    said = "1 of 1 orders have an amount that their lines do not explain"
    assert (said not in doubts(found)) == is_explained


def test_lines_of_two_copies_of_an_order_count_once(find: Find) -> None:
    found = find(
        orders=ORDERS + "2,bob,2024-02-05,30\n2,bob,2024-02-05,30\n",
        order_lines="order_id,product_id,quantity,unit_price\n2,mug,1,30\n2,mug,1,30\n",
    )
    assert not found.doubts
    assert "30.00 sold" in found.head


def test_what_belongs_to_no_order_is_said(find: Find) -> None:
    found = find(
        orders=ORDERS + "1,ann,2024-01-05,10\n2,bob,2024-01-05,30\n3,bob,2024-01-05,\n",
        order_lines="order_id,product_id,quantity,unit_price\n1,mug,1,10\n9,mug,2,4\n",
        refunds="refund_id,order_id,refunded_at,amount\nr1,1,,3\nr2,8,2024-02-01,5\n",
    )
    assert "order_lines: 1 line of 1 order that the feed orders lacks" in doubts(found)
    assert "refunds: 1 refund of orders that the feed orders lacks" in doubts(found)
    assert "1 order with neither an amount nor lines" in doubts(found)
    assert "2 orders without lines in order_lines: their own amount" in notes(found)
    assert "refunds: 1 of 2 have no refunded_at" in notes(found)


def test_more_back_than_paid_is_said(find: Find) -> None:
    found = find(
        orders="order_id,customer_id,ordered_at,amount,refunded_amount\n"
        "1,ann,2024-01-05,10,25\n2,ann,2024-01-05,10,10\n"
    )
    assert "1 order with a refunded_amount above what was paid, by 15.00" in doubts(
        found
    )


def test_days_that_cannot_be_right_are_said(find: Find) -> None:
    tomorrow = dt.date.today() + dt.timedelta(days=2)
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=n) for n in range(0, 300, 3)]
    days += [dt.date(2024, 6, 1), tomorrow]
    rows = "".join(f"{n},c{n},{day},10\n" for n, day in enumerate(days))
    found = find(orders=f"{ORDERS}{rows}x,ann,1969-01-05,10\n")
    assert f"1 order dated after today, up to {tomorrow} (10.00)" in doubts(found)
    assert "1 order without a date, or with one before 1970" in doubts(found)
    assert "2024-06-01" in doubts(found) and "mistyped" in doubts(found)


def test_a_hole_in_the_days_is_said(find: Find) -> None:
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=n) for n in range(400)]
    kept = [day for day in days if not dt.date(2023, 5, 1) <= day < dt.date(2023, 7, 1)]
    rows = "".join(f"{n},c{n},{day},10\n" for n, day in enumerate(kept))
    assert "no order from 2023-04-30 to 2023-07-01, 62 days" in doubts(
        find(orders=ORDERS + rows)
    )


def test_currencies_are_said(find: Find) -> None:
    found = find(
        orders="order_id,customer_id,ordered_at,currency,amount\n"
        "1,ann,2024-01-05,EUR,10\n2,ann,2024-01-05, eur ,10\n3,bob,2024-01-05,JPY,900\n"
        "4,bob,2024-01-05,,30\n"
    )
    assert (
        "several currencies cannot be added up: EUR (2 orders, 20.00), JPY (1 order, "
        "900.00)" in doubts(found)
    )
    assert "1 order of no currency beside others that have one" in doubts(found)


def test_offsets_suggest_the_zone(find: Find) -> None:
    found = find(
        orders=ORDERS + "1,ann,2024-01-05T10:00:00-05:00,10\n"
        "2,ann,2024-07-05T10:00:00-04:00,10\n"
    )
    assert "as in America/New_York, but days are counted in UTC" in doubts(found)


def test_a_column_that_is_not_read_is_named_with_what_it_may_be(find: Find) -> None:
    found = find(
        orders="order_id,customer_id,ordered_at,amount,Financial Status,Taxes,Colour\n"
        "1,ann,2024-01-05,10,paid,2,red\n"
    )
    assert (
        "orders.csv: columns not read: Colour, Financial Status (status?), "
        "Taxes (tax_amount?)" in doubts(found)
    )


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Total", "amount"),
        ("Refunded Amount", "refunded_amount"),
        ("TOTAL_REFUNDED", "refunded_amount"),
        ("Order Status", "status"),
        ("custmer_id", "customer_id"),
        ("Fulfillment Status", None),
        ("Notes", None),
    ],
)
def test_headers_that_shop_systems_use_are_known(
    header: str, column: str | None
) -> None:
    (orders,) = (feed for feed in read_feeds() if feed.name == "orders")
    assert meant_by(header, orders) == column


def test_a_load_says_it_in_some_ten_lines(find: Find) -> None:
    rows = "".join(f"{n},c{n},2024-01-05,word{n},10\n" for n in range(500))
    found = find(orders=f"order_id,customer_id,ordered_at,status,amount\n{rows}")
    assert len(found.doubts) == 500
    assert len(in_short(found)) <= 11
    assert "and 492 more" in in_short(found)[-1]


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    shop, warehouse = tmp_path / "shop", tmp_path / "w.duckdb"
    shop.mkdir()
    (shop / "orders.csv").write_text(f"{ORDERS}1,ann,2024-01-05,10\n")
    options = ("--check", "--warehouse", warehouse)
    done = load_command("folder", shop, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 order, 1 customer, 2024-01-05 to 2024-01-05")
    assert not warehouse.exists()

    (shop / "orders.csv").unlink()
    duckdb.sql(
        "select 1 as order_id, 'ann' as customer_id, '2024-01-05' as ordered_at,"
        " 'twelve' as amount union all select 2, 'bob', '5 o''clock', '3'"
    ).write_parquet(str(shop / "orders.parquet"))
    done = load_command("folder", shop, "--in-place", *options)
    assert done.returncode == 1
    assert 'column ordered_at: 1 value cannot be read, such as "5 o\'clock"' in (
        done.stdout
    )
    assert "orders, column amount: 1 value cannot be read, such as 'twelve'" in (
        done.stdout
    )
    assert not warehouse.exists()


def test_a_check_of_a_pipelines_tables_leaves_the_warehouse_as_it_was(
    tmp_path: Path,
) -> None:
    warehouse = tmp_path / "w.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            'create schema shopify; create table shopify."order" as select 1 as id,'
            " 7 as customer_id, timestamp '2024-01-05' as created_at,"
            " 10 as total_price, 'paid' as financial_status, 'EUR' as currency"
        )
    before = warehouse.read_bytes()
    done = load_command(
        *("tables", "shopify", "--layout", "fivetran_shopify", "--check"),
        *("--warehouse", warehouse),
    )
    assert done.stderr == ""
    assert "1 order, 1 customer" in done.stdout
    assert warehouse.read_bytes() == before
