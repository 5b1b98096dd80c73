"""Tests the views over the Shopify tables that pipelines write into the warehouse."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.layouts import LAYOUTS
from clv_warehouse.loading.load import link_tables
from clv_warehouse.loading.problems import LoadError
from load_command import load_command
from warehouse import Warehouse

UTC = dt.UTC


def time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(UTC)


def order(number: int, **fields: Any) -> dict[str, Any]:
    """An order as Shopify's REST API gives it: money is text, times have an offset."""
    placed = f"2025-03-0{number}T23:30:00-05:00"
    return {
        "id": number,
        "email": None,
        "processed_at": placed,
        "created_at": placed,
        "updated_at": "2025-04-01T00:00:00Z",
        "cancelled_at": None,
        "financial_status": "paid",
        "test": False,
        "currency": "EUR",
        "taxes_included": False,
        "total_discounts": "0.00",
        "total_tax": "0.00",
        "total_tip_received": "0.00",
        "customer": {"id": 11},
        "line_items": [],
        "shipping_lines": [],
        "refunds": [],
    } | fields


def line(number: int, price: str, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "product_id": 501,
        "sku": "MUG",
        "quantity": quantity,
        "price": price,
        "total_discount": "0.00",
    } | fields


def refund(number: int, day: str, **children: Any) -> dict[str, Any]:
    return {
        "id": number,
        "created_at": f"{day}T09:00:00Z",
        "processed_at": f"{day}T09:00:00Z",
        "refund_line_items": [],
        "transactions": [],
        "order_adjustments": [],
    } | children


def paid_back(number: int, amount: str, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "refund",
        "status": "success",
        "amount": amount,
        "processed_at": at,
        "created_at": at,
    } | fields


SHOP = {
    "orders": [
        # A code for 5 off: it shows in the subtotal and in no line. Tax on top.
        order(
            1,
            subtotal_price="20.00",
            total_discounts="5.00",
            total_tax="2.00",
            total_price="26.00",
            line_items=[
                line(1, "10.00", 2),
                line(2, "5.00", product_id=None, sku=None),
            ],
            shipping_lines=[{"id": 1, "price": "4.00", "discounted_price": "4.00"}],
        ),
        # Prices hold the tax. 10 was paid back later, another 7 failed.
        order(
            2,
            customer={"id": 12},
            financial_status="partially_refunded",
            taxes_included=True,
            subtotal_price="30.00",
            total_tax="5.59",
            total_price="35.00",
            line_items=[line(3, "30.00")],
            shipping_lines=[{"id": 2, "price": "5.00", "discounted_price": "5.00"}],
            refunds=[
                refund(
                    21,
                    "2025-03-09",
                    transactions=[
                        paid_back(31, "10.00", "2025-03-10T08:00:00Z"),
                        paid_back(32, "7.00", "2025-03-10T08:00:00Z", status="failure"),
                    ],
                )
            ],
        ),
        # Cancelled before it was paid; a test; a cancelled one whose money stays.
        order(
            3,
            cancelled_at="2025-03-04T00:00:00Z",
            financial_status="voided",
            subtotal_price="50.00",
            total_price="50.00",
            line_items=[line(4, "50.00")],
        ),
        order(
            4,
            test=True,
            subtotal_price="99.00",
            total_price="99.00",
            line_items=[line(5, "99.00")],
        ),
        order(
            5,
            cancelled_at="2025-03-06T00:00:00Z",
            subtotal_price="8.00",
            total_price="8.00",
            line_items=[line(6, "8.00")],
        ),
        # A guest. A code for free shipping shows in the total only; the line has a
        # discount of its own.
        order(
            6,
            customer=None,
            email="CY@example.com",
            subtotal_price="12.00",
            total_discounts="8.00",
            total_price="12.00",
            line_items=[line(7, "15.00", total_discount="3.00")],
            shipping_lines=[{"id": 3, "price": "5.00", "discounted_price": "5.00"}],
        ),
        # A line was taken off before anyone paid for it: no money went back.
        order(
            7,
            subtotal_price="20.00",
            total_price="23.00",
            total_tip_received="3.00",
            line_items=[line(8, "12.00"), line(9, "8.00")],
            refunds=[
                refund(
                    22,
                    "2025-03-12",
                    refund_line_items=[{"subtotal": "8.00", "total_tax": "0.00"}],
                ),
                # Restocked, and nothing given back: the adjustment evens the lines out.
                refund(
                    23,
                    "2025-03-13",
                    refund_line_items=[{"subtotal": "12.00", "total_tax": "0.00"}],
                    order_adjustments=[{"amount": "12.00", "tax_amount": "0.00"}],
                ),
            ],
        ),
    ],
    "customers": [
        {
            "id": 11,
            "email": "ann@example.com",
            "first_name": "Ann",
            "last_name": "A",
            "phone": None,
            "created_at": "2025-01-01T00:00:00Z",
        }
    ],
    "products": [{"id": 501, "title": "Mug", "product_type": "Kitchen"}],
}
VARIANTS = [
    {"id": 601, "product_id": 501, "inventory_item_id": 701},
    {"id": 602, "product_id": 501, "inventory_item_id": 702},
]
COSTS = [{"id": 701, "cost": 4.0}, {"id": 702, "cost": 5.0}]

MONEY = {"price", "discounted_price", "amount", "subtotal", "cost"}


def write(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Any]) -> None:
    connection.register("rows_in", pa.Table.from_pylist(rows))
    connection.execute(f'create table shopify."{name}" as from rows_in')
    connection.unregister("rows_in")


def as_fivetran(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the shop as Fivetran does: flat tables, typed, with a mark of deletion."""

    def typed(record: dict[str, Any], **more: Any) -> dict[str, Any]:
        row = {}
        for name, value in record.items():
            if isinstance(value, list | dict):
                continue
            if name.endswith("_at") and value:
                value = time(value)
            elif value is not None and (
                name in MONEY or name.startswith(("total_", "subtotal_"))
            ):
                value = float(value)
            row[name] = value
        return row | more

    tables: dict[str, list[Any]] = {}
    for record in SHOP["orders"]:
        key = {"order_id": record["id"]}
        customer = (record["customer"] or {}).get("id")
        orders = tables.setdefault("order", [])
        orders.append(typed(record, customer_id=customer, _fivetran_deleted=False))
        for place, item in enumerate(record["line_items"]):
            tables.setdefault("order_line", []).append(typed(item, index=place, **key))
        for item in record["shipping_lines"]:
            tables.setdefault("order_shipping_line", []).append(typed(item, **key))
        for back in record["refunds"]:
            tables.setdefault("refund", []).append(typed(back, **key))
            for child, table in (
                ("refund_line_items", "order_line_refund"),
                ("transactions", "transaction"),
                ("order_adjustments", "order_adjustment"),
            ):
                tables.setdefault(table, []).extend(
                    typed(item, refund_id=back["id"], **key) for item in back[child]
                )
    # One that Shopify has deleted, with its line.
    gone = tables["order"][0] | {"id": 8, "_fivetran_deleted": True}
    tables["order"].append(gone)
    tables["order_line"].append(tables["order_line"][0] | {"id": 99, "order_id": 8})
    # A sale's own transaction pays nothing back.
    tables["transaction"].append(
        tables["transaction"][0] | {"id": 33, "kind": "sale", "refund_id": None}
    )
    tables["customer"] = [typed(row) for row in SHOP["customers"]]
    tables["product"] = SHOP["products"]
    tables["product_variant"] = VARIANTS
    tables["inventory_item"] = COSTS
    for name, rows in tables.items():
        write(connection, name, rows)


def as_dlt(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the shop as dlt does: lists in tables of their own, values as they came."""
    tables: dict[str, list[Any]] = {}

    def flatten(name: str, record: dict[str, Any], parent: str | None, place: int):
        row: dict[str, Any] = {"_dlt_id": f"{parent or ''}/{name}/{place}"}
        if parent is not None:
            row |= {"_dlt_parent_id": parent, "_dlt_list_idx": place}
        for field, value in record.items():
            if isinstance(value, list):
                for number, child in enumerate(value):
                    flatten(f"{name}__{field}", child, row["_dlt_id"], number)
            elif isinstance(value, dict):
                row |= {f"{field}__{key}": inner for key, inner in value.items()}
            elif parent is None and field in ("created_at", "updated_at"):
                row[field] = time(value)
            elif value is not None:
                row[field] = value
        tables.setdefault(name, []).append(row)

    for name in ("orders", "customers", "products"):
        for place, record in enumerate(SHOP[name]):
            children = {"variants": VARIANTS} if name == "products" else {}
            flatten(name, record | children, None, place)
    flatten("inventory_items", COSTS[0], None, 0)
    flatten("inventory_items", COSTS[1], None, 1)
    for name, rows in tables.items():
        columns = dict.fromkeys(key for row in rows for key in row)
        write(connection, name, [dict.fromkeys(columns) | row for row in rows])


WRITERS = {"fivetran_shopify": as_fivetran, "dlt_shopify": as_dlt}


@pytest.fixture
def shop_file(tmp_path: Path) -> Path:
    return tmp_path / "shop.duckdb"


@pytest.fixture
def said(shop_file: Path) -> list[str]:
    return []


@pytest.fixture
def pipeline(shop_file: Path):
    """Write the shop in a layout, and run SQL over it before it is linked."""

    def run(layout: str, *statements: str) -> None:
        with duckdb.connect(str(shop_file)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("create schema shopify")
            WRITERS[layout](connection)
            for statement in statements:
                connection.execute(statement)

    return run


def linked(shop_file: Path, layout: str, said: list[str] | None = None) -> None:
    report = (said if said is not None else []).append
    link_tables("shopify", LAYOUTS[layout], shop_file, read_feeds(), report)


def rows(shop_file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(shop_file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_orders_are_shopify_s(shop_file: Path, pipeline, layout: str) -> None:
    pipeline(layout)
    linked(shop_file, layout)
    assert rows(
        shop_file,
        "select order_id, customer_id, status, cast(amount as decimal(18, 2)),"
        " discount_amount, shipping_amount from raw.orders order by order_id",
    ) == [
        ("1", "11", "paid", 26, 5, 4),
        ("2", "12", "partially_refunded", 35, None, 5),
        ("3", "11", "cancelled", 50, None, None),
        ("4", "11", "test", 99, None, None),
        ("5", "11", "paid", 8, None, None),
        ("6", "cy@example.com", "paid", 12, None, None),
        ("7", "11", "paid", 23, None, None),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_times_are_instants(shop_file: Path, pipeline, layout: str) -> None:
    pipeline(layout)
    linked(shop_file, layout)
    ((kind, placed, updated),) = rows(
        shop_file,
        "select typeof(ordered_at), ordered_at, updated_at from raw.orders"
        " where order_id = '1'",
    )
    assert kind == "TIMESTAMP WITH TIME ZONE"
    assert placed.astimezone(UTC) == dt.datetime(2025, 3, 2, 4, 30, tzinfo=UTC)
    assert updated.astimezone(UTC) == dt.datetime(2025, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_refund_is_the_money_that_went_back(
    shop_file: Path, pipeline, layout: str
) -> None:
    pipeline(layout)
    linked(shop_file, layout)
    assert rows(
        shop_file,
        "select refund_id, order_id, refunded_at::date::varchar, amount"
        " from raw.refunds order by refund_id",
    ) == [("21", "2", "2025-03-10", 10), ("22", "7", "2025-03-12", 8)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lines_and_products(shop_file: Path, pipeline, layout: str) -> None:
    pipeline(layout)
    linked(shop_file, layout)
    assert rows(
        shop_file,
        "select order_id, line_number, product_id, quantity,"
        " cast(unit_price as double), cast(discount as double)"
        " from raw.order_lines where order_id in ('1', '6') order by all",
    ) == [("1", 1, "501", 2, 10, 0), ("1", 2, None, 1, 5, 0), ("6", 1, "501", 1, 15, 3)]
    assert rows(shop_file, "from raw.products") == [
        ("501", "Mug", "Kitchen", 4.5, None)
    ]
    assert rows(
        shop_file, "select customer_id, email, full_name from raw.customers"
    ) == [("11", "ann@example.com", "Ann A")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_facts_are_the_same_from_both(warehouse: Warehouse, layout: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema shopify")
        WRITERS[layout](connection)
    linked(warehouse.path, layout)
    tables = ("fct_orders", "rejected_records", "money_checks", "dim_products")
    warehouse.build("--select", *(f"+{table}" for table in tables))
    # Of order 2, 10 of 35 went back; of order 7, 8 of 23, which the tip is part of.
    assert rows(
        warehouse.path,
        "select order_id, status_meaning, goods_amount::double, total_amount::double,"
        " round(net_amount, 2)::double from orders.fct_orders order by order_id",
    ) == [
        ("1", "sale", 20, 26, 24),
        ("2", "sale", 24.41, 35, 21.01),
        ("3", "never", 50, 50, 0),
        ("4", "test", 99, 99, 0),
        ("5", "sale", 8, 8, 8),
        ("6", "sale", 12, 12, 12),
        ("7", "sale", 20, 23, 13.04),
    ]
    for table in ("rejected_records", "money_checks"):
        assert rows(warehouse.path, f"from orders.{table}") == []
    assert rows(
        warehouse.path, "select unit_cost::double from orders.dim_products"
    ) == [(4.5,)]


def test_what_shopify_deleted_is_left_out_and_said(
    shop_file: Path, pipeline, said: list[str]
) -> None:
    pipeline("fivetran_shopify")
    linked(shop_file, "fivetran_shopify", said)
    assert any("shopify.order: 1 rows left out" in line for line in said)
    assert rows(shop_file, "from raw.order_lines where order_id = '8'") == []


def test_refunds_without_their_table_are_their_transactions(
    shop_file: Path, pipeline, said: list[str]
) -> None:
    pipeline("fivetran_shopify", "drop table shopify.refund")
    linked(shop_file, "fivetran_shopify", said)
    assert rows(shop_file, "select refund_id, amount from raw.refunds") == [
        ("transaction 31", 10)
    ]


def test_without_any_table_of_refunds_that_is_said(
    shop_file: Path, pipeline, said: list[str]
) -> None:
    pipeline(
        "fivetran_shopify",
        "drop table shopify.refund",
        "drop table shopify.transaction",
        "drop table shopify.product",
    )
    linked(shop_file, "fivetran_shopify", said)
    assert any("only an order's status tells" in line for line in said)
    assert any("read as empty: refund, transaction, product" in line for line in said)
    assert rows(shop_file, "select count(*) from raw.refunds") == [(0,)]
    assert rows(shop_file, "select count(*) from raw.products") == [(0,)]


def test_columns_of_graphql_are_read(shop_file: Path, pipeline) -> None:
    renamed = {
        "order": {
            "currency": "currency_code",
            "financial_status": "display_financial_status",
            "total_price": "total_price_set_shop_amount",
            "subtotal_price": "subtotal_price_set_shop_amount",
        },
        "order_line": {"price": "original_unit_price_set_shop_amount"},
        "transaction": {"amount": "amount_set_shop_amount"},
    }
    pipeline(
        "fivetran_shopify",
        *(
            f'alter table shopify."{table}" rename {old} to {new}'
            for table, names in renamed.items()
            for old, new in names.items()
        ),
    )
    linked(shop_file, "fivetran_shopify")
    assert rows(
        shop_file,
        "select status, currency, amount, discount_amount from raw.orders"
        " where order_id = '1'",
    ) == [("paid", "EUR", 26, 5)]
    assert rows(shop_file, "select sum(amount) from raw.refunds") == [(18,)]


@pytest.mark.parametrize(
    ("schema", "layout", "message"),
    [
        ("shop", "dlt_shopify", "no schema shop with tables. It has: shopify"),
        (
            "shopify",
            "dlt_shopify",
            "has no table orders, which the layout of dlt needs",
        ),
    ],
)
def test_what_is_missing_is_one_sentence(
    shop_file: Path, pipeline, schema: str, layout: str, message: str
) -> None:
    pipeline("fivetran_shopify")
    with pytest.raises(LoadError, match=message):
        link_tables(schema, LAYOUTS[layout], shop_file, read_feeds(), [].append)
    assert rows(
        shop_file, "select count(*) from duckdb_tables() where schema_name = 'raw'"
    ) == [(0,)]


def test_no_warehouse_is_made_for_a_pipeline(shop_file: Path) -> None:
    with pytest.raises(LoadError, match="Give the file that the pipeline writes into"):
        linked(shop_file, "dlt_shopify")
    assert not shop_file.exists()


def test_the_command_links_the_tables(shop_file: Path, pipeline) -> None:
    pipeline("dlt_shopify")
    command = ("tables", "shopify", "--warehouse", shop_file)
    done = load_command(*command, "--layout", "dlt_shopify")
    assert done.returncode == 0, done.stderr
    assert "orders: 7 rows where they are" in done.stdout
    without = load_command(*command)
    assert "tables SCHEMA --layout NAME" in without.stderr


@pytest.mark.parametrize(
    ("layout", "table"), [("fivetran_shopify", '"order"'), ("dlt_shopify", "orders")]
)
def test_the_address_of_the_first_page_tells_the_source(
    shop_file: Path, pipeline, layout: str, table: str
) -> None:
    landing = "/p?utm_source=news+letter&utm_medium=e%2Dmail&gclid=g1#top"
    pipeline(
        layout,
        f"alter table shopify.{table} add column landing_site varchar",
        f"alter table shopify.{table} add column source_name varchar",
        f"update shopify.{table} set landing_site = '{landing}', source_name = 'POS'"
        " where cast(id as varchar) = '1'",
    )
    linked(shop_file, layout)
    assert rows(
        shop_file,
        "select sales_channel, utm_source, utm_medium, utm_campaign, click_id"
        " from raw.orders where order_id in ('1', '2') order by order_id",
    ) == [
        ("pos", "news letter", "e-mail", None, "g1"),
        (None, None, None, None, None),
    ]
