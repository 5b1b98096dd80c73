"""Tests the connector of Shopify's exports on small invented files."""

import pytest

from clv_warehouse.loading.problems import LoadError
from exports import Loaded, write


def order(name, total, **cells):
    """Write the first row of an order of one mug, paid, with a tax of 19 % within."""
    return {
        "Name": name,
        "Email": f"buyer{name}@example.com",
        "Financial Status": "paid",
        "Currency": "EUR",
        "Subtotal": total,
        "Shipping": "0.00",
        "Taxes": "0.00",
        "Total": total,
        "Discount Amount": "0.00",
        "Created at": "2025-03-29T23:30:00+01:00",
        "Lineitem quantity": "1",
        "Lineitem name": "Mug",
        "Lineitem price": total,
        "Lineitem sku": "MUG",
        "Lineitem discount": "0.00",
        "Refunded Amount": "0.00",
        "Cancelled at": "",
        "Payment Method": "Shopify Payments",
        "Phone": "",
        "Id": f"7{name[1:]}",
    } | {key.replace("_", " "): value for key, value in cells.items()}


def further(first, name, price, quantity="1", sku=""):
    """Write a further row of the order that begins with `first`."""
    return {
        "Name": first["Name"],
        "Email": first["Email"],
        "Created at": first["Created at"],
        "Lineitem quantity": quantity,
        "Lineitem name": name,
        "Lineitem price": price,
        "Lineitem sku": sku,
        "Lineitem discount": "0.00",
    }


def test_only_the_first_row_of_an_order_holds_its_money(tmp_path):
    first = order("#1", "50.00", Shipping="4.90", Total="54.90", Lineitem_price="20.00")
    loaded = Loaded(
        "shopify",
        write(
            tmp_path / "orders.csv",
            [
                first,
                further(first, 'Tea, "loose"\nAssam', "15.00", "2"),
                order("#2", "5"),
            ],
        ),
    )
    assert loaded.rows(
        "select order_id, ordered_at, status, currency, amount, discount_amount,"
        " shipping_amount, loaded_row from raw.orders order by order_id"
    ) == [
        ("71", "2025-03-29 22:30:00", "paid", "EUR", 54.9, 0.0, 4.9, 2),
        ("72", "2025-03-29 22:30:00", "paid", "EUR", 5.0, 0.0, 0.0, 4),
    ]
    assert loaded.rows(
        "select order_id, line_number, product_id, quantity, unit_price"
        " from raw.order_lines order by all"
    ) == [
        ("71", 1, "MUG", 1.0, 20.0),
        ("71", 2, 'Tea, "loose"\nAssam', 2.0, 15.0),
        ("72", 1, "MUG", 1.0, 5.0),
    ]


@pytest.mark.parametrize(
    ("cells", "order_discount", "line_discounts"),
    [
        # A code lowers Subtotal only.
        ({"Subtotal": "45", "Discount_Amount": "5"}, 5.0, [0.0, 0.0]),
        # The discount of a line stands in Discount Amount as well.
        (
            {"Subtotal": "40", "Discount_Amount": "10", "Lineitem_discount": "10"},
            0.0,
            [0.0, 10.0],
        ),
        # Prices that are discounted already.
        (
            {"Subtotal": "50", "Discount_Amount": "10", "Lineitem_discount": "10"},
            0.0,
            [0.0, 0.0],
        ),
        # Without Subtotal: what Discount Amount holds beside the discounts of lines.
        (
            {"Subtotal": "", "Discount_Amount": "12", "Lineitem_discount": "10"},
            2.0,
            [0.0, 10.0],
        ),
        # Lines are missing: their lack is no discount.
        ({"Subtotal": "70"}, 0.0, [0.0, 0.0]),
    ],
)
def test_discounts_are_taken_off_once(tmp_path, cells, order_discount, line_discounts):
    first = order("#1", "30.00", **cells)
    loaded = Loaded(
        "shopify", write(tmp_path / "a.csv", [first, further(first, "Bowl", "20.00")])
    )
    assert loaded.rows("select discount_amount from raw.orders") == [(order_discount,)]
    assert loaded.rows("select discount from raw.order_lines order by 1") == [
        (value,) for value in line_discounts
    ]


def test_a_tip_is_no_product_and_no_discount(tmp_path):
    first = order("#1", "30.00", Subtotal="30.00", Total="33.00")
    loaded = Loaded(
        "shopify", write(tmp_path / "a.csv", [first, further(first, "Tip", "3.00")])
    )
    assert loaded.rows("select discount_amount from raw.orders") == [(0.0,)]
    assert loaded.rows(
        "select product_id, line_type from raw.order_lines order by line_number"
    ) == [("MUG", "product"), (None, "tip")]


@pytest.mark.parametrize(
    ("cells", "shipping"),
    [
        ({"Total": "54.90"}, 4.9),
        ({"Total": "58.90", "Taxes": "4.00"}, 4.9),
        # A code made the shipping free.
        ({"Total": "50.00"}, 0.0),
        ({"Total": "54.00", "Taxes": "4.00"}, 0.0),
    ],
)
def test_shipping_is_what_the_total_holds_of_it(tmp_path, cells, shipping):
    row = order("#1", "50.00", **{"Shipping": "4.90"} | cells)
    loaded = Loaded("shopify", write(tmp_path / "a.csv", [row]))
    assert loaded.rows("select shipping_amount from raw.orders") == [(shipping,)]


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"Financial_Status": "voided"}, "voided"),
        ({"Financial_Status": "pending"}, "pending"),
        ({"Financial_Status": "pending", "Cancelled_at": "2025-04-01"}, "cancelled"),
        ({"Financial_Status": "paid", "Cancelled_at": "2025-04-01"}, "paid"),
        ({"Financial_Status": "refunded", "Cancelled_at": "2025-04-01"}, "refunded"),
        ({"Payment_Method": "(for testing) Bogus Gateway"}, "test"),
    ],
)
def test_a_cancelled_order_that_was_paid_keeps_its_status(tmp_path, cells, status):
    loaded = Loaded("shopify", write(tmp_path / "a.csv", [order("#1", "5", **cells)]))
    assert loaded.rows("select status from raw.orders") == [(status,)]


def test_customers_are_emails_or_phones(tmp_path):
    rows = [
        order(
            "#1",
            "5",
            Email="Ann@Example.com ",
            Billing_Name="Ann",
            Billing_Country="DE",
        ),
        order("#2", "5", Email="ann@example.com", Billing_Country="FR")
        | {"Created at": "2025-05-01"},
        order("#3", "5", Email="", Phone="'+4915100000"),
        order("#4", "5", Email=""),
    ]
    loaded = Loaded("shopify", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select customer_id from raw.orders where order_id >= '73' order by order_id"
    ) == [("+4915100000",), (None,)]
    assert loaded.rows(
        "select customer_id, full_name, phone, country from raw.customers order by all"
    ) == [
        ("+4915100000", None, "+4915100000", None),
        ("ann@example.com", "Ann", None, "FR"),
    ]


def test_names_of_two_shops_are_two_orders(tmp_path):
    rows = [order("#1", "5", Id=""), order("#1", "7", Id="", Created_at="2025-05-01")]
    loaded = Loaded("shopify", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select order_id, amount from raw.orders order by all") == [
        ("#1@2025-03-29T22:30:00", 5.0),
        ("#1@2025-05-01T00:00:00", 7.0),
    ]


def test_parts_are_one_export_and_an_order_exported_again_is_a_version(tmp_path):
    first = order("#1", "30.00", Subtotal="50.00", Total="50.00")
    folder = tmp_path / "shop"
    write(
        folder / "orders_export_2.csv", [order("#2", "9", Financial_Status="pending")]
    )
    write(
        folder / "orders_export_10.csv",
        [order("#2", "9", Refunded_Amount="4"), first],
    )
    # The last part begins in the middle of an order.
    write(
        folder / "orders_export_11.csv",
        [dict.fromkeys(first, "") | further(first, "Bowl", "20.00")],
    )
    loaded = Loaded("shopify", folder)
    assert loaded.rows(
        "select order_id, status, refunded_amount from raw.orders order by loaded_order"
    ) == [("72", "pending", 0.0), ("72", "paid", 4.0), ("71", "paid", 0.0)]
    assert loaded.rows(
        "select order_id, line_number, product_id from raw.order_lines"
        " where order_id = '71' order by all"
    ) == [("71", 1, "MUG"), ("71", 2, "Bowl")]


def test_products_export_says_costs_and_types(tmp_path):
    folder = tmp_path / "shop"
    first = order("#1", "30.00")
    write(folder / "orders.csv", [first, further(first, "Tea - 100 g / Loose", "3")])
    write(
        folder / "products_export_1.csv",
        [
            {
                "Handle": "mug",
                "Title": "Big Mug",
                "Type": "Mugs",
                "Option1 Value": "Default Title",
                "Variant SKU": "'MUG",
                "Variant Price": "30",
                "Cost per item": "12.50",
            },
            {"Handle": "mug", "Image Src": "mug.png"},
            {
                "Handle": "tea",
                "Title": "Tea",
                "Product Category": "Food > Tea",
                "Option1 Value": "50 g",
                "Option2 Value": "Loose",
                "Variant Price": "2",
            },
            {
                "Handle": "tea",
                "Option1 Value": "100 g",
                "Option2 Value": "Loose",
                "Variant Price": "3",
                "Cost per item": "1",
            },
        ],
    )
    write(
        folder / "customers_export.csv",
        [
            {
                "Customer ID": "'1",
                "First Name": "Ann",
                "Last Name": "Ex",
                "Email": "Buyer#1@example.com",
                "Default Address Country Code": "AT",
                "Total Spent": "30",
            }
        ],
    )
    loaded = Loaded("shopify", folder)
    assert loaded.rows(
        "select product_id, product_name, category, unit_cost from raw.products"
        " order by all"
    ) == [
        ("MUG", "Big Mug", "Mugs", 12.5),
        ("Tea - 100 g / Loose", "Tea - 100 g / Loose", "Food > Tea", 1.0),
        ("Tea - 50 g / Loose", "Tea - 50 g / Loose", "Food > Tea", None),
    ]
    assert loaded.rows("select customer_id, full_name, country from raw.customers") == [
        ("buyer#1@example.com", "Ann Ex", "AT")
    ]


def test_a_short_export_is_enough(tmp_path):
    rows = [
        {
            "Name": "1001",
            "Email": "a@example.com",
            "Financial Status": "paid",
            "Created at": "2025-05-01",
            "Total": "15990",
            "Lineitem quantity": "1",
            "Lineitem price": "15990",
        }
    ]
    loaded = Loaded("shopify", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, amount, discount_amount, shipping_amount from raw.orders"
    ) == [("1001", 15990.0, 0.0, None)]


def test_a_partial_refund_of_unknown_amount_is_doubted(tmp_path):
    row = order("#1", "5", Financial_Status="partially_refunded")
    loaded = Loaded("shopify", write(tmp_path / "a.csv", [row]))
    told = "1 orders are partly refunded, but their Refunded Amount is 0"
    assert any(told in doubt for doubt in loaded.doubts)


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        (("Email", "Phone"), "has neither Email nor Phone"),
        (("Financial Status",), "has no column Financial Status"),
        (("Lineitem price",), "is no export that this connector knows"),
    ],
)
def test_what_cannot_be_missing_is_named(tmp_path, dropped, message):
    row = {key: value for key, value in order("#1", "5").items() if key not in dropped}
    with pytest.raises(LoadError, match=message):
        Loaded("shopify", write(tmp_path / "a.csv", [row]))


def test_coupon_channel_tags_and_stock_are_kept(tmp_path):
    first = order("#1", "5", Discount_Code="TEN", Source="Web", Tags="vip, gift")
    write(tmp_path / "shop" / "orders.csv", [first, further(first, "Tea", "2")])
    product = {"Handle": "mug", "Variant SKU": "MUG", "Variant Price": "5"}
    write(
        tmp_path / "shop" / "products.csv", [product | {"Variant Inventory Qty": "-2"}]
    )
    loaded = Loaded("shopify", tmp_path / "shop")
    assert loaded.rows("select coupon_code, sales_channel, tags from raw.orders") == [
        ("TEN", "web", "vip, gift")
    ]
    assert loaded.rows("select product_id, stock from raw.products order by 1") == [
        ("MUG", -2.0),
        ("Tea", None),
    ]
    assert not any("Tags" in line for line in loaded.reported)
