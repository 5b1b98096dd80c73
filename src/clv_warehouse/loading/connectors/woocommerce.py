"""Reads WooCommerce's orders, as three ways to export them write them.

- The plugin Advanced Order Export writes a row for each item of an order and repeats
  the cells of the order on each of them.
- The plugin of WebToffee writes a row for each order, and packs each item into a cell.
- The shop's own report Analytics > Orders writes a row for each order and a row for
  each refund of it, with what its goods cost, but neither items nor e-mail addresses.

A customer is an e-mail address, because guests have no other number than 0. All times
are the shop's own clock. Prices of items are without tax, and tax comes on top.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from clv_warehouse.loading.connectors.exports import (
    MONEY,
    find_kinds,
    first_told,
    optional,
    read_parts,
)
from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.problems import LoadError, Problem
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    LOADED_FILE,
    LOADED_ORDER,
    PLACE,
    Reader,
)
from clv_warehouse.project.sql import quoted

_QUANTITY = "decimal(12,3)"
# Hungary's, the highest rate of a tax on sales in the world.
_HIGHEST_TAX = "0.27"

_ITEM_ROWS = "Advanced Order Export"
_PACKED = "WebToffee's export"
_ANALYTICS = "the report Analytics > Orders"
_KINDS = {
    _ANALYTICS: ("Order #", "Net Sales"),
    _ITEM_ROWS: ("Order Number", "Order Status"),
    _PACKED: ("order_id", "order_date", "status"),
}


_ITEM_COLUMNS = (
    Column("Order Number"),
    Column("Order Status"),
    Column("Order Date", "timestamp"),
    optional("Modified Date", "timestamp", "Order Modified Date"),
    optional("Email (Billing)", "varchar", "Billing Email"),
    optional("Customer User ID", "varchar", "User ID", "Customer ID", "Customer User"),
    optional("First Name (Billing)"),
    optional("Last Name (Billing)"),
    optional("Phone (Billing)"),
    optional("Country Code (Billing)", "varchar", "Country (Billing)"),
    optional("Currency", "varchar", "Order Currency"),
    optional("Item #", "integer"),
    optional("SKU"),
    optional("Product Id", "varchar", "Product ID"),
    optional("Name", "varchar", "Item Name", "Product Name"),
    optional("Category", "varchar", "Product Category"),
    optional("Quantity", _QUANTITY),
    optional("Quantity (- Refund)", _QUANTITY),
    optional("Item Cost", MONEY),
    optional("Order Line (w/o tax)", MONEY),
    optional("Order Line Total (include tax)", MONEY),
    optional("Order Line Total", MONEY),
    optional("Order Line Tax", MONEY),
    optional("Coupon Code", "varchar", "Coupon Codes", "Coupons", "Coupons Used"),
    optional("Cart Discount Amount", MONEY),
    optional("Order Subtotal Amount", MONEY),
    optional("Order Shipping Amount", MONEY),
    optional("Order Shipping Tax Amount", MONEY),
    optional("Order Tax Amount", MONEY),
    optional("Order Total Tax Amount", MONEY),
    optional("Order Fee Amount", MONEY, "Fee Amount", "Order Total Fee", "Total Fee"),
    optional("Order Refund Amount", MONEY),
    optional("Order Total Amount", MONEY),
)

_PACKED_COLUMNS = (
    Column("order_id"),
    Column("order_date", "timestamp"),
    Column("status"),
    optional("order_number"),
    optional("customer_email"),
    optional("billing_email"),
    optional("customer_id", "varchar", "customer_user"),
    optional("billing_first_name"),
    optional("billing_last_name"),
    optional("billing_phone"),
    optional("billing_country"),
    optional("order_currency"),
    optional("order_total", MONEY),
    optional("shipping_total", MONEY),
    optional("shipping_tax_total", MONEY),
    optional("fee_total", MONEY),
    optional("tax_total", MONEY),
    optional("refunded_total", MONEY),
    optional("coupon_items"),
    optional("refund_items"),
)

_ANALYTICS_COLUMNS = (
    Column("Date", "timestamp"),
    Column("Order #"),
    Column("Status"),
    Column("Net Sales", MONEY),
    optional("Customer"),
)


# One row per item. What an item cost in the end is its line without tax; where the
# export lacks that, its price and pieces.
_ITEM_LINES = f"""
    create temp table woo_lines as
    with named as (
        select
            *,
            last_value("Order Number" ignore nulls) over (
                partition by {LOADED_FILE} order by {LOADED_ORDER}
            ) as order_id,
            coalesce("Quantity", "Quantity (- Refund)") as pieces
        from item_rows
    ),

    priced as (
        select
            *,
            pieces * "Item Cost" as full_amount,
            coalesce(
                "Order Line (w/o tax)",
                "Order Line Total (include tax)" - "Order Line Tax",
                "Order Line Total"
            ) as line_total,
            count(*) over same_item = 1 and "Item #" is not null as has_number
        from named
        window same_item as (partition by {LOADED_FILE}, order_id, "Item #")
    )

    select
        *,
        case
            when min(has_number) over same_order then "Item #"
            else row_number() over (
                partition by {LOADED_FILE}, order_id order by {LOADED_ORDER}
            )
        end as line_number,
        coalesce(nullif("SKU", ''), nullif("Product Id", ''), nullif("Name", ''))
            as product_id,
        "Name" as product_name,
        "Category" as product_category,
        case
            when line_total is null or full_amount >= line_total then "Item Cost"
        end as unit_price,
        case
            when full_amount > line_total then full_amount - line_total else 0
        end as discount,
        coalesce(line_total, full_amount) as amount
    from priced
    window same_order as (partition by {LOADED_FILE}, order_id)
"""

# One row per order and file. Items without a line total may be priced before or after
# the discount of the cart; the order's subtotal is always before it. Where the export
# has only the pieces that were kept, the money of the others is missing from the lines,
# while Order Refund Amount takes it off again. An order's total is its goods, shipping,
# fees and tax: where the export does not tell all of the tax, the rest is tax.
_ITEM_ORDERS = f"""
    create temp table woo_orders as
    with orders as (
        select
            order_id,
            {first_told("Order Date")} as ordered_at,
            {first_told("Modified Date")} as updated_at,
            {first_told("Order Status")} as status,
            {first_told("Currency")} as currency,
            nullif(trim({first_told("Email (Billing)")}), '') as email,
            nullif(trim({first_told("Customer User ID")}), '0') as user_id,
            concat_ws(' ', {first_told("First Name (Billing)")},
                {first_told("Last Name (Billing)")}) as full_name,
            {first_told("Phone (Billing)")} as phone,
            {first_told("Country Code (Billing)")} as country,
            {first_told("Order Total Amount")} as amount,
            {first_told("Order Shipping Amount")} as shipping_amount,
            {first_told("Order Total Tax Amount")} as total_tax,
            coalesce(
                {first_told("Order Tax Amount")}
                + coalesce({first_told("Order Shipping Tax Amount")}, 0),
                sum("Order Line Tax")
            ) as known_tax,
            coalesce({first_told("Order Fee Amount")}, 0) as fee_amount,
            {first_told("Order Refund Amount")} as refunded_amount,
            {first_told("Order Subtotal Amount")} as subtotal,
            {first_told("Coupon Code")} as coupon_code,
            coalesce(abs({first_told("Cart Discount Amount")}), 0) as cart_discount,
            coalesce(sum(full_amount), 0) as full_amount,
            sum(woo_lines.amount) as line_amount,
            count(line_total) = 0 and count(full_amount) > 0 as is_priced_by_piece,
            count("Quantity") = 0 and count("Quantity (- Refund)") > 0
                as is_without_refunded,
            {FIRST_PLACE}
        from woo_lines
        where order_id is not null
        group by order_id, {LOADED_FILE}
    ),

    discounted as (
        select
            *,
            case
                when not is_priced_by_piece then 0
                when is_without_refunded then cart_discount
                when full_amount <= subtotal - cart_discount then 0
                else cart_discount
            end as discount_amount,
            case
                when
                    is_priced_by_piece and is_without_refunded
                    and subtotal > full_amount
                    then subtotal - full_amount
                else 0
            end as missing_amount
        from orders
    ),

    summed as (
        select
            *,
            line_amount + missing_amount - discount_amount as goods_amount,
            coalesce(shipping_amount, 0) as charged_shipping
        from discounted
    )

    select
        *,
        case
            when total_tax is not null then total_tax
            when
                amount - goods_amount - charged_shipping - fee_amount
                - coalesce(known_tax, 0)
                between 0.01 and {_HIGHEST_TAX} * (
                    charged_shipping + if(known_tax is null, goods_amount, 0)
                )
                then amount - goods_amount - charged_shipping - fee_amount
            else known_tax
        end as tax_amount
    from summed
"""


# WebToffee's cells are "name:Mug|sku:MUG|quantity:2|total:18.00|sub_total:20.00".
def _packed(key: str, cell: str = "packed") -> str:
    return f"nullif(trim(regexp_extract({cell}, '(?:^|\\|)\\s*{key}:([^|]*)', 1)), '')"


_PACKED_LINES = f"""
    create temp table woo_lines as
    with cells as (
        select
            coalesce(nullif(trim(order_number), ''), order_id) as order_id,
            unnest([{{cells}}]) as packed,
            unnest(range(1, 1 + len([{{cells}}]))) as line_number,
            {PLACE}
        from packed_rows
    ),

    items as (
        select
            *,
            {_packed("sku")} as sku,
            coalesce({_packed("product_id")}, {_packed("id")}) as item_id,
            {_packed("name")} as product_name,
            try_cast({_packed("(?:quantity|qty)")} as {_QUANTITY}) as pieces,
            try_cast({_packed("total")} as {MONEY}) as amount,
            try_cast({_packed("sub_?total")} as {MONEY}) as full_amount
        from cells
        where packed is not null and trim(packed) <> ''
    ),

    priced as (
        select
            *,
            try_cast(full_amount / nullif(pieces, 0) as {MONEY}) as piece_amount
        from items
    )

    select
        *,
        coalesce(sku, item_id, product_name) as product_id,
        null as product_category,
        case
            when piece_amount * pieces = full_amount and full_amount >= amount
                then piece_amount
        end as unit_price,
        case when full_amount > amount then full_amount - amount else 0 end as discount
    from priced
"""

# coupon_items is "code:ten|amount:5.00"; several of them are separated by semicolons.
_PACKED_COUPONS = """
    nullif(array_to_string(list_transform(
        string_split(coupon_items, ';'),
        lambda coupon: nullif(
            trim(regexp_extract(coupon, '(?:^|\\|)\\s*(?:coupon_)?code:([^|]*)', 1)), ''
        )
    ), ', '), '')
"""

# Some versions of the plugin leave the tax on shipping out of tax_total; the order's
# total tells.
_PACKED_ORDERS = f"""
    create temp table woo_orders as
    with goods as (
        select order_id, {LOADED_FILE}, sum(amount) as goods_amount
        from woo_lines
        group by order_id, {LOADED_FILE}
    ),

    orders as (
        select
            coalesce(nullif(trim(order_number), ''), order_id) as order_id,
            * exclude (order_id)
        from packed_rows
    )

    select
        order_id,
        order_date as ordered_at,
        cast(null as timestamp) as updated_at,
        status,
        order_currency as currency,
        coalesce(nullif(trim(billing_email), ''), nullif(trim(customer_email), ''))
            as email,
        nullif(trim(customer_id), '0') as user_id,
        concat_ws(' ', billing_first_name, billing_last_name) as full_name,
        billing_phone as phone,
        billing_country as country,
        order_total as amount,
        shipping_total as shipping_amount,
        case
            when
                goods_amount + coalesce(shipping_total, 0) + coalesce(fee_total, 0)
                + tax_total + shipping_tax_total = order_total
                then tax_total + shipping_tax_total
            else tax_total
        end as tax_amount,
        refunded_total as refunded_amount,
        {_PACKED_COUPONS} as coupon_code,
        0 as discount_amount,
        cast(null as {MONEY}) as missing_amount,
        coalesce(fee_total, 0) as fee_amount,
        refund_items,
        {PLACE}
    from orders
    left join goods using (order_id, {LOADED_FILE})
"""

# refund_items is "amount:9.60|reason:broken|date:2025-05-09 14:00:00", and several of
# them are separated by semicolons.
_PACKED_REFUNDS = f"""
    with cells as (
        select
            order_id,
            unnest(string_split(refund_items, ';')) as packed,
            {PLACE}
        from woo_orders
        where refund_items is not null
    ),

    refunds as (
        select
            *,
            row_number() over (
                partition by order_id, {LOADED_FILE} order by {LOADED_ORDER}
            ) as refund_number,
            try_cast({_packed("amount")} as {MONEY}) as amount
        from cells
        where {_packed("amount")} is not null
    )

    select
        order_id || '-refund-' || refund_number as refund_id,
        order_id,
        try_cast({_packed("date")} as timestamp) as refunded_at,
        amount,
        {PLACE}
    from refunds
"""

_ORDERS = f"""
    select
        order_id,
        coalesce(email, user_id) as customer_id,
        ordered_at,
        updated_at,
        status,
        currency,
        amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        coupon_code,
        {PLACE}
    from woo_orders
"""

# Fees, and the money of pieces that the export leaves out, are lines without a product.
_ORDER_LINES = f"""
    select
        order_id,
        line_number,
        product_id,
        pieces as quantity,
        unit_price,
        discount,
        amount,
        'product' as line_type,
        {PLACE}
    from woo_lines
    where amount is not null and order_id is not null
    union all
    select
        order_id,
        100000 as line_number,
        null as product_id,
        1 as quantity,
        fee_amount as unit_price,
        0 as discount,
        fee_amount as amount,
        'charge' as line_type,
        {PLACE}
    from woo_orders
    where fee_amount <> 0
    union all
    select
        order_id,
        100001 as line_number,
        null as product_id,
        1 as quantity,
        missing_amount as unit_price,
        0 as discount,
        missing_amount as amount,
        'charge' as line_type,
        {PLACE}
    from woo_orders
    where missing_amount <> 0
"""

_CUSTOMERS = f"""
    select
        lower(coalesce(email, user_id)) as customer_id,
        any_value(lower(email)) as email,
        any_value(nullif(trim(full_name), '') order by ordered_at desc) as full_name,
        any_value(phone order by ordered_at desc) as phone,
        any_value(country order by ordered_at desc) as country,
        {FIRST_PLACE}
    from woo_orders
    where coalesce(email, user_id) is not null
    group by lower(coalesce(email, user_id))
"""

_PRODUCTS = f"""
    select
        product_id,
        any_value(product_name order by {LOADED_ORDER} desc) as product_name,
        any_value(product_category order by {LOADED_ORDER} desc) as category,
        {FIRST_PLACE}
    from woo_lines
    where product_id is not null
    group by product_id
"""

# A name is no key that tables may show, so a hash of it stands for the customer.
_ANALYTICS_NAME = """
    case
        when nullif(trim("Customer"), '') is not null
            then 'name-' || left(sha256(lower(trim("Customer"))), 16)
    end
"""

# A refund bears the number of its order and a day of its own. A refund of shipping only
# has no net sales.
_ANALYTICS_ROWS = """
    create temp table analytics_rows as
    select
        *,
        "Net Sales" < 0
        or (
            "Net Sales" = 0 and max("Net Sales") over (partition by "Order #") > 0
        ) as is_refund
    from analytics
"""

_ANALYTICS_ORDERS = f"""
    select
        "Order #" as order_id,
        {_ANALYTICS_NAME} as customer_id,
        "Date" as ordered_at,
        "Status" as status,
        "Net Sales" as amount,
        {PLACE}
    from analytics_rows
    where not is_refund
"""

_ANALYTICS_REFUNDS = f"""
    select
        "Order #" || '-refund-' || row_number() over (
            partition by "Order #", {LOADED_FILE} order by "Date", {LOADED_ORDER}
        ) as refund_id,
        "Order #" as order_id,
        "Date" as refunded_at,
        abs("Net Sales") as amount,
        {PLACE}
    from analytics_rows
    where is_refund and "Net Sales" < 0
"""

_ANALYTICS_CUSTOMERS = f"""
    select
        {_ANALYTICS_NAME} as customer_id,
        any_value("Customer" order by {LOADED_ORDER}) as full_name,
        {FIRST_PLACE}
    from analytics
    where nullif(trim("Customer"), '') is not null
    group by 1
"""


def read(reader: Reader, source: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name.

    `source` is one of the exports, or a folder of one kind of them, in parts. Raises
    LoadError if it holds several kinds: they would count the same orders twice.
    """
    kinds = find_kinds(reader, source, _KINDS)
    if len(kinds) > 1:
        files = "; ".join(
            f"{kind}: {', '.join(path.name for path in paths)}"
            for kind, paths in kinds.items()
        )
        raise LoadError(
            f"{source} holds several kinds of export ({files}), which tell of the same "
            "orders. Leave only one kind; the report Analytics > Orders knows least."
        )
    ((kind, paths),) = kinds.items()
    if kind == _ANALYTICS:
        return _read_analytics(reader, paths)
    if kind == _PACKED:
        return _read_packed(reader, paths)
    return _read_item_rows(reader, paths)


def _read_item_rows(reader: Reader, paths: Sequence[Path]) -> dict[str, str]:
    found = read_parts(reader, paths, _ITEM_COLUMNS, "item_rows")
    _require_customer(paths, found, "Email (Billing)", "Customer User ID")
    lines = {"Order Line (w/o tax)", "Order Line Total", "Item Cost"}
    if "Order Total Amount" not in found and not found & lines:
        raise LoadError(
            f"{paths[0].name} has neither Order Total Amount nor one of "
            f"{', '.join(sorted(lines))}: nothing says what an order cost. Export one."
        )
    reader.connection.execute(_ITEM_LINES)
    reader.connection.execute(_ITEM_ORDERS)
    return {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "customers": _CUSTOMERS,
        "products": _PRODUCTS,
    }


def _read_packed(reader: Reader, paths: Sequence[Path]) -> dict[str, str]:
    cells = _item_cells(reader, paths)
    columns = [*_PACKED_COLUMNS, *(optional(name) for name in _names_in(cells))]
    found = read_parts(reader, paths, columns, "packed_rows")
    _require_customer(paths, found, "billing_email", "customer_email", "customer_id")
    listed = ", ".join(_cell_sql(names) for names in cells) or "null"
    reader.connection.execute(_PACKED_LINES.format(cells=listed))
    _check_cells(reader)
    reader.connection.execute(_PACKED_ORDERS)
    return {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "refunds": _PACKED_REFUNDS,
        "customers": _CUSTOMERS,
        "products": _PRODUCTS,
    }


def _read_analytics(reader: Reader, paths: Sequence[Path]) -> dict[str, str]:
    read_parts(reader, paths, _ANALYTICS_COLUMNS, "analytics")
    reader.connection.execute(_ANALYTICS_ROWS)
    reader.note(
        f"{paths[0].name}: this report has neither e-mail addresses nor customer "
        "numbers, so customers of one name are one customer; an order's money is what "
        "its goods cost, without shipping and tax. A plugin's export says more."
    )
    return {
        "orders": _ANALYTICS_ORDERS,
        "refunds": _ANALYTICS_REFUNDS,
        "customers": _ANALYTICS_CUSTOMERS,
    }


def _require_customer(paths: Sequence[Path], found: set[str], *names: str) -> None:
    if not found & set(names):
        raise LoadError(
            f"{paths[0].name} has none of {', '.join(names)}: nothing says who bought. "
            "Export the orders with one of them."
        )


def _item_cells(reader: Reader, paths: Sequence[Path]) -> list[list[tuple[str, str]]]:
    """Return the columns of each item of an order, as pairs of a key and a name.

    An item is one column line_item_1, or several of Product Item 1 Name and so on.
    """
    packed: dict[int, list[tuple[str, str]]] = {}
    split: dict[int, list[tuple[str, str]]] = {}
    for path in paths:
        for name in reader.columns_of(path):
            if match := re.fullmatch(r"line_item_(\d+)", name, re.IGNORECASE):
                packed.setdefault(int(match[1]), [("", name)])
            elif match := re.fullmatch(
                r"Product Item (\d+) (SKU|id|Quantity|Total|Subtotal|Name)",
                name,
                re.IGNORECASE,
            ):
                cells = split.setdefault(int(match[1]), [])
                if (match[2].casefold(), name) not in cells:
                    cells.append((match[2].casefold(), name))
    items = packed or split
    return [items[number] for number in sorted(items)]


def _names_in(cells: Sequence[Sequence[tuple[str, str]]]) -> list[str]:
    return [name for item in cells for _, name in item]


def _cell_sql(item: Sequence[tuple[str, str]]) -> str:
    """Write the packed cell of an item, whose own columns may be several."""
    if item[0][0] == "":
        return quoted(item[0][1])
    pairs = ", ".join(f"'{key}:' || {quoted(name)}" for key, name in item)
    return f"nullif(concat_ws('|', {pairs}), '')"


def _check_cells(reader: Reader) -> None:
    wrong = reader.connection.execute(
        f"select {LOADED_FILE}, loaded_row, packed from woo_lines"
        " where amount is null or pieces is null"
        f" order by {LOADED_ORDER} limit 1"
    ).fetchone()
    if wrong:
        file, row, cell = wrong
        message = (
            f"{file}, row {row:,}: the item {cell!r} has no quantity and total such as "
            "quantity:2|total:18.00. Export the items again, or load the orders "
            "without items by load.py map."
        )
        reader.problems.append(Problem(file, message, row=row, value=cell))
