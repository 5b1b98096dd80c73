"""Reads CDNOW: purchases of customers who first bought early in 1997.

Fader and Hardie published it as a text file. Each line holds the customer, the day, the
number of CDs and the dollars, separated by blanks. In the sample file a second field
holds the customer's number in the sample. No feed has a place for the number of CDs, so
the connector skips it.
"""

from collections.abc import Iterator
from pathlib import Path

from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.files import require_file
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import LOADED_ROW, PLACE, Reader
from clv_warehouse.loading.texts import wrong_encoding

_COLUMNS = (
    Column("customer_id"),
    Column("date", "timestamp", formats=("%Y%m%d",)),
    Column("dollar_value", "decimal(18,4)"),
)
# The positions of customer, day and dollars in a line, by its number of fields.
_PLACES = {4: (0, 1, 3), 5: (0, 2, 4)}

_ORDERS = f"""
    select
        customer_id || '-' || strftime(date, '%Y%m%d') || '-' || row_number() over (
            partition by customer_id, date
            order by dollar_value, {LOADED_ROW}
        ) as order_id,
        customer_id,
        date as ordered_at,
        'completed' as status,
        'USD' as currency,
        dollar_value as amount,
        {PLACE}
    from purchases
"""


def read(reader: Reader, path: Path) -> dict[str, str]:
    """Return the query of the one feed, orders: they have an amount and no lines.

    Orders of one customer and day are numbered by amount, so an order keeps its id when
    the file is loaded again.
    """
    require_file(path)
    names = [column.name for column in _COLUMNS]
    try:
        reader.read_rows(path.name, names, _purchases(path), _COLUMNS, "purchases")
    except UnicodeDecodeError as error:
        raise LoadError(wrong_encoding(path)) from error
    return {"orders": _ORDERS}


def _purchases(path: Path) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the line number and the three fields of each purchase."""
    width = 0
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            if not fields:
                continue
            if not width:
                width = len(fields)
                if width not in _PLACES:
                    raise LoadError(
                        f"{path.name}, line {number}: {len(fields)} fields parted by "
                        "blanks, where CDNOW_master.txt has 4 and CDNOW_sample.txt "
                        "has 5. Give one of these files."
                    )
                is_header = not fields[0].isdigit()
                if is_header:
                    continue
            if len(fields) != width:
                raise LoadError(
                    f"{path.name}, line {number:,}: {len(fields)} fields parted by "
                    f"blanks, where the lines before have {width}. Mend the line; "
                    "the file may be truncated."
                )
            yield number, [fields[place] for place in _PLACES[width]]
