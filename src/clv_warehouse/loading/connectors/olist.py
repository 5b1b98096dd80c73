"""Reads Olist: the orders of a Brazilian marketplace, as published on Kaggle.

The folder holds olist_orders_dataset.csv and so on, or orders.parquet and so on. In
these files customer_id names the customer of one order only; customer_unique_id names
the person, and becomes our customer.
"""

from pathlib import Path

from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.files import find_file, require_found
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    PLACE,
    PROVENANCE,
    Reader,
)

_REQUIRED = {
    "orders": (
        Column("order_id"),
        Column("customer_id"),
        Column("order_status"),
        Column("order_purchase_timestamp", "timestamp"),
    ),
    "order_items": (
        Column("order_id"),
        Column("order_item_id", "integer"),
        Column("product_id"),
        Column("price", "decimal(18,4)"),
        Column("freight_value", "decimal(18,4)"),
    ),
    "customers": (Column("customer_id"), Column("customer_unique_id")),
}
_OPTIONAL = {
    "products": (Column("product_id"), Column("product_category_name")),
    "order_reviews": (
        Column("review_id"),
        Column("order_id"),
        Column("review_score", "integer"),
        Column("review_comment_title"),
        Column("review_comment_message"),
        Column("review_answer_timestamp", "timestamp"),
    ),
}

_ORDERS = f"""
    with people as (
        select customer_id, min(customer_unique_id) as customer_unique_id
        from customers
        group by customer_id
    )

    select
        orders.order_id,
        coalesce(people.customer_unique_id, orders.customer_id) as customer_id,
        orders.order_purchase_timestamp as ordered_at,
        orders.order_status as status,
        'BRL' as currency,
        {PLACE}
    from orders
    left join people using (customer_id)
"""

# Freight is revenue too. It becomes a line of the product SHIPPING, with a number that
# no item has.
_ORDER_LINES = f"""
    select
        order_id,
        order_item_id as line_number,
        product_id,
        1 as quantity,
        price as unit_price,
        'product' as line_type,
        {PLACE}
    from order_items
    union all
    select
        order_id,
        1000 + order_item_id as line_number,
        'SHIPPING' as product_id,
        1 as quantity,
        freight_value as unit_price,
        'shipping' as line_type,
        {PLACE}
    from order_items
    where freight_value <> 0
"""

_CUSTOMERS = f"""
    select customer_unique_id as customer_id, 'BR' as country, {FIRST_PLACE}
    from customers
    group by customer_unique_id
"""

_PRODUCTS = f"""
    select product_id, product_category_name as category, {PLACE}
    from products
"""

# One review may belong to several orders. It names a product only if its order has no
# other product. Its date is that of the answer; review_creation_date is when the shop
# asked for it.
_REVIEWS = f"""
    with shop_orders as ({_ORDERS}),

    single_products as (
        select order_id, min(product_id) as product_id
        from order_items
        group by order_id
        having count(distinct product_id) = 1
    )

    select
        order_reviews.review_id || '-' || order_reviews.order_id as review_id,
        order_reviews.order_id,
        shop_orders.customer_id,
        single_products.product_id,
        order_reviews.review_score as rating,
        order_reviews.review_comment_title as title,
        order_reviews.review_comment_message as body,
        order_reviews.review_answer_timestamp as written_at,
        {", ".join(f"order_reviews.{name}" for name in PROVENANCE)}
    from order_reviews
    left join shop_orders using (order_id)
    left join single_products using (order_id)
"""


def read(reader: Reader, folder: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name."""
    queries = {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "customers": _CUSTOMERS,
    }
    for table, columns in _REQUIRED.items():
        reader.read_file(require_found(folder, *_stems(table)), columns, table)
    for (table, columns), (feed, query) in zip(
        _OPTIONAL.items(), (("products", _PRODUCTS), ("reviews", _REVIEWS)), strict=True
    ):
        path = find_file(folder, *_stems(table))
        if path is not None:
            reader.read_file(path, columns, table)
            queries[feed] = query
    return queries


def _stems(table: str) -> tuple[str, str]:
    return f"olist_{table}_dataset", table
