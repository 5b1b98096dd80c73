"""Reads Google Analytics 4: its BigQuery export as JSON lines, Parquet or flat CSV.

An event of JSON lines or Parquet holds lists, of parameters and of items. A flat file
has a row for each item of an event, which repeats the event's own cells, and a row for
an event without items. Times are microseconds in UTC.

https://support.google.com/analytics/answer/7029846 and
https://developers.google.com/analytics/devguides/collection/ga4/reference/events
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from clv_warehouse.loading.connectors.exports import MONEY, files_of, optional
from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.files import kind_of
from clv_warehouse.loading.problems import LoadError, Problem
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    LOADED_FILE,
    LOADED_ORDER,
    LOADED_ROW,
    PLACE,
    PROVENANCE,
    Reader,
)
from clv_warehouse.loading.texts import file_literal, shortened
from clv_warehouse.project.macros import sql_of

_JSON = (".json", ".jsonl", ".ndjson")


def _parameter(name: str, data_type: str = "varchar", *aliases: str) -> Column:
    """Return an optional column of an event's parameter, as people call it."""
    prefixes = ("event_params.", "event_params_", "event_param_", "params.", "ep_")
    more = [prefix + name for prefix in (*prefixes, "ecommerce.", "ecommerce_")]
    more += [prefix + alias for alias in aliases for prefix in ("", "ecommerce.")]
    return optional(name, data_type, *more)


def _item(name: str, data_type: str = "varchar", *aliases: str) -> Column:
    more = [f"items.{name}", f"items_{name}", f"item.{name}", *aliases]
    return optional(name, data_type, *more)


_ITEM_COLUMNS = (
    _item("item_id"),
    _item("item_name"),
    _item("item_category"),
    _item("price", MONEY, "item_price"),
    _item("quantity", "decimal(12,3)", "item_quantity"),
    _item("item_revenue", MONEY),
    _item("item_refund", MONEY),
    _item("index", "integer", "item_list_index"),
)
_PARAMETERS = (
    _parameter("ga_session_id", "varchar", "session_id"),
    _parameter("transaction_id"),
    _parameter("value", MONEY, "purchase_revenue"),
    _parameter("refund_value", MONEY),
    _parameter("currency"),
    _parameter("tax", MONEY, "tax_value"),
    _parameter("shipping", MONEY, "shipping_value"),
    _parameter("coupon"),
    _parameter("search_term"),
    _parameter("source", "varchar", "collected_traffic_source.manual_source"),
    _parameter("medium", "varchar", "collected_traffic_source.manual_medium"),
    _parameter("campaign", "varchar", "collected_traffic_source.manual_campaign_name"),
    _parameter("gclid", "varchar", "collected_traffic_source.gclid"),
)
_COLUMNS = (
    Column("event_timestamp"),
    Column("event_name"),
    Column("user_pseudo_id"),
    Column("user_id", is_required=False),
    *_PARAMETERS,
    *_ITEM_COLUMNS,
    _parameter("traffic_source", "varchar", "traffic_source.source"),
    _parameter("traffic_medium", "varchar", "traffic_source.medium"),
    _parameter("country", "varchar", "geo.country", "geo_country"),
    # The number of the event in its file, where the file says where an event ends.
    Column("event_number", is_required=False),
)
_NAMES = tuple(column.name for column in _COLUMNS)

# Events of the shop's feed, by the name of Google's event.
_EVENT_TYPES = {
    "view_item": "view",
    "view_item_list": "impression",
    "add_to_cart": "cart",
    "begin_checkout": "checkout",
    "purchase": "purchase",
    "search": "search",
    "view_search_results": "search",
}
_READ = (*_EVENT_TYPES, "refund")


def _filled(name: str) -> str:
    return f"nullif(nullif(trim({name}), ''), '(not set)')"


# Microseconds, or milliseconds, or a time in UTC as BigQuery writes a TIMESTAMP.
_TIME = f"""
    case
        when regexp_full_match(event_timestamp, '[0-9]{{16}}([.]0)?')
            then make_timestamptz(cast(left(event_timestamp, 16) as bigint))
        when regexp_full_match(event_timestamp, '[0-9]{{13}}([.]0)?')
            then make_timestamptz(1000 * cast(left(event_timestamp, 13) as bigint))
        else timezone('UTC', {sql_of("read_time", "event_timestamp", "UTC")})
    end
"""

# One row per item of an event, or per event without items. Rows that follow each other
# and have person, time and name in common are one event.
_ROWS = f"""
    create temp table ga4_rows as
    with timed as (
        select
            {_TIME} as occurred_at,
            lower(trim(event_name)) as event_name,
            {_filled("user_pseudo_id")} as device_id,
            {_filled("user_id")} as login_id,
            {_filled("ga_session_id")} as ga_session_id,
            {_filled("transaction_id")} as transaction_id,
            coalesce(value, refund_value) as value,
            upper({_filled("currency")}) as currency,
            tax,
            shipping,
            {_filled("coupon")} as coupon,
            coalesce({_filled("item_id")}, {_filled("item_name")}) as product_id,
            {_filled("item_name")} as product_name,
            {_filled("item_category")} as category,
            price,
            quantity,
            coalesce(price * coalesce(quantity, 1), item_revenue) as item_amount,
            item_refund,
            "index" as list_index,
            {_filled("search_term")} as search_term,
            {_filled("source")} as visit_source,
            {_filled("medium")} as visit_medium,
            {_filled("campaign")} as visit_campaign,
            {_filled("gclid")} as click_id,
            {_filled("traffic_source")} as source,
            {_filled("traffic_medium")} as medium,
            {_filled("country")} as country,
            event_number,
            event_timestamp,
            {PLACE}
        from ga4_export
    ),

    starts as (
        select
            *,
            (device_id, occurred_at, event_name, event_number, {LOADED_FILE})
            is distinct from lag(
                (device_id, occurred_at, event_name, event_number, {LOADED_FILE})
            ) over (order by {LOADED_ORDER}) as is_start
        from timed
    )

    select
        * exclude (is_start),
        count_if(is_start) over (order by {LOADED_ORDER}) as occurrence
    from starts
"""

# One row per event. The same event may stand in the export twice, for instance in the
# table of a day and in its intraday table; events that only share person, time and name
# are several, because browsers send events in batches. A flat file may hold each item
# twice: the value of the purchase tells.
_EVENTS = f"""
    create temp table ga4_events as
    with copies as (
        select
            *,
            row_number() over (
                partition by occurrence, product_id, price, quantity, item_refund
                order by {LOADED_ORDER}
            ) as copy
        from ga4_rows
    ),

    occurrences as (
        select
            occurrence,
            any_value(occurred_at) as occurred_at,
            any_value(event_name) as event_name,
            any_value(device_id) as device_id,
            any_value(login_id) as login_id,
            any_value(ga_session_id) as ga_session_id,
            any_value(transaction_id) as transaction_id,
            any_value(value) as value,
            any_value(currency) as currency,
            any_value(tax) as tax,
            any_value(shipping) as shipping,
            any_value(coupon) as coupon,
            any_value(search_term) as search_term,
            any_value(visit_source) as visit_source,
            any_value(visit_medium) as visit_medium,
            any_value(visit_campaign) as visit_campaign,
            any_value(click_id) as click_id,
            any_value(source) as source,
            any_value(medium) as medium,
            any_value(country) as country,
            count(distinct product_id) as products,
            min(product_id) as product_id,
            coalesce(
                abs(sum(item_amount) filter (where copy = 1) - any_value(value))
                < abs(sum(item_amount) - any_value(value)),
                false
            ) as is_doubled,
            sum(item_amount) as all_amount,
            sum(item_amount) filter (where copy = 1) as distinct_amount,
            sum(item_refund) filter (where copy = 1) as item_refund,
            string_agg(
                concat_ws('|', product_id, price, quantity), ',' order by {LOADED_ORDER}
            ) as content,
            {FIRST_PLACE}
        from copies
        group by occurrence
    ),

    numbered as (
        select
            *,
            if(is_doubled, distinct_amount, all_amount) as goods_amount,
            row_number() over (
                partition by
                    device_id, occurred_at, event_name, transaction_id, value, content
                order by {LOADED_ORDER}
            ) as repeat
        from occurrences
    ),

    single as (
        select
            *,
            row_number() over (
                partition by device_id, occurred_at, event_name order by {LOADED_ORDER}
            ) as number
        from numbered
        where repeat = 1
    ),

    joined as (
        select
            *,
            coalesce(
                login_id,
                last_value(login_id ignore nulls) over (
                    of_device rows between unbounded preceding and current row
                ),
                first_value(login_id ignore nulls) over (
                    of_device rows between current row and unbounded following
                )
            ) as person_id,
            last_value(visit_source ignore nulls) over so_far as order_source,
            last_value(visit_medium ignore nulls) over so_far as order_medium,
            last_value(visit_campaign ignore nulls) over so_far as order_campaign,
            last_value(click_id ignore nulls) over so_far as order_click
        from single
        window
            of_device as (
                partition by device_id, if(device_id is null, occurrence, 0)
                order by occurred_at, {LOADED_ORDER}
            ),
            -- Google says where a visit came from with the first event of it.
            so_far as (
                partition by
                    device_id,
                    ga_session_id,
                    if(device_id is null or ga_session_id is null, occurrence, 0)
                order by occurred_at, {LOADED_ORDER}
                rows between unbounded preceding and current row
            )
    )

    select
        *,
        concat_ws('-', device_id, epoch_us(occurred_at), event_name)
        || if(number > 1, '-' || number, '') as event_id,
        {{customer}} as customer_id
    from joined
"""

# A page of thanks that is opened again sends its purchase again: the first one holds,
# and is the only one with a time of change.
_PURCHASES = f"""
    create temp table ga4_purchases as
    with purchases as (
        select
            *,
            coalesce(transaction_id, event_id) as order_id,
            coalesce(shipping, 0) as shipping_or_none,
            coalesce(tax, 0) as tax_or_none
        from ga4_events
        where event_name = 'purchase'
    )

    select
        *,
        row_number() over (
            partition by order_id order by occurred_at, {LOADED_ORDER}
        ) = 1 as is_first,
        value - goods_amount in (
            0, shipping_or_none, tax_or_none, shipping_or_none + tax_or_none
        ) as is_explained
    from purchases
"""

# The money of an order is its goods: value may hold shipping and tax or not, and the
# export does not say whether prices hold the tax. Where value is neither the goods nor
# the goods with these, it is kept as the order's amount, to be compared with the lines.
# A coupon of the whole order lowers value only.
_ORDERS = f"""
    select
        order_id,
        customer_id,
        occurred_at as ordered_at,
        case when is_first then occurred_at end as updated_at,
        'completed' as status,
        currency,
        case
            when is_explained then goods_amount else coalesce(value, goods_amount)
        end as amount,
        case
            when coupon is not null and value > 0 and value < goods_amount
                then goods_amount - value
        end as discount_amount,
        coupon as coupon_code,
        order_source as utm_source,
        order_medium as utm_medium,
        order_campaign as utm_campaign,
        order_click as click_id,
        {PLACE}
    from ga4_purchases
"""

_ORDER_LINES = f"""
    with items as (
        select
            purchases.order_id,
            rows.product_id,
            coalesce(rows.quantity, 1) as quantity,
            rows.price as unit_price,
            rows.item_amount as amount,
            purchases.is_doubled,
            row_number() over (
                partition by
                    rows.occurrence, rows.product_id, rows.price, rows.quantity
                order by rows.{LOADED_ORDER}
            ) as copy,
            {", ".join(f"rows.{name}" for name in PROVENANCE)}
        from ga4_rows as rows
        inner join ga4_purchases as purchases using (occurrence)
        where purchases.is_first and rows.item_amount is not null
    )

    select
        order_id,
        row_number() over (partition by order_id order by {LOADED_ORDER})
            as line_number,
        product_id,
        quantity,
        unit_price,
        amount,
        {PLACE}
    from items
    where copy = 1 or not is_doubled
"""

# A refund without items and value gives the whole order back.
_REFUNDS = f"""
    with orders as (
        select order_id, goods_amount, value
        from ga4_purchases
        where is_first
    )

    select
        refunds.event_id as refund_id,
        refunds.transaction_id as order_id,
        refunds.occurred_at as refunded_at,
        coalesce(
            nullif(refunds.item_refund, 0),
            nullif(refunds.value, 0),
            orders.goods_amount,
            orders.value
        ) as amount,
        {", ".join(f"refunds.{name}" for name in PROVENANCE)}
    from ga4_events as refunds
    left join orders on refunds.transaction_id = orders.order_id
    where refunds.event_name = 'refund'
"""

# Views, carts and lists are of products: an event with several items is one of each.
# Google counts the places of a list from 0, and some shops from 1.
_BROWSING = f"""
    with types as (
        select
            events.*,
            map {_EVENT_TYPES}[event_name] as event_type
        from ga4_events as events
    ),

    seen as (
        select distinct on (types.event_id, rows.product_id)
            types.event_id,
            types.event_type,
            rows.product_id,
            rows.list_index
            + (select if(min(list_index) = 0, 1, 0) from ga4_rows) as position,
            {", ".join(f"rows.{name}" for name in PROVENANCE)}
        from types
        inner join ga4_rows as rows using (occurrence)
        where types.event_type in ('view', 'cart', 'impression')
        order by types.event_id, rows.product_id, rows.{LOADED_ORDER}
    ),

    of_products as (
        select
            *,
            row_number() over (partition by event_id order by {LOADED_ORDER}) as number
        from seen
    )

    select
        of_products.event_id
        || if(of_products.number > 1, '-item-' || of_products.number, '') as event_id,
        types.customer_id,
        types.device_id || '-' || types.ga_session_id as session_id,
        types.event_type,
        of_products.product_id,
        types.occurred_at,
        of_products.position,
        null as query,
        {", ".join(f"of_products.{name}" for name in PROVENANCE)}
    from of_products
    inner join types using (event_id)
    union all
    select
        event_id,
        customer_id,
        device_id || '-' || ga_session_id as session_id,
        event_type,
        case when products = 1 then product_id end as product_id,
        occurred_at,
        null as position,
        if(event_type = 'search', search_term, null) as query,
        {PLACE}
    from types
    where event_type in ('purchase', 'search', 'checkout')
"""

_PRODUCTS = f"""
    select
        product_id,
        any_value(product_name order by {LOADED_ORDER} desc) as product_name,
        any_value(category order by {LOADED_ORDER} desc) as category,
        {FIRST_PLACE}
    from ga4_rows
    where product_id is not null
    group by product_id
"""

_CUSTOMERS = f"""
    select
        customer_id,
        any_value(country order by occurred_at desc) as country,
        any_value(concat_ws(' / ', source, medium) order by occurred_at)
            filter (where source is not null) as acquisition_channel,
        {FIRST_PLACE}
    from ga4_events
    where customer_id is not null
    group by customer_id
"""


def read(reader: Reader, source: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name.

    `source` is a file of events, or a folder of them. Raises LoadError if it has no
    such file, or if a line of JSON is no event.
    """
    paths = [path for path in files_of(source) if _is_json(path) or kind_of(path)]
    paths = _without_intraday(reader, paths)
    if not paths:
        raise LoadError(
            f"{source} holds no events: no file ends with .csv, .parquet or .jsonl."
        )
    views = []
    for number, path in enumerate(paths, start=1):
        view = f"ga4_file_{number}"
        _read_events(reader, path, view)
        views.append(f"from {view}")
    reader.connection.execute(
        f"create temp view ga4_export as {' union all by name '.join(views)}"
    )
    reader.connection.execute(_ROWS)
    _check_times(reader)
    reader.connection.execute(_EVENTS.format(customer=_customer(reader)))
    reader.connection.execute(_PURCHASES)
    _report_left_out(reader)
    return {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "refunds": _REFUNDS,
        "events": _BROWSING,
        "products": _PRODUCTS,
        "customers": _CUSTOMERS,
    }


def _is_json(path: Path) -> bool:
    name = path.name.casefold().removesuffix(".gz")
    return name.endswith(_JSON)


def _without_intraday(reader: Reader, paths: list[Path]) -> list[Path]:
    """Leave out the intraday tables of days whose daily table is there."""
    names = {path.name for path in paths}
    left_out = [
        path
        for path in paths
        if "intraday_" in path.name and path.name.replace("intraday_", "") in names
    ]
    if left_out:
        reader.note(
            "files not read, because the tables of their days are complete: "
            f"{', '.join(path.name for path in left_out)}"
        )
    return [path for path in paths if path not in left_out]


def _read_events(reader: Reader, path: Path, view: str) -> None:
    if _is_json(path):
        reader.read_rows(path.name, _NAMES, _flat(_json_lines(path)), _COLUMNS, view)
    elif kind_of(path) == ".parquet" and "event_params" in reader.columns_of(path):
        events = _parquet_rows(reader, path)
        reader.read_rows(path.name, _NAMES, _flat(events), _COLUMNS, view)
    else:
        reader.read_file(path, _COLUMNS, view)


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the number of a line and the event in it; a file may be one list too."""
    opened = gzip.open if path.suffix.casefold() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip().rstrip(",")
            if text in ("", "[", "]"):
                continue
            try:
                event = json.loads(text)
            except json.JSONDecodeError as error:
                raise LoadError(
                    f"{path.name}, line {number:,}: {shortened(text)} is no event as "
                    f"JSON ({error.msg}). Export the table as newline-delimited JSON."
                ) from error
            for each in event if isinstance(event, list) else [event]:
                if not isinstance(each, dict) or "event_name" not in each:
                    raise LoadError(
                        f"{path.name}, line {number:,}: {shortened(text)} has no "
                        "event_name. Export the tables events_YYYYMMDD."
                    )
                yield number, each


def _parquet_rows(reader: Reader, path: Path) -> Iterator[tuple[int, Any]]:
    cursor = reader.connection.cursor()
    cursor.execute(
        f"select to_json(events) from read_parquet({file_literal(path)}) as events"
    )
    number = 0
    while batch := cursor.fetchmany(10_000):
        for (text,) in batch:
            number += 1
            yield number, json.loads(text)


def _flat(
    events: Iterable[tuple[int, Any]],
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield a row of _NAMES for each item of an event, or one for an event without."""
    for count, (number, event) in enumerate(events, start=1):
        parameters = {
            each["key"]: _parameter_value(each.get("value") or {})
            for each in event.get("event_params") or []
        }
        ecommerce = event.get("ecommerce") or {}
        traffic = event.get("traffic_source") or {}
        cells = {
            name: event.get(name)
            for name in ("event_timestamp", "event_name", "user_pseudo_id", "user_id")
        }
        cells |= {column.name: parameters.get(column.name) for column in _PARAMETERS}
        for name, other in (
            ("transaction_id", "transaction_id"),
            ("value", "purchase_revenue"),
            ("refund_value", "refund_value"),
            ("tax", "tax_value"),
            ("shipping", "shipping_value"),
        ):
            if cells[name] is None:
                cells[name] = ecommerce.get(other)
        visit = event.get("collected_traffic_source") or {}
        for name, other in (
            ("source", "manual_source"),
            ("medium", "manual_medium"),
            ("campaign", "manual_campaign_name"),
            ("gclid", "gclid"),
        ):
            if cells[name] is None:
                cells[name] = visit.get(other)
        cells["traffic_source"] = traffic.get("source")
        cells["traffic_medium"] = traffic.get("medium")
        cells["country"] = (event.get("geo") or {}).get("country")
        cells["event_number"] = count
        for item in event.get("items") or [{}]:
            cells |= {column.name: item.get(column.name) for column in _ITEM_COLUMNS}
            yield number, [_text(cells[name]) for name in _NAMES]


def _parameter_value(value: dict[str, Any]) -> Any:
    """Return the one value that is filled; whole numbers come as int_value."""
    kinds = ("string_value", "int_value", "double_value", "float_value")
    return next((value[kind] for kind in kinds if value.get(kind) is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _check_times(reader: Reader) -> None:
    ((file, row, value, count),) = reader.connection.execute(
        f"""
        select
            arg_min({LOADED_FILE}, {LOADED_ORDER}),
            arg_min({LOADED_ROW}, {LOADED_ORDER}),
            arg_min(coalesce(event_timestamp, ''), {LOADED_ORDER}),
            count(*)
        from ga4_rows
        where occurred_at is null
        """
    ).fetchall()
    if count:
        message = (
            f"{file}, row {row:,}, column event_timestamp: {shortened(value)} is no "
            f"time in microseconds such as 1743544200000000 ({count:,} such values in "
            "all). Export it as a whole number: spreadsheets shorten it."
        )
        reader.problems.append(
            Problem(file, message, "event_timestamp", row, value, count)
        )


def _customer(reader: Reader) -> str:
    """Return the SQL of who an event belongs to.

    A device is no person: people have several and lose their cookies. Only a shop that
    sends no login at all has nobody else.
    """
    ((logins, devices),) = reader.connection.execute(
        "select count(login_id), count(distinct device_id) from ga4_rows"
    ).fetchall()
    if logins:
        return "person_id"
    reader.note(
        f"no event has a user_id: the {devices:,} devices (user_pseudo_id) stand for "
        "customers, who look as if they came back less often than they did"
    )
    return "device_id"


def _report_left_out(reader: Reader) -> None:
    names = ", ".join(f"'{name}'" for name in _READ)
    ((others, events),) = reader.connection.execute(
        f"""
        select
            string_agg(event_name || ' ' || events, ', ' order by events desc),
            sum(events)
        from (
            select event_name, count(*) as events
            from ga4_events
            where event_name not in ({names})
            group by event_name
        )
        """
    ).fetchall()
    if events:
        reader.note(f"events not read: {events:,} ({others})")
    ((repeats, guests, explained),) = reader.connection.execute(
        """
        select
            count_if(not is_first),
            count_if(is_first and customer_id is null),
            count_if(is_first and value <> goods_amount and is_explained)
        from ga4_purchases
        """
    ).fetchall()
    if repeats:
        reader.note(
            f"{repeats:,} purchases repeat a transaction_id; the first one counts"
        )
    if guests:
        reader.note(f"{guests:,} purchases of devices that nobody logged in on")
    if explained:
        reader.note(
            f"{explained:,} purchases bear a value with shipping or tax; their goods "
            "count"
        )
