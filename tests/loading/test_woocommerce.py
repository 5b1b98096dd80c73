"""Tests the connector of WooCommerce's exports on small invented files."""

import pytest

from clv_warehouse.loading.problems import LoadError
from exports import Loaded, write


def item(order, sku, quantity, cost, line, **cells):
    """Write a row of Advanced Order Export: an item, and the cells of its order."""
    return {
        "Order Number": order,
        "Order Status": "Completed",
        "Order Date": "2025-05-01 23:40",
        "Email (Billing)": "ann@example.com",
        "SKU": sku,
        "Name": sku.title(),
        "Quantity": quantity,
        "Item Cost": cost,
        "Order Line (w/o tax)": line,
        "Cart Discount Amount": "2.50",
        "Order Subtotal Amount": "25.00",
        "Order Shipping Amount": "5.00",
        "Order Refund Amount": "0.00",
        "Order Total Amount": "33.00",
        "Order Total Tax Amount": "5.50",
    } | cells


def goods(loaded):
    """Sum an order's lines and take off its discount."""
    return loaded.rows(
        """
        select
            order_id,
            sum(coalesce(quantity * unit_price - discount, lines.amount))
            - any_value(coalesce(discount_amount, 0)) as goods
        from raw.order_lines as lines
        inner join raw.orders using (order_id)
        group by order_id
        order by order_id
        """
    )


def without(rows, *names):
    return [{key: row[key] for key in row if key not in names} for row in rows]


ITEMS = [item("1", "MUG", "2", "10.00", "18.00"), item("1", "TEA", "1", "5.00", "4.50")]


def test_cells_of_an_order_count_once(tmp_path):
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", ITEMS))
    assert loaded.rows(
        "select order_id, customer_id, ordered_at, status, amount, discount_amount,"
        " shipping_amount, tax_amount, refunded_amount from raw.orders"
    ) == [
        (
            *("1", "ann@example.com", "2025-05-01 23:40:00", "Completed"),
            *(33.0, 0.0, 5.0, 5.5, 0.0),
        )
    ]
    assert loaded.rows(
        "select line_number, product_id, quantity, unit_price, discount"
        " from raw.order_lines order by line_number"
    ) == [(1, "MUG", 2.0, 10.0, 2.0), (2, "TEA", 1.0, 5.0, 0.5)]
    assert loaded.rows(
        "select product_id, product_name from raw.products order by all"
    ) == [
        ("MUG", "Mug"),
        ("TEA", "Tea"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        ITEMS,
        # The order's cells stand on its first row only.
        [
            ITEMS[0],
            dict.fromkeys(ITEMS[1], "")
            | {"SKU": "TEA", "Quantity": "1", "Order Line (w/o tax)": "4.50"},
        ],
        # Prices of one piece, before the coupon and after it.
        without(ITEMS, "Order Line (w/o tax)"),
        without(
            [ITEMS[0] | {"Item Cost": "9.00"}, ITEMS[1] | {"Item Cost": "4.50"}],
            "Order Line (w/o tax)",
        ),
        # Lines with their tax.
        without(
            [
                ITEMS[0]
                | {"Order Line Total (include tax)": "21.6", "Order Line Tax": "3.6"},
                ITEMS[1]
                | {"Order Line Total (include tax)": "5.4", "Order Line Tax": "0.9"},
            ],
            "Order Line (w/o tax)",
            "Item Cost",
        ),
        # Only the pieces that were kept: one mug went back.
        without(
            [
                ITEMS[0] | {"Quantity (- Refund)": "1", "Order Refund Amount": "10.80"},
                ITEMS[1] | {"Quantity (- Refund)": "1", "Order Refund Amount": "10.80"},
            ],
            "Quantity",
            "Order Line (w/o tax)",
        ),
    ],
)
def test_goods_come_out_the_same_from_any_choice_of_columns(tmp_path, rows):
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert goods(loaded) == [("1", 22.5)]
    assert loaded.rows("select amount from raw.orders") == [(33.0,)]


@pytest.mark.parametrize(
    ("dropped", "cells"),
    [
        ((), {}),
        (("Order Total Tax Amount",), {"Order Tax Amount": "4.50"}),
        (("Order Total Tax Amount",), {"Order Line Tax": "2.25"}),
        (("Order Total Tax Amount",), {}),
    ],
)
def test_tax_is_what_else_the_total_holds(tmp_path, dropped, cells):
    rows = without([row | cells for row in ITEMS], *dropped)
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select tax_amount, shipping_amount from raw.orders") == [
        (5.5, 5.0)
    ]


def test_more_than_any_tax_is_a_difference_for_a_person_to_see(tmp_path):
    row = item("1", "MUG", "1", "10", "10", **{"Order Total Amount": "30"})
    rows = without([row], "Order Total Tax Amount")
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select amount, tax_amount from raw.orders") == [(30.0, None)]


def test_guests_are_their_addresses_and_numbers_where_there_is_none(tmp_path):
    rows = [
        item("1", "A", "1", "5", "5", **{"Customer User ID": "0"}),
        item("2", "A", "1", "5", "5", **{"Customer User ID": "7"}),
        item(
            *("3", "A", "1", "5", "5"),
            **{"Customer User ID": "7", "Email (Billing)": ""},
        ),
        item(
            *("4", "A", "1", "5", "5"),
            **{"Customer User ID": "0", "Email (Billing)": ""},
        ),
    ]
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select customer_id from raw.orders order by order_id") == [
        ("ann@example.com",),
        ("ann@example.com",),
        ("7",),
        (None,),
    ]


def packed(order, *items, **cells):
    """Write a row of WebToffee's export."""
    return (
        {
            "order_id": order,
            "order_number": order,
            "order_date": "2025-05-01 23:40:00",
            "status": "wc-completed",
            "shipping_total": "5.00",
            "shipping_tax_total": "1.00",
            "fee_total": "0",
            "tax_total": "5.50",
            "order_total": "33.00",
            "order_currency": "GBP",
            "customer_id": "0",
            "customer_email": "",
            "billing_email": "ann@example.com",
            "billing_country": "GB",
            "refund_items": "",
        }
        | {f"line_item_{n}": text for n, text in enumerate(items, start=1)}
        | cells
    )


MUG = "name:Mug|product_id:11|sku:MUG|quantity:2|total:18.00|sub_total:20.00"
TEA = "name:Tea|product_id:12|sku:|quantity:1|total:4.50|sub_total:5.00|meta:x"


def test_packed_items_are_lines(tmp_path):
    rows = [
        packed("1", MUG, TEA),
        packed("2", TEA, fee_total="2.00", tax_total="1.30", order_total="13.80"),
    ]
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, line_number, product_id, quantity, unit_price, discount,"
        " line_type from raw.order_lines order by all"
    ) == [
        ("1", 1, "MUG", 2.0, 10.0, 2.0, "product"),
        ("1", 2, "12", 1.0, 5.0, 0.5, "product"),
        ("2", 1, "12", 1.0, 5.0, 0.5, "product"),
        ("2", 100000, None, 1.0, 2.0, 0.0, "charge"),
    ]
    # The total tells that order 2 has 1.00 of tax on its shipping beside tax_total.
    assert loaded.rows(
        "select amount, shipping_amount, tax_amount from raw.orders order by order_id"
    ) == [(33.0, 5.0, 5.5), (13.8, 5.0, 2.3)]


def test_items_of_several_columns_each_are_lines(tmp_path):
    row = packed("1") | {
        "Product Item 1 Name": "Mug",
        "Product Item 1 id": "11",
        "Product Item 1 SKU": "MUG",
        "Product Item 1 Quantity": "2",
        "Product Item 1 Total": "18.00",
        "Product Item 1 Subtotal": "20.00",
    }
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", [row]))
    assert loaded.rows(
        "select product_id, quantity, unit_price, discount from raw.order_lines"
    ) == [("MUG", 2.0, 10.0, 2.0)]


def test_packed_refunds_have_their_days(tmp_path):
    refunds = (
        "amount:9.60|reason:broken|date:2025-05-09 14:00:00;amount:1|reason:|date:"
    )
    row = packed("1", MUG, TEA, refund_items=refunds)
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", [row]))
    assert loaded.rows(
        "select refund_id, order_id, refunded_at, amount from raw.refunds order by all"
    ) == [
        ("1-refund-1", "1", "2025-05-09 14:00:00", 9.6),
        ("1-refund-2", "1", None, 1.0),
    ]


def test_an_item_without_its_total_is_named(tmp_path):
    row = packed("1", "name:Mug|quantity:2|total:free")
    with pytest.raises(LoadError, match=r"a.csv, row 2: the item 'name:Mug"):
        Loaded("woocommerce", write(tmp_path / "a.csv", [row]))


def report(order, date, net, status="completed", customer="Ann Example"):
    """Write a row of Analytics > Orders."""
    return {
        "Date": date,
        "Order #": order,
        "N. Revenue (formatted)": f"£{net}",
        "Status": status,
        "Customer": customer,
        "Product(s)": "2× Mug",
        "Net Sales": net,
    }


def test_refund_rows_of_analytics_are_refunds(tmp_path):
    rows = [
        report("2", "2025-05-09 14:00:00", "-8"),
        report("2", "2025-05-10 14:00:00", "0"),
        report("1", "2025-05-01 23:40:00", "22.5", "on-hold", customer="ann example "),
        report("2", "2025-05-03 10:30:00", "24"),
        report("3", "2025-05-03 10:30:00", "0", customer=""),
    ]
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, ordered_at, status, amount from raw.orders order by order_id"
    ) == [
        ("1", "2025-05-01 23:40:00", "on-hold", 22.5),
        ("2", "2025-05-03 10:30:00", "completed", 24.0),
        ("3", "2025-05-03 10:30:00", "completed", 0.0),
    ]
    assert loaded.rows("select order_id, refunded_at, amount from raw.refunds") == [
        ("2", "2025-05-09 14:00:00", 8.0)
    ]
    ids = loaded.rows("select distinct customer_id from raw.orders order by 1")
    assert [name is None or "ann" not in name.lower() for (name,) in ids] == [True] * 2
    assert any("customers of one name are one customer" in x for x in loaded.reported)


def test_two_kinds_of_export_would_count_orders_twice(tmp_path):
    folder = tmp_path / "shop"
    write(folder / "a.csv", ITEMS)
    write(folder / "b.csv", [report("1", "2025-05-01", "22.5")])
    with pytest.raises(LoadError, match="several kinds of export"):
        Loaded("woocommerce", folder)


def test_headings_in_another_language_are_refused_by_name(tmp_path):
    source = write(tmp_path / "a.csv", [{"Datum": "2025-05-01", "Bestellung": "1"}])
    with pytest.raises(LoadError, match="It has the columns Datum, Bestellung"):
        Loaded("woocommerce", source)


def test_coupons_are_kept(tmp_path):
    rows = [each | {"Coupon Code": "ten"} for each in ITEMS]
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select coupon_code from raw.orders") == [("ten",)]


def test_packed_coupons_are_kept(tmp_path):
    coupons = "code:ten|amount:5.00;code:vip|amount:1.00"
    rows = [packed("1", MUG, coupon_items=coupons), packed("2", MUG, coupon_items="")]
    loaded = Loaded("woocommerce", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select coupon_code from raw.orders order by order_id") == [
        ("ten, vip",),
        (None,),
    ]
