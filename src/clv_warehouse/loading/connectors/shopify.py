"""Reads Shopify's exports: orders, and where they are given customers and products.

The orders export has a row for each line of an order. Only the first row of an order
holds the order's own cells, such as its status and its total; the rows after it repeat
Name, Email and Created at. The export has no customer number: a customer is an e-mail
address, or a phone number where there is none.

https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders
"""

from pathlib import Path

from clv_warehouse.loading.connectors.exports import (
    MONEY,
    empty,
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
    PROVENANCE,
    Reader,
)

_KINDS = {
    "the orders export": ("Name", "Created at", "Lineitem price"),
    "the products export": ("Handle", "Variant SKU"),
    "the customers export": ("First Name", "Last Name", "Email", "Total Spent"),
}

_ORDERS_EXPORT = (
    Column("Name"),
    Column("Financial Status"),
    Column("Created at", "timestamp"),
    Column("Lineitem quantity", "decimal(12,3)"),
    Column("Lineitem price", MONEY),
    optional("Email"),
    optional("Phone"),
    optional("Id"),
    optional("Paid at", "timestamp"),
    optional("Cancelled at", "timestamp"),
    optional("Currency"),
    optional("Subtotal", MONEY),
    optional("Shipping", MONEY),
    optional("Taxes", MONEY),
    optional("Duties", MONEY),
    optional("Total", MONEY),
    optional("Discount Code"),
    optional("Discount Amount", MONEY),
    optional("Refunded Amount", MONEY),
    optional("Outstanding Balance", MONEY),
    optional("Payment Method"),
    optional("Source"),
    optional("Tags"),
    optional("Lineitem name"),
    optional("Lineitem sku"),
    optional("Lineitem discount", MONEY),
    optional("Billing Name"),
    optional("Billing Country"),
    optional("Shipping Name"),
    optional("Shipping Country"),
)

_CUSTOMERS_EXPORT = (
    Column("Email"),
    Column("First Name"),
    Column("Last Name"),
    optional("Customer ID"),
    optional("Phone", "varchar", "Default Address Phone"),
    optional("Default Address Country Code", "varchar", "Country Code", "Country"),
)

_PRODUCTS_EXPORT = (
    Column("Handle"),
    Column("Variant SKU"),
    optional("Title"),
    optional("Type"),
    optional("Product Category"),
    optional("Option1 Value"),
    optional("Option2 Value"),
    optional("Option3 Value"),
    optional("Variant Price", MONEY),
    optional("Variant Inventory Qty", "decimal(12,3)"),
    optional("Cost per item", MONEY),
)


# Spreadsheets write an apostrophe before texts that look like numbers.
def _text(column: str) -> str:
    return f"nullif(ltrim(trim({column}), ''''), '')"


# One row per row of the export. Rows of an order have its Name and its time of creation
# in common; a Name alone is not enough: files of two shops may both have #1001. A file
# that holds an order again, because exports overlap, holds a version of it. A file that
# begins in the middle of an order goes on with the version before it.
_ROWS = f"""
    create temp table shopify_rows as
    with named as (
        select
            *,
            last_value("Name" ignore nulls) over (
                partition by {LOADED_FILE} order by {LOADED_ORDER}
            ) as order_name,
            coalesce("Id", "Financial Status", cast("Total" as varchar)) is not null
                as has_order_cells
        from orders_export
    ),

    dated as (
        select
            *,
            last_value("Created at" ignore nulls) over (
                partition by {LOADED_FILE}, order_name order by {LOADED_ORDER}
            ) as created_at
        from named
    ),

    identified as (
        select
            *,
            max({_text('"Id"')}) over (
                partition by order_name, created_at
            ) as shopify_id,
            has_order_cells and row_number() over (
                partition by order_name, created_at, has_order_cells, {LOADED_FILE}
                order by {LOADED_ORDER}
            ) = 1 as is_first_row
        from dated
    ),

    names as (
        select
            order_name,
            count(distinct created_at) as orders
        from identified
        where shopify_id is null
        group by order_name
    )

    select
        identified.*,
        case
            when shopify_id is not null then shopify_id
            when names.orders > 1
                then order_name || '@' || strftime(created_at, '%Y-%m-%dT%H:%M:%S')
            else order_name
        end as order_id,
        count_if(is_first_row) over (
            partition by order_name, created_at order by {LOADED_ORDER}
        ) as version,
        coalesce(nullif(trim("Email"), ''), {_text('"Phone"')}) as customer_id,
        coalesce({_text('"Lineitem sku"')}, nullif(trim("Lineitem name"), ''))
            as product_id,
        coalesce("Lineitem quantity", 0) * coalesce("Lineitem price", 0) as line_amount,
        abs(coalesce("Lineitem discount", 0)) as line_discount,
        {_text('"Lineitem sku"')} is null
            and coalesce(lower(trim("Lineitem name")), '') = 'tip' as is_tip
    from identified
    left join names using (order_name)
"""

# One row per version of an order. Subtotal is what the goods cost after all discounts,
# so what the lines cost more is the discount of the order as a whole. Discount Amount
# holds the discounts of lines as well; it is read only where there is no Subtotal.
# Where lines cost less than Subtotal once their discounts are taken off, but not before
# that, their prices are discounted already. A tip is a line, but Subtotal may leave it
# out. Total tells whether a discount made the shipping free.
_VERSIONS = f"""
    create temp table shopify_orders as
    with versions as (
        select
            order_id,
            version,
            any_value(customer_id order by {LOADED_ORDER}) as customer_id,
            any_value(created_at order by {LOADED_ORDER}) as created_at,
            {first_told("Paid at")} as paid_at,
            {first_told("Cancelled at")} as cancelled_at,
            lower(trim({first_told("Financial Status")})) as financial_status,
            lower({first_told("Payment Method")}) as payment_method,
            {first_told("Currency")} as currency,
            {first_told("Subtotal")} as subtotal,
            {first_told("Shipping")} as shipping,
            case
                when {first_told("Duties")} is null then {first_told("Taxes")}
                else coalesce({first_told("Taxes")}, 0) + {first_told("Duties")}
            end as tax,
            {first_told("Total")} as total,
            {first_told("Discount Amount")} as discount_amount,
            {_text(first_told("Discount Code"))} as coupon_code,
            lower(trim({first_told("Source")})) as sales_channel,
            {first_told("Tags")} as tags,
            {first_told("Refunded Amount")} as refunded_amount,
            {first_told("Outstanding Balance")} as outstanding_balance,
            coalesce({first_told("Billing Name")}, {first_told("Shipping Name")})
                as full_name,
            coalesce({first_told("Billing Country")}, {first_told("Shipping Country")})
                as country,
            {_text(first_told("Phone"))} as phone,
            sum(line_amount) as line_amount,
            sum(case when is_tip then line_amount else 0 end) as tips,
            sum(line_discount) as line_discounts,
            {FIRST_PLACE}
        from shopify_rows
        group by order_id, version
    ),

    compared as (
        select
            *,
            line_amount - tips - line_discounts - subtotal as without_tips,
            line_amount - tips - subtotal as before_discounts,
            total - subtotal as beside_goods,
            coalesce(tax, 0) as tax_or_none
        from versions
    )

    select
        *,
        coalesce(without_tips < 0 and before_discounts >= 0, false)
            as is_discount_in_price,
        greatest(
            case
                when subtotal is null then abs(discount_amount) - line_discounts
                when without_tips >= 0 then without_tips
                when before_discounts >= 0 then before_discounts
                else without_tips + tips
            end,
            0
        ) as order_discount,
        case
            when
                beside_goods in (0, tax_or_none, tips, tax_or_none + tips)
                and beside_goods - shipping
                not in (0, tax_or_none, tips, tax_or_none + tips)
                then 0
            else shipping
        end as shipping_amount
    from compared
"""

# A cancelled order that was paid keeps its status: what of its money went back stands
# in Refunded Amount, and it went back when the order was cancelled. Orders of Shopify's
# test gateway are paid with "Bogus Gateway".
_ORDERS = f"""
    select
        order_id,
        customer_id,
        created_at as ordered_at,
        cancelled_at as updated_at,
        case
            when payment_method like '%bogus%' then 'test'
            when
                cancelled_at is not null
                and coalesce(financial_status, 'pending')
                in ('pending', 'authorized', 'unpaid', 'expired')
                then 'cancelled'
            when financial_status is null and paid_at is not null then 'paid'
            else financial_status
        end as status,
        currency,
        total as amount,
        order_discount as discount_amount,
        shipping_amount,
        tax as tax_amount,
        refunded_amount,
        coupon_code,
        sales_channel,
        tags,
        {PLACE}
    from shopify_orders
"""

_ORDER_LINES = f"""
    select
        lines.order_id,
        row_number() over (
            partition by lines.order_id, lines.version
            order by lines.{LOADED_ORDER}
        ) as line_number,
        case when not lines.is_tip then lines.product_id end as product_id,
        lines."Lineitem quantity" as quantity,
        lines."Lineitem price" as unit_price,
        case
            when orders.is_discount_in_price then 0 else lines.line_discount
        end as discount,
        if(lines.is_tip, 'tip', 'product') as line_type,
        {", ".join(f"lines.{name}" for name in PROVENANCE)}
    from shopify_rows as lines
    inner join shopify_orders as orders using (order_id, version)
    where
        lines."Lineitem quantity" is not null
        or lines."Lineitem price" is not null
        or lines.product_id is not null
"""

# What the customers export says of a customer holds, then the customer's last order.
_CUSTOMERS = f"""
    with said as (
        select
            coalesce(
                nullif(trim("Email"), ''),
                {_text('"Phone"')},
                {_text('"Customer ID"')}
            ) as customer_id,
            "Email" as email,
            trim(concat_ws(' ', "First Name", "Last Name")) as full_name,
            {_text('"Phone"')} as phone,
            "Default Address Country Code" as country,
            0 as source,
            {LOADED_ORDER} as age,
            {PLACE}
        from customers_export
        union all
        select
            customer_id,
            if(contains(customer_id, '@'), customer_id, null) as email,
            full_name,
            phone,
            country,
            1 as source,
            0 - epoch(created_at) as age,
            {PLACE}
        from shopify_orders
    )

    select
        lower(trim(customer_id)) as customer_id,
        any_value(lower(trim(email)) order by source, age) as email,
        any_value(nullif(full_name, '') order by source, age) as full_name,
        any_value(phone order by source, age) as phone,
        any_value(country order by source, age) as country,
        {FIRST_PLACE}
    from said
    where customer_id is not null
    group by lower(trim(customer_id))
"""

# Lines name a variant without a SKU as "Title - Option 1 / Option 2". Only the first
# row of a Handle bears its title and type. Rows without price and SKU are images.
_PRODUCTS = f"""
    with filled as (
        select
            *,
            any_value("Title") over same_handle as handle_title,
            coalesce(
                any_value("Type") over same_handle,
                any_value("Product Category") over same_handle
            ) as category
        from products_export
        window same_handle as (partition by {LOADED_FILE}, "Handle")
    ),

    variants as (
        select
            *,
            {_text('"Variant SKU"')} as sku,
            concat_ws(
                ' - ',
                handle_title,
                nullif(
                    concat_ws(
                        ' / ',
                        nullif("Option1 Value", 'Default Title'),
                        "Option2 Value",
                        "Option3 Value"
                    ),
                    ''
                )
            ) as variant_name
        from filled
        where "Variant SKU" is not null or "Variant Price" is not null
    ),

    said as (
        select
            coalesce(sku, nullif(variant_name, '')) as product_id,
            nullif(variant_name, '') as product_name,
            category,
            "Cost per item" as unit_cost,
            "Variant Inventory Qty" as stock,
            0 as source,
            {PLACE}
        from variants
        union all
        select
            product_id,
            "Lineitem name" as product_name,
            null as category,
            null as unit_cost,
            null as stock,
            1 as source,
            {PLACE}
        from shopify_rows
        where not is_tip
    )

    select
        product_id,
        any_value(product_name order by source, {LOADED_ORDER} desc) as product_name,
        any_value(category order by source, {LOADED_ORDER} desc) as category,
        any_value(unit_cost order by source, {LOADED_ORDER} desc) as unit_cost,
        any_value(stock order by source, {LOADED_ORDER} desc) as stock,
        {FIRST_PLACE}
    from said
    where product_id is not null
    group by product_id
"""


def read(reader: Reader, source: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name.

    `source` is the orders export, or a folder with it, in one file or in parts, and
    with the customers export and the products export where they are given. Raises
    LoadError if the orders export has neither Email nor Phone.
    """
    kinds = find_kinds(reader, source, _KINDS)
    orders = kinds.get("the orders export")
    if orders is None:
        raise LoadError(
            f"{source} holds no orders export: no file has the columns "
            f"{', '.join(_KINDS['the orders export'])}. Export the orders too."
        )
    found = read_parts(reader, orders, _ORDERS_EXPORT, "orders_export")
    if not found & {"Email", "Phone"}:
        raise LoadError(
            f"{orders[0].name} has neither Email nor Phone: nothing says who bought. "
            "Export the orders with one of them."
        )
    for kind, columns, view in (
        ("the customers export", _CUSTOMERS_EXPORT, "customers_export"),
        ("the products export", _PRODUCTS_EXPORT, "products_export"),
    ):
        if kind in kinds:
            read_parts(reader, kinds[kind], columns, view)
        else:
            empty(reader, columns, view)
    reader.connection.execute(_ROWS)
    reader.connection.execute(_VERSIONS)
    _doubt_money(reader, orders[0].name, found)
    return {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "customers": _CUSTOMERS,
        "products": _PRODUCTS,
    }


def _doubt_money(reader: Reader, file: str, found: set[str]) -> None:
    """Tell of money that the export does not tell in full."""
    ((orders, owed, refunded),) = reader.connection.execute(
        """
        select
            count_if(
                financial_status = 'partially_paid' and outstanding_balance > 0
            ),
            sum(outstanding_balance) filter (where financial_status = 'partially_paid'),
            count_if(
                financial_status = 'partially_refunded'
                and coalesce(refunded_amount, 0) = 0
            )
        from shopify_orders
        """
    ).fetchall()
    if orders:
        reader.note(
            f"{orders:,} orders are partly paid and count in full; {owed:,.2f} of them "
            "is still owed"
        )
    if refunded:
        column = "Refunded Amount"
        message = (
            f"{file}: {refunded:,} orders are partly refunded, but "
            + (
                f"their {column} is 0 or empty"
                if column in found
                else f"the export has no column {column}"
            )
            + ": they count in full. Export them again with all columns."
        )
        reader.doubts.append(Problem(file, message, column, count=refunded))
