"""Tests loading: what it refuses, with which message, and that it is all or nothing."""

import datetime as dt
import re
import resource
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_warehouse.loading import reading
from clv_warehouse.loading.connectors import CONNECTORS, Connector
from clv_warehouse.loading.feeds import Column, read_feeds
from clv_warehouse.loading.load import link, load
from clv_warehouse.loading.options import Options
from clv_warehouse.loading.problems import LoadError
from load_command import load_command
from locks import held

ORDERS = "order_id,customer_id,ordered_at,amount\n"
FOUR = ORDERS.strip().split(",")
GOOD = ORDERS + "1,ann,2024-01-31 10:00:00,12.50\n2,,2024-02-01,7\n"
LINES = "order_id,line_number,product_id,quantity,unit_price,discount\n1,1,tea,2,3.5,\n"


@pytest.fixture
def shop_yml(root):
    return root / "models" / "staging" / "shop.yml"


@pytest.fixture
def feeds(shop_yml):
    return read_feeds(shop_yml)


@pytest.fixture
def shop(tmp_path):
    """A folder with the files given, as text or bytes by name."""

    def make(**files):
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            path = folder / name.replace("__", ".")
            if isinstance(content, pa.Table):
                pq.write_table(content, path)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def load_folder(warehouse, feeds):
    def run(folder):
        reports: list[str] = []
        load(CONNECTORS["folder"], folder, warehouse, feeds, reports.append)
        return reports

    return run


@pytest.fixture
def command(warehouse):
    def run(*arguments, path=warehouse):
        return load_command(*arguments, "--warehouse", path)

    return run


def tables(warehouse: Path) -> dict:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() "
            "where schema_name = 'raw' and table_name != 'loads'"
        ).fetchall()
        return {
            name: connection.execute(f"from raw.{name} order by all").fetchall()
            for (name,) in names
        }


def columns_of(warehouse: Path, feed: str, *columns: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            f"select {', '.join(columns)} from raw.{feed} order by loaded_order"
        ).fetchall()


def test_feeds_are_those_of_the_yaml(feeds):
    assert len({feed.name for feed in feeds}) == len(feeds) > 5
    orders = feeds[0]
    assert orders.name == "orders"
    assert orders.is_required
    assert orders.key == ("order_id",)
    made_from = ("customer_id", "ordered_at", "amount")
    assert orders.columns[0] == Column("order_id", made_from=made_from, pii="stray")
    amount = Column("amount", "decimal(18,4)", is_required=False)
    assert amount in orders.columns


def test_folder_is_loaded_as_it_is(load_folder, shop, warehouse, feeds):
    load_folder(shop(orders__csv=GOOD, order_lines__csv=LINES))
    loaded = tables(warehouse)
    assert columns_of(warehouse, "orders", *FOUR, "status") == [
        ("1", "ann", dt.datetime(2024, 1, 31, 10), Decimal("12.5"), None),
        ("2", None, dt.datetime(2024, 2, 1), Decimal(7), None),
    ]
    names = LINES.partition("\n")[0].split(",")
    assert columns_of(warehouse, "order_lines", *names) == [
        ("1", 1, "tea", Decimal(2), Decimal("3.5"), None)
    ]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for feed in feeds:
            described = connection.execute(f"describe raw.{feed.name}").fetchall()
            assert [(name, kind.lower()) for name, kind, *_ in described] == [
                *((column.name, column.data_type) for column in feed.columns),
                *(("loaded_file", "varchar"), ("loaded_row", "bigint")),
                ("loaded_order", "bigint"),
            ]
            if feed.name not in ("orders", "order_lines"):
                assert loaded[feed.name] == []


def test_every_row_says_where_it_comes_from(load_folder, shop, warehouse):
    lines = pa.table({"order_id": ["1", "2"], "product_id": ["tea", "cup"]})
    load_folder(shop(orders__csv=GOOD, order_lines__parquet=lines))
    place = ("loaded_file", "loaded_row", "loaded_order")
    # A person counts the header as the first row.
    assert columns_of(warehouse, "orders", "order_id", *place) == [
        ("1", "orders.csv", 2, 1),
        ("2", "orders.csv", 3, 2),
    ]
    assert columns_of(warehouse, "order_lines", "order_id", *place) == [
        ("1", "order_lines.parquet", 1, 3),
        ("2", "order_lines.parquet", 2, 4),
    ]


def test_rows_of_unknown_place_are_counted_by_their_content(warehouse, feeds, shop):
    orders = "select unnest(['b', 'a', 'c']) as order_id, 'x' as customer_id"
    connector = Connector(lambda reader, source: {"orders": orders}, "")
    load(connector, shop(), warehouse, feeds, print)
    names = ("order_id", "loaded_file", "loaded_row", "loaded_order")
    assert columns_of(warehouse, "orders", *names) == [
        ("a", None, None, 1),
        ("b", None, None, 2),
        ("c", None, None, 3),
    ]


def test_parquet_of_other_types_is_cast(load_folder, shop, warehouse):
    orders = pa.table(
        {
            "order_id": pa.array([1, 2], pa.int64()),
            "customer_id": pa.array([13085.0, None], pa.float64()),
            "ordered_at": pa.array([dt.date(2024, 1, 31)] * 2, pa.date32()),
            "amount": pa.array([0.1, 2.95], pa.float64()),
        }
    )
    load_folder(shop(orders__parquet=orders))
    assert columns_of(warehouse, "orders", *FOUR) == [
        ("1", "13085", dt.datetime(2024, 1, 31), Decimal("0.1")),
        ("2", None, dt.datetime(2024, 1, 31), Decimal("2.95")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace(",", ";"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("50\n", "50\r\n"),
        GOOD.replace("amount\n", "amount\r\n"),
        GOOD.replace("order_id", "Order_ID "),
        GOOD.replace("7\n", ' "7"'),
    ],
)
def test_ways_to_write_the_same_csv(load_folder, shop, warehouse, text):
    load_folder(shop(orders__csv=text))
    assert columns_of(warehouse, "orders", *FOUR) == [
        ("1", "ann", dt.datetime(2024, 1, 31, 10), Decimal("12.5")),
        ("2", None, dt.datetime(2024, 2, 1), Decimal(7)),
    ]


def test_whole_ids_are_the_same_however_they_are_stored(load_folder, shop, warehouse):
    orders = pa.table(
        {
            "order_id": pa.array([1.0, 2.0]),
            "customer_id": ["17850.0", "012583"],
            "ordered_at": pa.array([dt.date(2024, 1, 31)] * 2),
        }
    )
    lines = "order_id,product_id,amount\n1.00,85.0,3\n2,85.05,4\n2,1.0.0,4\n"
    load_folder(shop(orders__parquet=orders, order_lines__csv=lines))
    assert columns_of(warehouse, "orders", "order_id", "customer_id") == [
        ("1", "17850"),
        ("2", "012583"),
    ]
    assert columns_of(warehouse, "order_lines", "order_id", "product_id") == [
        ("1", "85"),
        ("2", "85.05"),
        ("2", "1.0.0"),
    ]


@pytest.mark.parametrize("value", ["7.41E+12", "7,41e+12", "7E+12", "7.41E12"])
def test_ids_in_scientific_notation_are_refused(load_folder, shop, value):
    lines = f"order_id;product_id;amount\n1;tea;1\n2;{value};1\n3;{value};1\n"
    with pytest.raises(
        LoadError,
        match=rf"row 3, column product_id: '{re.escape(value)}' .* all its digits "
        r"\(2 such .*without opening it in a spreadsheet",
    ):
        load_folder(shop(orders__csv=GOOD, order_lines__csv=lines))


def test_ids_that_only_resemble_numbers_are_read(load_folder, shop, warehouse):
    ids = ["12E4", "1e9", "E+12", "2.5", "3.", "1E+", "-5"]
    rows = "".join(f"{name},ann,2024-01-31,1\n" for name in ids)
    load_folder(shop(orders__csv=ORDERS + rows))
    assert [name for (name,) in columns_of(warehouse, "orders", "order_id")] == ids


def test_floats_too_large_for_their_digits_are_no_ids(load_folder, shop):
    large = pa.table(
        {
            "order_id": pa.array([1e15, 1e16]),
            "customer_id": [1, 2],
            "ordered_at": pa.array([dt.date(2024, 1, 31)] * 2),
            "amount": [1, 2],
        }
    )
    with pytest.raises(
        LoadError, match=r"row 2, column order_id: '1e\+16' is not an id"
    ):
        load_folder(shop(orders__parquet=large))


LOG = "customer_id,ordered_at,amount,status\n"
PURCHASES = [
    "ann,2024-01-05,10,paid\n",
    "ann,2024-01-05,10,paid\n",
    "ann,2024-01-05,10,refunded\n",
    ",2024-01-05,10,paid\n",
    "bob,2024-01-05,10,paid\n",
]


def test_a_log_without_order_ids_keeps_equal_purchases_apart(
    load_folder, append, shop, warehouse
):
    reports = load_folder(shop(orders__csv=LOG + "".join(PURCHASES)))
    assert any("each row counts as one of its own" in line for line in reports)
    found = columns_of(warehouse, "orders", "customer_id", "status", "order_id")
    made = {name for *_, name in found}
    assert len(made) == len(PURCHASES)
    # Whatever the order of the rows and the files that hold them, the ids are the same.
    folder = shop(orders__csv=LOG + "".join(PURCHASES[3:]))
    shop(orders_2__csv=LOG + "".join(reversed(PURCHASES[:3])))
    load_folder(folder)
    again = columns_of(warehouse, "orders", "customer_id", "status", "order_id")
    assert set(again) == set(found)
    append(folder)
    assert {name for (name,) in columns_of(warehouse, "orders", "order_id")} == made


def test_rows_without_ids_that_two_parts_share_are_doubted(load_folder, shop):
    shop(orders_1__csv=LOG + "".join(PURCHASES[:4]))
    reports = load_folder(shop(orders_2__csv=LOG + "".join(PURCHASES[2:])))
    assert any(
        line.startswith("orders_1.csv and orders_2.csv: 2 rows stand in more than one")
        for line in reports
    )


@pytest.mark.parametrize("name", ["Order No", "ordr_id", "invoice_number", "Order #"])
def test_an_id_by_another_name_is_not_replaced(load_folder, shop, name):
    log = f"{name},{LOG}" + "".join(f"7,{row}" for row in PURCHASES)
    with pytest.raises(LoadError, match=r"orders.csv has no column order_id"):
        load_folder(shop(orders__csv=log))


def test_lines_need_the_ids_of_their_orders(load_folder, shop):
    with pytest.raises(LoadError, match="order_id, to which order_lines refers"):
        load_folder(shop(orders__csv=LOG + PURCHASES[0], order_lines__csv=LINES))


def test_text_keeps_its_line_ends_quotes_and_letters(load_folder, shop, warehouse):
    header = "review_id,rating,written_at,body\n"
    reviews = header + '1,5,2024-01-01,"so ""good"",\n très bon"\n2,4,2024-01-02,ok\n'
    load_folder(shop(orders__csv=GOOD, reviews__csv=reviews))
    assert columns_of(warehouse, "reviews", "body") == [
        ('so "good",\n très bon',),
        ("ok",),
    ]


def test_brackets_in_a_path_are_no_pattern(load_folder, shop, warehouse, tmp_path):
    folder = shop(orders__csv=GOOD).rename(tmp_path / "shop[1] of country=uk")
    load_folder(folder)
    assert len(tables(warehouse)["orders"]) == 2


def test_what_is_not_read_is_said(load_folder, shop):
    reports = load_folder(
        shop(
            orders__csv=GOOD.replace("amount", "amount,colour")
            .replace("\n2", ",\n2")
            .replace("7\n", "7,red\n")
            .replace("12.50,", "12.50,blue"),
            lines_of_orders__csv=LINES,
        )
    )
    assert "orders.csv: columns not read: colour" in reports
    assert any("files not read: lines_of_orders.csv" in line for line in reports)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"orders.csv is empty. Get it again"),
        (ORDERS, r"orders.csv has a header but no rows"),
        (
            GOOD.replace("customer_id", "custmer_id"),
            r"no column customer_id. Did you mean custmer_id\? It has: order_id, cust",
        ),
        (
            GOOD.replace("amount", "Order_id"),
            r"two columns named order_id: order_id, Order_id \(4\)",
        ),
        (
            GOOD.replace("2024-02-01", "2024-13-01"),
            r"row 3, column ordered_at: '2024-13-01' is not a date or time such as",
        ),
        (
            GOOD.replace("2024-02-01", "01/02/2024"),
            r"row 3, column ordered_at: '01/02/2024' is not a date",
        ),
        (
            GOOD.replace(",7", ",£7").replace("12.50", "twelve"),
            r"row 2, column amount: 'twelve' is not a number .*2 such values in all",
        ),
        (GOOD.replace(",7", ",123456789012345"), r"that decimal\(18,4\) can hold"),
        (
            GOOD.replace(",7", ",7,8"),
            r"line 3: '2,,2024-02-01,7,8' has another number of fields .* has 4",
        ),
        (GOOD.replace(",7", ""), r"line 3: '2,,2024-02-01' has another number"),
        (GOOD.replace("ann", '"ann'), r"line 2: .* has a quote that is not closed"),
        (
            GOOD.replace("ann", "Zoë").encode("cp1252"),
            r"not UTF-8: line 2, byte 5 is 0xeb. .*iconv -f cp1252 -t utf-8 orders.csv",
        ),
    ],
)
def test_wrong_csv_is_refused_with_place_and_way_out(
    load_folder, shop, warehouse, text, message
):
    with pytest.raises(LoadError, match=message):
        load_folder(shop(orders__csv=text))
    assert not warehouse.exists()


def test_wrong_row_is_found_far_down(load_folder, shop):
    many = "".join(f"{n},ann,2024-01-31,1\n" for n in range(200_000))
    text = ORDERS + many + "x,ann,someday,1\n" + many + "y,ann,never,1\n"
    with pytest.raises(LoadError, match=r"row 200,002, column ordered_at: 'someday'"):
        load_folder(shop(orders__csv=text))


@pytest.mark.parametrize("rating", ["4.5", "five"])
def test_whole_numbers_are_not_rounded(load_folder, shop, rating):
    reviews = f"review_id,rating,written_at\n1,{rating},2024-01-01\n"
    with pytest.raises(LoadError, match=f"column rating: '{rating}' is not a whole"):
        load_folder(shop(orders__csv=GOOD, reviews__csv=reviews))


def test_wrong_parquet_is_refused(load_folder, shop):
    numbers = {"order_id": [1, 2], "customer_id": [1, 2], "amount": [1, 2]}
    epoch = pa.table({**numbers, "ordered_at": [1_700_000_000, 1_700_000_001]})
    with pytest.raises(LoadError, match=r"row 1, column ordered_at: '1700000000' is"):
        load_folder(shop(orders__parquet=epoch))
    times = [dt.datetime(2024, 1, 1)] * 2
    amounts = pa.table({**numbers, "ordered_at": times, "amount": [1.0, 1e300]})
    with pytest.raises(LoadError, match=r"orders.parquet, row 2, column amount: '1e"):
        load_folder(shop(orders__parquet=amounts))
    folder = shop(orders__parquet=amounts.slice(0, 1))
    whole = (folder / "orders.parquet").read_bytes()
    with pytest.raises(LoadError, match=r"cannot be read as Parquet; it may be trunca"):
        load_folder(shop(orders__parquet=whole[: len(whole) // 2]))


def test_missing_files_are_named(load_folder, shop, tmp_path):
    with pytest.raises(LoadError, match=r"No folder .*nowhere"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(
        LoadError, match=r"No orders.csv or orders.parquet .*Did you mean order\?"
    ):
        load_folder(shop(order__csv=GOOD))
    with pytest.raises(LoadError, match=r"no order_lines, and orders has no column am"):
        load_folder(shop(orders__csv=GOOD.replace("amount", "paid")))
    with pytest.raises(LoadError, match=r"both orders.csv and orders.parquet"):
        load_folder(shop(orders__parquet=pa.table({"order_id": [1]})))


def test_failed_load_leaves_the_last_good_tables(load_folder, shop, warehouse):
    load_folder(shop(orders__csv=GOOD, order_lines__csv=LINES))
    before = tables(warehouse)
    with pytest.raises(LoadError):
        load_folder(shop(orders__csv=ORDERS + "3,bob,never,1\n"))
    assert tables(warehouse) == before


def test_error_while_writing_leaves_the_last_good_tables(
    load_folder, shop, warehouse, feeds
):
    load_folder(shop(orders__csv=GOOD))
    before = tables(warehouse)
    queries = {
        "orders": "select 'new' as order_id",
        "reviews": "select error('broken off') as review_id",
    }
    failing = Connector(lambda reader, source: queries, "")
    with pytest.raises(LoadError, match=r"as it was.*broken off"):
        load(failing, shop(), warehouse, feeds, lambda line: None)
    assert tables(warehouse) == before


def test_killed_load_leaves_the_last_good_tables(
    load_folder, shop, warehouse, shop_yml
):
    folder = shop(orders__csv=GOOD)
    load_folder(folder)
    before = tables(warehouse)
    shop(orders__csv=ORDERS + "9,zoe,2024-03-01,1\n")
    program = f"""
import os
from pathlib import Path
from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import load

def die_at_the_last_feed(line):
    if line.startswith("reviews: 0 rows written"):
        os._exit(9)

load(
    CONNECTORS["folder"], Path({str(folder)!r}), Path({str(warehouse)!r}),
    read_feeds(Path({str(shop_yml)!r})), die_at_the_last_feed,
)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == 9
    assert tables(warehouse) == before


def test_loading_twice_gives_the_same_and_feeds_can_go_away(
    load_folder, shop, warehouse
):
    folder = shop(orders__csv=GOOD, order_lines__csv=LINES)
    load_folder(folder)
    once = tables(warehouse)
    load_folder(folder)
    assert tables(warehouse) == once
    (folder / "order_lines.csv").unlink()
    load_folder(folder)
    assert tables(warehouse) == {**once, "order_lines": []}


@pytest.fixture
def append(warehouse, feeds):
    def run(folder):
        reports: list[str] = []
        options = Options(is_append=True)
        folder_of_feeds = CONNECTORS["folder"]
        load(folder_of_feeds, folder, warehouse, feeds, reports.append, options)
        return reports

    return run


def test_appended_rows_come_after_those_that_are_there(
    load_folder, append, shop, warehouse
):
    folder = shop(orders__csv=GOOD, order_lines__csv=LINES)
    load_folder(folder)
    before = tables(warehouse)
    (folder / "order_lines.csv").unlink()
    reports = append(shop(orders__csv=ORDERS + "3,bob,2024-03-01,5\n"))
    assert "orders: 3 rows in all" in reports
    assert columns_of(
        warehouse, "orders", "order_id", "loaded_row", "loaded_order"
    ) == [
        *(("1", 2, 1), ("2", 3, 2)),
        ("3", 2, 4),
    ]
    # What the source lacks stays; a line had the number 3.
    assert tables(warehouse)["order_lines"] == before["order_lines"]
    (folder / "orders.csv").unlink()
    append(shop(refunds__csv="refund_id,order_id,amount\n1,1,2\n"))
    assert columns_of(warehouse, "refunds", "loaded_order") == [(5,)]
    assert len(tables(warehouse)["orders"]) == 3


def test_failed_append_leaves_the_tables_as_they_were(
    load_folder, append, shop, warehouse
):
    load_folder(shop(orders__csv=GOOD))
    before = tables(warehouse)
    reviews = "review_id,rating,written_at\n1,five,2024-01-01\n"
    with pytest.raises(LoadError, match="'five' is not a whole number"):
        append(shop(orders__csv=ORDERS + "3,bob,2024-03-01,5\n", reviews__csv=reviews))
    assert tables(warehouse) == before


def test_instants_are_appended_to_times_of_the_clock(
    load_folder, append, shop, warehouse
):
    load_folder(shop(orders__csv=GOOD))
    append(shop(orders__csv=ORDERS + "3,bob,2024-03-01 10:00:00+02:00,5\n"))
    in_utc = "timezone('UTC', ordered_at)"
    assert columns_of(warehouse, "orders", in_utc) == [
        (dt.datetime(2024, 1, 31, 10),),
        (dt.datetime(2024, 2, 1),),
        (dt.datetime(2024, 3, 1, 8),),
    ]
    append(shop(orders__csv=ORDERS + "4,bob,2024-03-02 10:00:00,5\n"))
    assert columns_of(warehouse, "orders", in_utc)[-1] == (dt.datetime(2024, 3, 2, 10),)


def test_nothing_is_appended_to_what_stays_in_place(
    append, shop, tmp_path, warehouse, feeds
):
    parquet(tmp_path / "there" / "orders.parquet", ORDER.format(1))
    link(str(tmp_path / "there"), warehouse, feeds, print)
    with pytest.raises(LoadError, match=r"raw.orders is a view of data that stay"):
        append(shop(orders__csv=GOOD))


def test_other_tables_of_the_warehouse_stay(load_folder, shop, warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw; create table raw.mine as select 1 as a")
    load_folder(shop(orders__csv=GOOD))
    assert tables(warehouse)["mine"] == [(1,)]


def test_long_queries_report_how_far_they_are(monkeypatch):
    monkeypatch.setattr(reading, "_SECONDS_BETWEEN_REPORTS", 0.01)
    reports: list[str] = []
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        with reading.progress(connection, "orders", reports.append):
            connection.execute(
                "select sum(hash(i)) from range(50_000_000) numbers(i)"
            ).fetchall()
    percents = [int(line.removeprefix("orders: ")[:-2]) for line in reports]
    assert percents
    assert percents == sorted(percents)
    assert 0 <= percents[0] <= percents[-1] <= 100


def test_command_says_what_it_loaded_and_what_is_next(command, shop, warehouse):
    done = command("folder", shop(orders__csv=GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    assert "orders: 2 rows written" in done.stdout
    assert "2 rows  2024-01-31 to 2024-02-01" in done.stdout
    assert done.stdout.endswith(
        f"Next: CLV_WAREHOUSE={warehouse} dbt build --target shop\n"
    )


def test_command_fails_with_one_message_and_no_traceback(command, tmp_path):
    failed = command("cdnow", tmp_path / "none.txt")
    assert failed.returncode == 1
    assert failed.stderr == (
        f"load.py: No file {tmp_path / 'none.txt'}. Check the path.\n"
    )
    unknown = command("by-hand", tmp_path)
    assert unknown.returncode == 2
    assert "invalid choice: 'by-hand'" in unknown.stderr


def test_all_unreadable_values_are_listed_at_once(command, shop, warehouse):
    orders = GOOD.replace("2024-02-01", "01/02/2024").replace("12.50", "twelve")
    reviews = "review_id,rating,written_at\n1,five,2024-01-01\n"
    wrong = command("folder", shop(orders__csv=orders, reviews__csv=reviews))
    places = [line.partition(":")[0] for line in wrong.stderr.splitlines()]
    assert (wrong.returncode, len(places)) == (1, 3)
    checked = command("folder", shop(), "--check")
    assert (checked.returncode, checked.stderr) == (1, "")
    for column in ("ordered_at: '01/02/2024'", "amount: 'twelve'", "rating: 'five'"):
        assert f"column {column}" in wrong.stderr
        assert f"column {column}" in checked.stdout
    assert not warehouse.exists()


def test_dates_are_read_by_the_format_given(command, shop, warehouse):
    folder = shop(orders__csv=GOOD.replace("2024-02-01", "1.2.2024"))
    assert command("folder", folder).returncode == 1
    assert command("folder", folder, "--dates", "%d.%m.%Y").returncode == 0
    days = [day for (day,) in columns_of(warehouse, "orders", "ordered_at")]
    assert days[1] == dt.datetime(2024, 2, 1)


def test_command_names_a_warehouse_that_it_cannot_open(command, shop, tmp_path):
    folder = shop(orders__csv=GOOD)
    foreign = tmp_path / "notes.txt"
    foreign.write_text("no database")
    failed = command("folder", folder, path=foreign)
    assert failed.returncode == 1
    assert f"{foreign} is no DuckDB database. Name another file" in failed.stderr
    assert foreign.read_text() == "no database"

    failed = command("folder", folder, path=tmp_path / "nowhere" / "w.duckdb")
    assert failed.returncode == 1
    assert f"There is no folder {tmp_path / 'nowhere'} for w.duckdb" in failed.stderr

    locked = tmp_path / "locked.duckdb"
    with held(locked) as holder:
        failed = command("folder", folder, path=locked)
    assert failed.returncode == 1
    assert f"(process {holder.pid}). Try again" in failed.stderr


def test_a_load_that_has_no_room_leaves_no_new_warehouse(root, shop, warehouse):
    """A limit on the size of files stands for a full disk, in a process of its own."""
    rows = "".join(f"o{i},c{i},2024-01-01,{i}\n" for i in range(30_000))
    folder = shop(orders__csv="order_id,customer_id,ordered_at,amount\n" + rows)
    limit = 2**17
    done = subprocess.run(
        [sys.executable, "scripts/load.py", "folder", folder, "--warehouse", warehouse],
        cwd=root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "as it was" in done.stderr and "would become larger than" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(warehouse.parent.glob(f"{warehouse.name}*"))


def parquet(path: Path, sql: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(sql).write_parquet(str(path))
    return path


ORDER = "select {} as order_id, 'c' as customer_id, date '2024-05-01' as ordered_at"


def test_files_stay_in_place_and_what_is_added_is_seen(tmp_path, warehouse, feeds):
    folder = tmp_path / "a [b]'s shop"
    parquet(folder / "orders" / "1.parquet", ORDER.format(1))
    lines = "select 1 as order_id, 'p' as product_id, 2 as quantity, 3.5 as unit_price"
    parquet(folder / "order_lines.parquet", lines)
    loaded = link(str(folder), warehouse, feeds, print)
    rows = {feed.name: feed.rows for feed in loaded.feeds if feed.rows}
    assert rows == {"orders": 1, "order_lines": 1}
    parquet(folder / "orders" / "2.parquet", ORDER.format(2))
    with duckdb.connect(str(warehouse)) as connection:
        found = connection.execute("select order_id from raw.orders").fetchall()
        assert sorted(found) == [(1,), (2,)]
        assert not connection.execute("from raw.reviews").fetchall()


def test_rows_in_place_say_where_they_are_and_may_lack_ids(tmp_path, warehouse, feeds):
    log = (
        "select 'ann' as \"Customer ID\", date '2024-01-05' as ordered_at, "
        '10 as "Amount" from range({})'
    )
    parquet(tmp_path / "orders" / "1.parquet", log.format(2))
    parquet(tmp_path / "orders" / "2.parquet", log.format(1))
    link(str(tmp_path), warehouse, feeds, print)
    names = ("order_id", "customer_id", "amount", "loaded_file", "loaded_row")
    found = columns_of(warehouse, "orders", *names)
    one, two = (str(tmp_path / "orders" / f"{n}.parquet") for n in (1, 2))
    assert [row[1:] for row in found] == [
        ("ann", 10, one, 1),
        ("ann", 10, one, 2),
        ("ann", 10, two, 1),
    ]
    in_place = {name for name, *_ in found}
    assert len(in_place) == 3
    # A copy of the same rows has the same ids.
    load(CONNECTORS["folder"], tmp_path, warehouse, feeds, print)
    assert {name for (name,) in columns_of(warehouse, "orders", "order_id")} == in_place


def test_ids_in_place_that_a_spreadsheet_cut_are_in_doubt(tmp_path, warehouse, feeds):
    order = (
        "select '{}' as order_id, 'c' as customer_id, date '2024-05-01' as ordered_at"
    )
    parquet(tmp_path / "orders" / "1.parquet", order.format("7.41E+12"))
    parquet(tmp_path / "orders" / "2.parquet", order.format("7E12"))
    loaded = link(str(tmp_path), warehouse, feeds, print)
    (cut,) = (each for each in loaded.findings.doubts if "digits" in each.text)
    assert "orders, column order_id: 1 id without" in cut.text
    assert "'7.41E+12'" in cut.text


def test_copies_and_views_take_each_others_place(
    load_folder, shop, tmp_path, warehouse, feeds
):
    folder = shop(orders__csv=GOOD, order_lines__csv=LINES)
    load_folder(folder)
    copied = tables(warehouse)
    parquet(tmp_path / "orders.parquet", ORDER.format(1))
    link(str(tmp_path), warehouse, feeds, print)
    assert "orders" not in tables(warehouse)
    load_folder(folder)
    assert tables(warehouse) == copied


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no orders.parquet and no orders/"),
        ({"orders": "select 1 as order_id"}, "no column customer_id, ordered_at"),
    ],
)
def test_views_of_wrong_files_leave_the_last_good_tables(
    load_folder, shop, tmp_path, warehouse, feeds, files, words
):
    load_folder(shop(orders__csv=GOOD, order_lines__csv=LINES))
    copied = tables(warehouse)
    for name, sql in files.items():
        parquet(tmp_path / "wrong" / f"{name}.parquet", sql)
    with pytest.raises(LoadError, match=words):
        link(str(tmp_path / "wrong"), warehouse, feeds, print)
    assert tables(warehouse) == copied
