"""Reads the Shopify tables that a pipeline writes into the warehouse, where they are.

Two pipelines are known: Fivetran's connector, by REST and by GraphQL, and the verified
source of dlt. The columns are those that fivetran/dbt_shopify_source and
fivetran/dbt_shopify list; sources/shopify_dlt of dlt-hub/verified-sources writes the
orders of Shopify's Admin REST API as they come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import duckdb

from clv_warehouse.loading.problems import LoadError
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import quoted

# What a column of ours holds, and how the SQL reads it from any type.
_READ: dict[str, Callable[[str, str], str]] = {
    # Ids are numbers in one pipeline and text in another.
    "text": lambda value, _: f"nullif(trim(cast({value} as varchar)), '')",
    # Staging reads this money, and rejects what is no number.
    "money": lambda value, _: value,
    "number": lambda value, _: f"try_cast({value} as double)",
    "flag": lambda value, _: f"coalesce(try_cast({value} as boolean), false)",
    # Pipelines write instants; where the type has no zone, they are in UTC.
    "time": lambda value, type_: (
        f"timezone('UTC', {value})"
        if type_ == "TIMESTAMP"
        else f"try_cast({value} as timestamptz)"
    ),
}


@dataclass(frozen=True)
class _Column:
    """A column of ours, and the names that a pipeline may give it, the best first."""

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Table:
    """A table of a pipeline, by the names that it may have.

    dlt puts the items of a list into a table of their own: `parent` names the table of
    the record that held the list, and our column for that record's id.
    """

    names: tuple[str, ...]
    columns: Mapping[str, _Column]
    is_required: bool = False
    parent: tuple[str, str] | None = None


@dataclass(frozen=True)
class Layout:
    """The Shopify tables that one pipeline writes."""

    pipeline: str
    tables: Mapping[str, _Table] = field(default_factory=dict)

    def queries(
        self, connection: duckdb.DuckDBPyConnection, schema: str, report: Report
    ) -> dict[str, str]:
        """Return the query of each feed over the tables of `schema`.

        The default database of `connection` holds the schema. Tables and columns that
        may be absent are empty. Raises LoadError, naming what there is, where a table
        or column that is needed is absent.
        """
        there = _tables_of(connection, schema)
        views = []
        found = set()
        for name, table in self.tables.items():
            real = next((each for each in table.names if each in there), None)
            if real is None and table.is_required:
                raise LoadError(
                    f"Schema {schema} has no table {' or '.join(table.names)}, which "
                    f"the layout of {self.pipeline} needs. It has: "
                    f"{', '.join(sorted(there)) or 'no tables'}. Give the schema that "
                    "the pipeline writes, or another --layout."
                )
            if real is None:
                views.append(f"{name} as ({_empty(table)})")
                continue
            found.add(name)
            views.append(f"{name} as ({self._select(schema, real, table, there)})")
            _report_deleted(connection, schema, real, there[real], report)
        _report_absent(self.tables, found, schema, report)
        with_views = "with " + ", ".join(views)
        feeds = {
            feed: f"{with_views} {query}"
            for feed, (needed, query) in _FEEDS.items()
            if needed & found
        }
        return feeds

    def _select(
        self, schema: str, real: str, table: _Table, there: dict[str, dict[str, str]]
    ) -> str:
        types = there[real]
        selected = []
        for name, column in table.columns.items():
            known = next((each for each in column.names if each in types), None)
            if known is None:
                if name in ("id", "order_id") and table.is_required:
                    raise LoadError(
                        f"Table {schema}.{real} has no column "
                        f"{' or '.join(column.names)}. It has: {', '.join(types)}. Is "
                        f"it a table of {self.pipeline}?"
                    )
                selected.append(f"{_nothing(column)} as {name}")
                continue
            value = _READ[column.kind](f"rows.{quoted(known)}", types[known])
            selected.append(f"{value} as {name}")
        source = f"{quoted(schema)}.{quoted(real)} as rows"
        if table.parent is not None:
            parent, key = table.parent
            held = self.tables[parent]
            names = [each for each in held.names if each in there]
            if names:
                source += (
                    f" inner join {quoted(schema)}.{quoted(names[0])} as parents"
                    " on rows._dlt_parent_id = parents._dlt_id"
                )
                selected.append(f"cast(parents.id as varchar) as {key}")
            else:
                selected.append(f"cast(null as varchar) as {key}")
        # A deleted order stays until its lines and refunds are left out with it.
        keeps_deleted = "is_deleted" in table.columns
        deleted = (
            " where not coalesce(rows._fivetran_deleted, false)"
            if "_fivetran_deleted" in types and not keeps_deleted
            else ""
        )
        return f"select {', '.join(selected)} from {source}{deleted}"


def _tables_of(
    connection: duckdb.DuckDBPyConnection, schema: str
) -> dict[str, dict[str, str]]:
    """Return the types of the columns of each table of a schema, by their names."""
    rows = connection.execute(
        "select lower(table_name), lower(column_name), data_type"
        " from information_schema.columns"
        " where table_catalog = current_database()"
        " and lower(table_schema) = lower(?) order by table_name, ordinal_position",
        [schema],
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        tables.setdefault(table, {})[column] = data_type
    if not tables:
        schemas = connection.execute(
            "select distinct table_schema from information_schema.tables"
            " where table_catalog = current_database() order by 1"
        ).fetchall()
        raise LoadError(
            f"The warehouse has no schema {schema} with tables. It has: "
            f"{', '.join(name for (name,) in schemas) or 'none'}. Let the pipeline "
            "write into the same file, or name another schema."
        )
    return tables


def _report_deleted(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    types: dict[str, str],
    report: Report,
) -> None:
    if "_fivetran_deleted" not in types:
        return
    ((deleted,),) = connection.execute(
        f"select count(*) from {quoted(schema)}.{quoted(table)} where _fivetran_deleted"
    ).fetchall()
    if deleted:
        report(
            f"{schema}.{table}: {deleted:,} rows left out, which Shopify has deleted"
            " (_fivetran_deleted)"
        )


def _report_absent(
    tables: Mapping[str, _Table], found: set[str], schema: str, report: Report
) -> None:
    absent = [table.names[0] for name, table in tables.items() if name not in found]
    if absent:
        report(f"{schema}: tables not there, read as empty: {', '.join(absent)}")
    if not {"shop_refunds", "transactions"} & found:
        report(
            f"{schema}: no table of refunds or transactions: only an order's status"
            " tells that money went back"
        )


def _empty(table: _Table) -> str:
    columns = [
        f"{_nothing(column)} as {name}" for name, column in table.columns.items()
    ]
    if table.parent is not None:
        columns.append(f"cast(null as varchar) as {table.parent[1]}")
    return f"select {', '.join(columns)} where false"


def _nothing(column: _Column) -> str:
    types = {
        "text": "varchar",
        "money": "decimal(18, 4)",
        "number": "double",
        "flag": "boolean",
        "time": "timestamptz",
    }
    value = "false" if column.kind == "flag" else "null"
    return f"cast({value} as {types[column.kind]})"


def _text(*names: str) -> _Column:
    return _Column("text", names)


def _money(*names: str) -> _Column:
    return _Column("money", names)


def _number(*names: str) -> _Column:
    return _Column("number", names)


def _flag(*names: str) -> _Column:
    return _Column("flag", names)


def _time(*names: str) -> _Column:
    return _Column("time", names)


def _in_address(name: str) -> str:
    """Write the SQL of a parameter in the address at which a visit began."""
    value = f"regexp_extract(landing_site, '[?&]{name}=([^&#]*)', 1)"
    return f"nullif(url_decode(replace({value}, '+', ' ')), '')"


# The subtotal is what the goods cost after every discount, the order's own among them.
# The total adds shipping, tip and, unless prices hold it, tax. So what the lines do not
# tell follows from both: REST's total_discount of a line leaves out discounts of the
# order, and a code for free shipping shows neither in a line nor in a shipping price.
_ORDERS = """
    , goods as (
        select
            order_id,
            sum(quantity * try_cast(price as double)) as gross,
            sum(coalesce(try_cast(total_discount as double), 0)) as line_discounts
        from line_items
        group by order_id
    ),

    shipping as (
        select order_id, sum(price) as price from shipping_lines group by order_id
    ),

    known as (
        select
            shop_orders.*,
            goods.gross - goods.line_discounts - subtotal_price as order_discount,
            total_discounts - coalesce(goods.line_discounts, 0) as other_discounts,
            coalesce(
                shipping.price,
                total_shipping,
                try_cast(
                    shipping_json ->> '$.shop_money.amount' as double
                )
            ) as shipping_price,
            try_cast(total_price as double) - subtotal_price
            - coalesce(try_cast(total_tip as double), 0)
            - if(
                taxes_included, 0, coalesce(try_cast(total_tax as double), 0)
            ) as rest
        from shop_orders
        left join goods on goods.order_id = shop_orders.id
        left join shipping on shipping.order_id = shop_orders.id
        where not is_deleted
    )

    select
        id as order_id,
        coalesce(customer_id, lower(email), phone) as customer_id,
        coalesce(processed_at, created_at) as ordered_at,
        updated_at,
        case
            when is_test then 'test'
            when
                cancelled_at is not null
                and coalesce(lower(financial_status), 'pending')
                in ('pending', 'authorized', 'expired', 'voided')
                then 'cancelled'
            else financial_status
        end as status,
        currency,
        total_price as amount,
        case
            when order_discount is null then nullif(round(other_discounts, 4), 0)
            when order_discount > 0.005 then round(order_discount, 4)
        end as discount_amount,
        nullif(
            round(
                if(
                    rest between 0 and coalesce(shipping_price, rest) + 0.005,
                    rest,
                    shipping_price
                ),
                4
            ),
            0
        ) as shipping_amount,
        total_tax as tax_amount,
        total_tip as tip_amount,
        lower(source_name) as sales_channel,
        tags,
        {source} as utm_source,
        {medium} as utm_medium,
        {campaign} as utm_campaign,
        {click} as click_id
    from known
""".format(
    source=_in_address("utm_source"),
    medium=_in_address("utm_medium"),
    campaign=_in_address("utm_campaign"),
    click=_in_address("(?:gclid|fbclid|msclkid|ttclid)"),
)

_ORDER_LINES = """
    select
        order_id,
        cast(
            row_number() over (partition by order_id order by place, length(id), id)
            as integer
        ) as line_number,
        coalesce(product_id, sku) as product_id,
        quantity,
        price as unit_price,
        total_discount as discount
    from line_items
    where
        order_id is null
        or order_id not in (select id from shop_orders where is_deleted)
"""

# The money of a refund is what its transactions paid back. A refund without one took
# lines off an order that nobody had paid, or restocked them: then it is its lines, from
# which an adjustment of the order, with the sign of the order's total, takes its share.
_REFUNDS = """
    , paid_back as (
        select
            *,
            coalesce(processed_at, created_at) as paid_at,
            if(coalesce(lower(status), 'success') = 'success', amount, 0) as paid
        from transactions
        where lower(kind) = 'refund'
    ),

    paid_by_refund as (
        select refund_id, sum(paid) as amount, min(paid_at) as paid_at
        from paid_back
        group by refund_id
    ),

    lines_by_refund as (
        select refund_id, sum(subtotal) as subtotal, sum(total_tax) as tax
        from refund_lines
        group by refund_id
    ),

    adjusted as (
        select
            refund_id,
            sum(coalesce(amount, 0)) as amount,
            sum(coalesce(tax_amount, 0)) as tax
        from adjustments
        group by refund_id
    ),

    all_refunds as (
        select
            shop_refunds.id as refund_id,
            shop_refunds.order_id,
            coalesce(
                paid_by_refund.paid_at,
                shop_refunds.processed_at,
                shop_refunds.created_at
            ) as refunded_at,
            coalesce(
                paid_by_refund.amount,
                coalesce(lines_by_refund.subtotal, 0) - coalesce(adjusted.amount, 0)
                + if(
                    coalesce(shop_orders.taxes_included, false),
                    0,
                    coalesce(lines_by_refund.tax, 0) - coalesce(adjusted.tax, 0)
                )
            ) as amount
        from shop_refunds
        left join shop_orders on shop_orders.id = shop_refunds.order_id
        left join paid_by_refund on paid_by_refund.refund_id = shop_refunds.id
        left join lines_by_refund on lines_by_refund.refund_id = shop_refunds.id
        left join adjusted on adjusted.refund_id = shop_refunds.id
        union all
        select
            'transaction ' || id as refund_id,
            order_id,
            paid_at as refunded_at,
            paid as amount
        from paid_back
        where
            refund_id is null
            or refund_id not in (select id from shop_refunds where id is not null)
    )

    select refund_id, order_id, refunded_at, round(amount, 4) as amount
    from all_refunds
    where
        round(amount, 4) > 0
        and (
            order_id is null
            or order_id not in (select id from shop_orders where is_deleted)
        )
"""

_CUSTOMERS = """
    select
        id as customer_id,
        email,
        nullif(concat_ws(' ', first_name, last_name), '') as full_name,
        phone,
        country,
        created_at as signed_up_at
    from shop_customers
"""

# A line names its product, a cost belongs to a variant of it: a product costs what its
# variants cost on average.
_PRODUCTS = """
    , costs as (
        select variants.product_id, avg(inventory.cost) as unit_cost
        from variants
        inner join inventory on inventory.id = variants.inventory_item_id
        group by variants.product_id
    )

    select
        shop_products.id as product_id,
        shop_products.title as product_name,
        shop_products.product_type as category,
        round(costs.unit_cost, 4) as unit_cost,
        shop_products.published_at as launched_at
    from shop_products
    left join costs on costs.product_id = shop_products.id
"""

# By feed: the tables of which it needs one, and its query.
_FEEDS: dict[str, tuple[set[str], str]] = {
    "orders": ({"shop_orders"}, _ORDERS),
    "order_lines": ({"line_items"}, _ORDER_LINES),
    "refunds": ({"shop_refunds", "transactions"}, _REFUNDS),
    "customers": ({"shop_customers"}, _CUSTOMERS),
    "products": ({"shop_products"}, _PRODUCTS),
}

# Columns whose names are the same in all layouts, or that only differ by GraphQL's.
_ORDER = {
    "id": _text("id"),
    "customer_id": _text("customer_id", "customer__id"),
    "email": _text("email", "contact_email", "customer__email"),
    "phone": _text("phone", "customer__phone"),
    "processed_at": _time("processed_at"),
    "created_at": _time("created_at"),
    "updated_at": _time("updated_at"),
    "cancelled_at": _time("cancelled_at"),
    "financial_status": _text("financial_status", "display_financial_status"),
    "is_test": _flag("test"),
    "currency": _text("currency", "currency_code"),
    "taxes_included": _flag("taxes_included"),
    "total_price": _money("total_price", "total_price_set_shop_amount"),
    "subtotal_price": _number("subtotal_price", "subtotal_price_set_shop_amount"),
    "total_discounts": _number("total_discounts", "total_discounts_set_shop_amount"),
    "total_tax": _money("total_tax", "total_tax_set_shop_amount"),
    "total_tip": _money("total_tip_received", "total_tip_received_set_shop_amount"),
    "total_shipping": _number(
        "total_shipping_price_set_shop_amount",
        "total_shipping_price_set__shop_money__amount",
    ),
    # Fivetran's REST tables hold it as JSON.
    "shipping_json": _text("total_shipping_price_set"),
    "source_name": _text("source_name"),
    "tags": _text("tags"),
    "landing_site": _text("landing_site", "landing_site_base_url"),
    "is_deleted": _flag("_fivetran_deleted"),
}
_LINE = {
    "id": _text("id"),
    "place": _number("index", "_dlt_list_idx"),
    "product_id": _text("product_id"),
    "sku": _text("sku"),
    "quantity": _number("quantity"),
    "price": _money("price", "original_unit_price_set_shop_amount"),
    "total_discount": _money("total_discount", "total_discount_set_shop_amount"),
}
_SHIPPING = {
    "price": _number(
        "discounted_price",
        "discounted_price_set_shop_amount",
        "price",
        "original_price_set_shop_amount",
    ),
}
_REFUND = {
    "id": _text("id"),
    "processed_at": _time("processed_at"),
    "created_at": _time("created_at"),
}
_REFUND_LINE = {
    "subtotal": _number("subtotal", "subtotal_set_shop_amount"),
    "total_tax": _number("total_tax", "total_tax_set_shop_amount"),
}
_TRANSACTION = {
    "id": _text("id"),
    "order_id": _text("order_id"),
    "kind": _text("kind"),
    "status": _text("status"),
    "amount": _number("amount", "amount_set_shop_amount"),
    "processed_at": _time("processed_at"),
    "created_at": _time("created_at"),
}
_ADJUSTMENT = {
    "amount": _number("amount", "amount_set_shop_amount"),
    "tax_amount": _number("tax_amount", "tax_amount_set_shop_amount"),
}
_CUSTOMER = {
    "id": _text("id"),
    "email": _text("email"),
    "first_name": _text("first_name"),
    "last_name": _text("last_name"),
    "phone": _text("phone"),
    "created_at": _time("created_at"),
    "country": _text("default_address__country", "default_address_country"),
}
_PRODUCT = {
    "id": _text("id"),
    "title": _text("title"),
    "product_type": _text("product_type"),
    "published_at": _time("published_at"),
}
_VARIANT = {
    "product_id": _text("product_id"),
    "inventory_item_id": _text("inventory_item_id"),
}
_INVENTORY = {"id": _text("id"), "cost": _number("cost", "unit_cost_amount")}

_OF_ORDER = {"order_id": _text("order_id")}
_OF_REFUND = {"refund_id": _text("refund_id")}

LAYOUTS = {
    "fivetran_shopify": Layout(
        "Fivetran",
        {
            "shop_orders": _Table(("order",), _ORDER, is_required=True),
            "line_items": _Table(("order_line",), _OF_ORDER | _LINE),
            "shipping_lines": _Table(("order_shipping_line",), _OF_ORDER | _SHIPPING),
            "shop_refunds": _Table(("refund",), _OF_ORDER | _REFUND),
            "refund_lines": _Table(("order_line_refund",), _OF_REFUND | _REFUND_LINE),
            "transactions": _Table(("transaction",), _OF_REFUND | _TRANSACTION),
            "adjustments": _Table(("order_adjustment",), _OF_REFUND | _ADJUSTMENT),
            "shop_customers": _Table(("customer",), _CUSTOMER),
            "shop_products": _Table(("product",), _PRODUCT),
            "variants": _Table(("product_variant",), _VARIANT),
            "inventory": _Table(("inventory_item",), _INVENTORY),
        },
    ),
    "dlt_shopify": Layout(
        "dlt",
        {
            "shop_orders": _Table(("orders",), _ORDER, is_required=True),
            "line_items": _Table(
                ("orders__line_items",), _LINE, parent=("shop_orders", "order_id")
            ),
            "shipping_lines": _Table(
                ("orders__shipping_lines",),
                _SHIPPING,
                parent=("shop_orders", "order_id"),
            ),
            "shop_refunds": _Table(
                ("orders__refunds",), _REFUND, parent=("shop_orders", "order_id")
            ),
            "refund_lines": _Table(
                ("orders__refunds__refund_line_items",),
                _REFUND_LINE,
                parent=("shop_refunds", "refund_id"),
            ),
            "transactions": _Table(
                ("orders__refunds__transactions",),
                _TRANSACTION,
                parent=("shop_refunds", "refund_id"),
            ),
            "adjustments": _Table(
                ("orders__refunds__order_adjustments",),
                _ADJUSTMENT,
                parent=("shop_refunds", "refund_id"),
            ),
            "shop_customers": _Table(("customers",), _CUSTOMER),
            "shop_products": _Table(("products",), _PRODUCT),
            "variants": _Table(("products__variants",), _VARIANT),
            "inventory": _Table(("inventory_items",), _INVENTORY),
        },
    ),
}
