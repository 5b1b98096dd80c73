"""Tests the connectors on real data and on small files of the same shapes."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from benchmarks.data import CDNOW, CDNOW_SAMPLE, OLIST, ONLINE_RETAIL_II
from clv_warehouse.loading.connectors import CONNECTORS, online_retail_ii
from clv_warehouse.loading.feeds import Feed, read_feeds
from clv_warehouse.loading.load import load
from clv_warehouse.loading.reading import LoadError

RETAIL_HEADER = [
    *("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price"),
    *("Customer ID", "Country"),
]
CONTENT = (
    "select * exclude (loaded_file, loaded_row, loaded_order) from raw.{} order by all"
)
NOON = dt.datetime(2010, 12, 1, 12)
FIRST_YEAR = [
    [
        489434,
        85048,
        "GLASS BALL",
        12,
        dt.datetime(2009, 12, 1, 7, 45),
        6.95,
        13085,
        "UK",
    ],
    ["C489449", "85123A", "HEART ", -2, dt.datetime(2010, 1, 5), 2.55, 13085, "UK"],
    [536365, "85123A", "HEART", 6, NOON, 2.55, 17850, "France"],
    [
        536365,
        71053,
        "LANTERN",
        6,
        NOON + dt.timedelta(minutes=1),
        3.39,
        17850,
        "France",
    ],
    [537000, "85123A", "damaged", -9, dt.datetime(2010, 12, 9), 0, None, "UK"],
]
SECOND_YEAR = [
    FIRST_YEAR[3],
    FIRST_YEAR[2],
    FIRST_YEAR[4],
    [540000, 71053, "LANTERN", 1, dt.datetime(2011, 1, 1), 3.39, 17850, "Spain"],
    [540000, 71053, "LANTERN", 1, dt.datetime(2011, 1, 1), 3.39, 17850, "Spain"],
    [540001, 22222, None, 3, dt.datetime(2011, 1, 2), 0, None, "UK"],
]


@pytest.fixture(scope="module")
def feeds() -> tuple[Feed, ...]:
    return read_feeds()


@pytest.fixture
def warehouse(tmp_path, feeds):
    """Loads a source and opens the tables that it made."""

    def open_loaded(connector, source, report=lambda line: None):
        path = tmp_path / "warehouse.duckdb"
        load(CONNECTORS[connector], source, path, feeds, report)
        return duckdb.connect(str(path), read_only=True)

    return open_loaded


def rows(connection, query):
    return connection.execute(query).fetchall()


def write_workbook(path: Path, **sheets):
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, lines in sheets.items():
        sheet = workbook.create_sheet(name.replace("_", " ", 1).replace("_", "-"))
        for line in (RETAIL_HEADER, *lines):
            sheet.append(line)
    workbook.save(path)
    return path


def write_csv(path: Path, lines, header=RETAIL_HEADER, date="%Y-%m-%d %H:%M:%S"):
    def field(value):
        if isinstance(value, dt.datetime):
            return value.strftime(date)
        return "" if value is None else f"{value}"

    text = [",".join(header), *(",".join(map(field, line)) for line in lines)]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def retail_tables(connection):
    """What was loaded, beside where in the files it stood."""
    return {
        feed: sorted(rows(connection, CONTENT.format(feed)), key=repr)
        for feed in ("orders", "order_lines", "products", "customers")
    }


def test_online_retail_keeps_every_line_and_penny(warehouse, public_data):
    source = public_data(ONLINE_RETAIL_II)
    tables = warehouse("online-retail-ii", source)
    published = pq.read_table(source).to_pydict()

    money = sum(
        Decimal(str(price)) * quantity
        for price, quantity in zip(
            published["Price"], published["Quantity"], strict=True
        )
    )
    assert rows(
        tables, "select count(*), sum(quantity * unit_price) from raw.order_lines"
    ) == [(1_067_370, money)]
    (loaded,) = rows(
        tables,
        "select count(*), count(distinct order_id), min(ordered_at), max(ordered_at) "
        "from raw.orders",
    )
    assert loaded[:2] == (53_628, 53_628)
    assert loaded[2] == min(published["InvoiceDate"])
    assert loaded[3].date() == dt.date(2011, 12, 9)
    assert rows(tables, "select count(*) from raw.customers") == [(5_942,)]
    assert rows(
        tables,
        "select count(*) from raw.order_lines inner join raw.orders using (order_id) "
        "where customer_id is null",
    ) == [(243_007,)]
    counted = Counter(zip(published["Invoice"], published["StockCode"], strict=True))
    assert counted == {
        (order, product): count
        for order, product, count in rows(
            tables,
            "select order_id, product_id, count(*) from raw.order_lines group by all",
        )
    }


def test_lines_of_both_sheets_are_recognisable(warehouse, public_data):
    source = public_data(ONLINE_RETAIL_II)
    tables = warehouse("online-retail-ii", source)
    assert rows(
        tables,
        """
        with keys as (
            select
                count(*) as copies,
                count(distinct (product_id, quantity, unit_price)) as contents
            from raw.order_lines
            group by order_id, line_number
        )
        select copies, contents, count(*) from keys group by all order by copies
        """,
    ) == [(1, 1, 1_067_370 - 2 * 22_523), (2, 1, 22_523)]


def test_workbook_gives_orders_lines_products_and_customers(
    warehouse, tmp_path, monkeypatch
):
    monkeypatch.setattr(online_retail_ii, "_ROWS_BETWEEN_REPORTS", 2)
    source = write_workbook(
        tmp_path / "retail.xlsx", Year_2009_2010=FIRST_YEAR, Year_2010_2011=SECOND_YEAR
    )
    reports: list[str] = []
    tables = warehouse("online-retail-ii", source, reports.append)

    assert "retail.xlsx, sheet Year 2009-2010: 2 of 5 rows (40%)" in reports
    assert rows(
        tables,
        "select order_id, customer_id, ordered_at, status, currency, amount "
        "from raw.orders order by order_id",
    ) == [
        ("489434", "13085", dt.datetime(2009, 12, 1, 7, 45), "completed", "GBP", None),
        ("536365", "17850", NOON, "completed", "GBP", None),
        ("537000", None, dt.datetime(2010, 12, 9), "completed", "GBP", None),
        ("540000", "17850", dt.datetime(2011, 1, 1), "completed", "GBP", None),
        ("540001", None, dt.datetime(2011, 1, 2), "completed", "GBP", None),
        ("C489449", "13085", dt.datetime(2010, 1, 5), "completed", "GBP", None),
    ]
    twice = ("536365", 1, "71053", Decimal(6), Decimal("3.39"))
    lines = rows(
        tables,
        "select order_id, line_number, product_id, quantity, unit_price "
        "from raw.order_lines",
    )
    assert len(lines) == len(FIRST_YEAR) + len(SECOND_YEAR)
    assert lines.count(twice) == 2
    assert sorted(line[1] for line in lines if line[0] == "540000") == [1, 2]
    assert rows(
        tables, "select product_id, product_name from raw.products order by all"
    ) == [
        ("71053", "LANTERN"),
        ("85048", "GLASS BALL"),
        ("85123A", "HEART"),
    ]
    assert rows(
        tables, "select customer_id, country from raw.customers order by all"
    ) == [("13085", "UK"), ("17850", "Spain")]


@pytest.mark.parametrize("feed", ["orders", "order_lines", "products", "customers"])
def test_what_the_workbook_gives_says_in_which_row_it_stood(warehouse, tmp_path, feed):
    source = write_workbook(tmp_path / "a.xlsx", One=FIRST_YEAR, Two=SECOND_YEAR)
    tables = warehouse("online-retail-ii", source)
    places = rows(
        tables,
        "select loaded_order, loaded_file, loaded_row "
        f"from raw.{feed} order by loaded_order",
    )
    # Row 1 is the header of its sheet.
    in_order = [
        (number, "a.xlsx, sheet One", number + 1)
        if number <= len(FIRST_YEAR)
        else (number, "a.xlsx, sheet Two", number - len(FIRST_YEAR) + 1)
        for number in range(1, len(FIRST_YEAR) + len(SECOND_YEAR) + 1)
    ]
    assert len(places) > 1
    assert set(places) <= set(in_order)
    if feed == "order_lines":
        assert places == in_order


def test_csv_and_parquet_give_what_the_workbook_gives(warehouse, tmp_path):
    both = [*FIRST_YEAR, *SECOND_YEAR]
    workbook = write_workbook(tmp_path / "a.xlsx", One=FIRST_YEAR, Two=SECOND_YEAR)
    with warehouse("online-retail-ii", workbook) as tables:
        expected = retail_tables(tables)

    as_floats = [
        [*line[:6], None if line[6] is None else float(line[6]), line[7]]
        for line in both
    ]
    with warehouse(
        "online-retail-ii", write_csv(tmp_path / "b.csv", as_floats)
    ) as tables:
        assert retail_tables(tables) == expected

    older = list(RETAIL_HEADER)
    older[0], older[5], older[6] = "InvoiceNo", "UnitPrice", "CustomerID"
    source = write_csv(tmp_path / "c.csv", both, older, date="%m/%d/%Y %H:%M")
    with warehouse("online-retail-ii", source) as tables:
        assert retail_tables(tables) == expected

    texts = {0, 1, 2, 7}
    columns = {
        name: [
            str(line[n]) if n in texts and line[n] is not None else line[n]
            for line in as_floats
        ]
        for n, name in enumerate(RETAIL_HEADER)
    }
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    with warehouse("online-retail-ii", tmp_path / "d.parquet") as tables:
        assert retail_tables(tables) == expected


def test_retail_rows_in_another_order_are_refused(warehouse, tmp_path):
    shuffled = [SECOND_YEAR[5], FIRST_YEAR[0], SECOND_YEAR[4], FIRST_YEAR[1]]
    source = write_csv(tmp_path / "shuffled.csv", shuffled)
    with pytest.raises(LoadError, match="falls back by more than a day 2 times"):
        warehouse("online-retail-ii", source)


def test_wrong_value_in_a_sheet_names_its_cell(warehouse, tmp_path):
    wrong = [*FIRST_YEAR[:2], [*FIRST_YEAR[2][:3], "six", *FIRST_YEAR[2][4:]]]
    source = write_workbook(tmp_path / "a.xlsx", One=FIRST_YEAR, Two=wrong)
    with pytest.raises(
        LoadError, match=r"a.xlsx, sheet Two, row 4, column Quantity: 'six' is not"
    ):
        warehouse("online-retail-ii", source)


def test_truncated_workbook_is_refused(warehouse, tmp_path):
    source = write_workbook(tmp_path / "a.xlsx", One=FIRST_YEAR)
    source.write_bytes(source.read_bytes()[:2000])
    with pytest.raises(LoadError, match=r"a.xlsx cannot be read as an Excel workbook"):
        warehouse("online-retail-ii", source)


def test_empty_sheet_is_refused(warehouse, tmp_path):
    workbook = openpyxl.Workbook()
    workbook.save(tmp_path / "a.xlsx")
    with pytest.raises(LoadError, match="sheet Sheet is empty"):
        warehouse("online-retail-ii", tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "customers", "purchases"),
    [
        (CDNOW, 23_570, 69_659),
        (CDNOW_SAMPLE, 2_357, 6_919),
    ],
)
def test_cdnow_keeps_every_purchase_and_cent(
    warehouse, public_data, name, customers, purchases
):
    source = public_data(name)
    published = Counter(
        (fields[0], fields[-3], Decimal(fields[-1]))
        for line in source.read_text().splitlines()
        if (fields := line.split()) and fields[0].isdigit()
    )
    tables = warehouse("cdnow", source)
    loaded = rows(
        tables,
        "select customer_id, strftime(ordered_at, '%Y%m%d'), amount from raw.orders",
    )
    assert Counter(loaded) == published
    assert rows(
        tables,
        "select count(*), count(distinct order_id), count(distinct customer_id), "
        "any_value(status), any_value(currency) from raw.orders",
    ) == [(purchases, purchases, customers, "completed", "USD")]
    assert rows(tables, "select count(*) from raw.order_lines") == [(0,)]


def test_cdnow_without_header_numbers_a_day_by_amount(warehouse, tmp_path):
    source = tmp_path / "CDNOW_master.txt"
    source.write_text(" 1 19970101 1 20.00\r\n 1 19970101 2 0.00\r\n2 19970102 1 5\r\n")
    tables = warehouse("cdnow", source)
    assert rows(tables, "select order_id, amount from raw.orders order by all") == [
        ("1-19970101-1", Decimal(0)),
        ("1-19970101-2", Decimal(20)),
        ("2-19970102-1", Decimal(5)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1 19970101 1 20\n2 19970102 1\n", "line 2: 3 fields parted by blanks"),
        (b"1,19970101,1,20\n", "line 1: 1 fields parted by blanks"),
        (b"1 19971301 1 20\n", "row 1, column date: '19971301' is not a date"),
        (b"1 19970101 1 20\n1 19970101 1 x\n", "row 2, column dollar_value: 'x'"),
        (b"1 19970101 1 \xa320\n", "is not UTF-8: line 1, byte 14 is 0xa3"),
        (b"customer_id date cds dollars\n", "has a header but no rows"),
    ],
)
def test_cdnow_names_what_is_wrong(warehouse, tmp_path, text, message):
    source = tmp_path / "CDNOW_master.txt"
    source.write_bytes(text)
    with pytest.raises(LoadError, match=message):
        warehouse("cdnow", source)


def test_olist_keeps_every_order_and_centavo(warehouse, public_data):
    source = public_data(OLIST)
    tables = warehouse("olist", source)
    items = pq.read_table(source / "order_items.parquet").to_pydict()
    orders = pq.read_table(source / "orders.parquet").to_pydict()
    people = pq.read_table(source / "customers.parquet").to_pydict()
    reviews = pq.read_table(source / "order_reviews.parquet").to_pydict()

    for is_freight, column in ((False, "price"), (True, "freight_value")):
        assert rows(
            tables,
            "select sum(quantity * unit_price) from raw.order_lines "
            f"where (product_id = 'SHIPPING') = {is_freight}",
        ) == [(sum(Decimal(str(value)) for value in items[column]),)]
    assert rows(
        tables,
        "select count(*) from (select distinct order_id, line_number "
        "from raw.order_lines)",
    ) == rows(tables, "select count(*) from raw.order_lines")
    person = dict(zip(people["customer_id"], people["customer_unique_id"], strict=True))
    assert Counter(
        rows(tables, "select order_id, customer_id, status from raw.orders")
    ) == Counter(
        zip(
            orders["order_id"],
            [person[customer] for customer in orders["customer_id"]],
            orders["order_status"],
            strict=True,
        )
    )
    assert rows(
        tables, "select count(*), count(distinct customer_id) from raw.customers"
    ) == [(len(set(person.values())),) * 2]
    assert rows(
        tables, "select count(*), count(distinct review_id) from raw.reviews"
    ) == [(len(reviews["review_id"]),) * 2]
    assert rows(
        tables, "select rating, count(*) from raw.reviews group by 1 order by 1"
    ) == sorted(Counter(reviews["review_score"]).items())
    products_of = {}
    for order, product in zip(items["order_id"], items["product_id"], strict=True):
        products_of.setdefault(order, set()).add(product)
    for order, product in rows(tables, "select order_id, product_id from raw.reviews"):
        products = products_of.get(order, set())
        assert product == (next(iter(products)) if len(products) == 1 else None)


def test_olist_csv_files_give_what_the_parquet_files_give(
    warehouse, public_data, tmp_path
):
    names = ("orders", "order_items", "customers", "products", "order_reviews")
    folder = tmp_path / "olist"
    folder.mkdir()
    for name in names:
        table = pq.read_table(public_data(OLIST) / f"{name}.parquet")
        pa.csv.write_csv(table, folder / f"olist_{name}_dataset.csv")
    queries = [
        CONTENT.format(feed)
        for feed in ("orders", "order_lines", "customers", "products", "reviews")
    ]
    with warehouse("olist", public_data(OLIST)) as tables:
        expected = [rows(tables, query) for query in queries]
    with warehouse("olist", folder) as tables:
        assert [rows(tables, query) for query in queries] == expected


def test_olist_without_its_orders_names_the_file(warehouse, tmp_path):
    (tmp_path / "olist_order_dataset.csv").write_text("order_id\n1\n")
    with pytest.raises(
        LoadError, match=r"No olist_orders_dataset.csv .* It holds: olist_order_dataset"
    ):
        warehouse("olist", tmp_path)
