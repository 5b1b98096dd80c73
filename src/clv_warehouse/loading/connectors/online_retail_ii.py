"""Reads Online Retail II: two years of a British gift shop (UCI data set 502).

The published workbook has a sheet for each year, and both hold the invoices of 1 to 9
December 2010. The connector numbers lines by content within their sheet and invoice. So
a line that stands in both sheets gets the same number twice, and the warehouse rejects
one of the two as a repeated record. The connector itself leaves no line out.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, load_workbook

from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.files import require_file
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    LOADED_ORDER,
    PLACE,
    Reader,
)
from clv_warehouse.project.report import Report

# The aliases, and dates with the month first, come from CSV exports of the earlier data
# set "Online Retail" (UCI 352).
_COLUMNS = (
    Column("Invoice", aliases=("InvoiceNo",)),
    Column("StockCode"),
    Column("Description"),
    Column("Quantity", "decimal(12,3)"),
    Column("InvoiceDate", "timestamp", formats=("%m/%d/%Y %H:%M",)),
    Column("Price", "decimal(18,4)", aliases=("UnitPrice",)),
    Column("Customer ID", aliases=("CustomerID",)),
    Column("Country"),
)
_ROWS_BETWEEN_REPORTS = 100_000

# A file that holds both sheets keeps their order: the second begins where the dates
# fall back.
_LINES_OF_ONE_FILE = f"""
    with starts as (
        select
            *,
            coalesce(
                InvoiceDate
                < lag(InvoiceDate) over (order by {LOADED_ORDER}) - interval 1 day,
                false
            ) as is_start
        from file
    )

    select
        * exclude (is_start),
        sum(cast(is_start as integer)) over (order by {LOADED_ORDER}) as sheet
    from starts
"""

_LINES = f"""
    create temp table lines as
    select
        sheet,
        {PLACE},
        Invoice as order_id,
        StockCode as product_id,
        trim(Description) as description,
        Quantity as quantity,
        InvoiceDate as invoiced_at,
        Price as unit_price,
        "Customer ID" as customer_id,
        Country as country
    from ({{lines}})
"""

_ORDERS = f"""
    select
        order_id,
        max(customer_id) as customer_id,
        min(invoiced_at) as ordered_at,
        'completed' as status,
        'GBP' as currency,
        {FIRST_PLACE}
    from lines
    where order_id is not null
    group by order_id
"""

# Stock codes that stand for no product, with what their lines stand for.
_LINE_TYPES = {
    "POST": "shipping",
    "DOT": "shipping",
    "C2": "shipping",
    "C3": "shipping",
    "M": "charge",
    "m": "charge",
    "D": "charge",
    "ADJUST": "charge",
    "ADJUST2": "charge",
    "B": "bad_debt",
    "BANK CHARGES": "shop_cost",
    "AMAZONFEE": "shop_cost",
    "CRUK": "shop_cost",
    "S": "shop_cost",
    "TEST": "test_record",
    "TEST001": "test_record",
    "TEST002": "test_record",
}

_ORDER_LINES = f"""
    select
        order_id,
        row_number() over (
            partition by sheet, order_id
            order by product_id, quantity, unit_price, description, {LOADED_ORDER}
        ) as line_number,
        product_id,
        quantity,
        unit_price,
        coalesce(map {_LINE_TYPES}[product_id], 'product') as line_type,
        {PLACE}
    from lines
"""

# Lines at no price are notes on the stock, such as "damaged". A code that has no others
# was never for sale.
_PRODUCTS = f"""
    with descriptions as (
        select
            product_id,
            nullif(description, '') as description,
            count(*) as lines,
            max(invoiced_at) as last_invoiced_at,
            {FIRST_PLACE}
        from lines
        where product_id is not null and unit_price > 0
        group by product_id, nullif(description, '')
    )

    select
        product_id,
        first(
            description
            order by lines desc, last_invoiced_at desc, description
        ) filter (where description is not null) as product_name,
        {FIRST_PLACE}
    from descriptions
    group by product_id
"""

_CUSTOMERS = f"""
    select
        customer_id,
        first(country order by invoiced_at desc, country) as country,
        {FIRST_PLACE}
    from lines
    where customer_id is not null
    group by customer_id
"""


def read(reader: Reader, path: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name.

    Raises LoadError if the rows of a .csv or .parquet are not in the order of the
    sheets: we could not tell then which lines stand in both.
    """
    require_file(path)
    if path.suffix.casefold() == ".xlsx":
        lines = _read_workbook(reader, path)
    else:
        reader.read_file(path, _COLUMNS, "file")
        lines = _LINES_OF_ONE_FILE
    reader.connection.execute(_LINES.format(lines=lines))
    _check_order(reader, path)
    return {
        "orders": _ORDERS,
        "order_lines": _ORDER_LINES,
        "products": _PRODUCTS,
        "customers": _CUSTOMERS,
    }


def _read_workbook(reader: Reader, path: Path) -> str:
    """Read every sheet into a view; return a query of all of them."""
    queries = []
    try:
        with load_workbook(path) as workbook:
            for number, name in enumerate(workbook.sheet_names):
                reader.report(f"{path.name}: opening sheet {name}")
                sheet = workbook.get_sheet_by_name(name)
                _read_sheet(reader, f"{path.name}, sheet {name}", sheet, number)
                queries.append(f"select *, {number} as sheet from sheet_{number}")
    except (CalamineError, OSError) as error:
        raise LoadError(
            f"{path} cannot be read as an Excel workbook; it may be truncated. "
            f"Get it again. ({error})"
        ) from error
    return " union all ".join(queries)


def _read_sheet(reader: Reader, label: str, sheet: CalamineSheet, number: int) -> None:
    if sheet.start is None:
        raise LoadError(f"{label} is empty. Remove the sheet, or get the file again.")
    rows = sheet.iter_rows()
    names = [
        _text(name) or f"column {place}" for place, name in enumerate(next(rows), 1)
    ]
    first_row = sheet.start[0] + 2
    reader.read_rows(
        label,
        names,
        _counted(rows, first_row, sheet.height - 1, label, reader.report),
        _COLUMNS,
        f"sheet_{number}",
    )


def _counted(
    rows: Iterable[Sequence[object]], first: int, total: int, label: str, report: Report
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the rows of a sheet as numbered texts, and report progress."""
    for count, row in enumerate(rows, start=1):
        if count % _ROWS_BETWEEN_REPORTS == 0:
            report(f"{label}: {count:,} of {total:,} rows ({count / total:.0%})")
        yield first + count - 1, [_text(value) for value in row]


def _text(value: object) -> str | None:
    """Write a cell as text: whole numbers without a point, dates as ISO 8601."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(value) or None


def _check_order(reader: Reader, path: Path) -> None:
    ((last_sheet,),) = reader.connection.execute(
        "select max(sheet) from lines"
    ).fetchall()
    if (last_sheet or 0) > 1:
        raise LoadError(
            f"{path.name}: InvoiceDate falls back by more than a day {last_sheet} "
            "times, so the rows are not in the order of the published sheets and what "
            "stands in both cannot be told. Load the published .xlsx, or sort each "
            "year by InvoiceDate."
        )
