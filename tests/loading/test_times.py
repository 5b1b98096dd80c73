"""Tests that times are read alike from CSV, from Parquet in place and from raw text."""

import datetime as dt

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import link, load
from clv_warehouse.loading.options import AS_USUAL, Options
from clv_warehouse.loading.reading import LoadError, Reader
from clv_warehouse.loading.times import explains, offsets_in, suggested_zones

# What a text means in UTC, where the shop's clock is in UTC too.
READ = {
    "2024-01-05": "2024-01-05 00:00:00",
    "2024-1-5 9:30": "2024-01-05 09:30:00",
    "2024/01/05 10:00:00": "2024-01-05 10:00:00",
    "2024.01.05": "2024-01-05 00:00:00",
    "2024-01-05T10:00:00.123456": "2024-01-05 10:00:00.123456",
    "2024-01-05 10:00:00,5": "2024-01-05 10:00:00.5",
    # Offsets: Shopify and Ruby, SQL Server, Postgres, JavaScript, Java, e-mail.
    "2024-01-05 10:00:00 +0100": "2024-01-05 09:00:00",
    "2024-01-05 10:00:00.1234567 +01:00": "2024-01-05 09:00:00.123456",
    "2024-01-05 10:00:00.123456+02": "2024-01-05 08:00:00.123456",
    "2024-01-05 10:00:00+0530": "2024-01-05 04:30:00",
    "2024-01-05T18:30:00-05:00": "2024-01-05 23:30:00",
    "2024-01-05T10:00:00Z": "2024-01-05 10:00:00",
    "2024-01-05T10:00:00.123Z": "2024-01-05 10:00:00.123",
    "2024-01-05T10:00+01:00[Europe/Berlin]": "2024-01-05 09:00:00",
    "Fri Jan 05 2024 10:00:00 GMT+0100 (CET)": "2024-01-05 09:00:00",
    "Mon, 23 Sep 2024 14:21:24 +0000": "2024-09-23 14:21:24",
    "05/Jan/2024:10:00:00 +0100": "2024-01-05 09:00:00",
    "2024-01-05 10:00:00 UTC": "2024-01-05 10:00:00",
    "2024-01-05 10:00:00 UTC-3": "2024-01-05 13:00:00",
    "2024-11-03 01:30:00 EST": "2024-11-03 06:30:00",
    "2024-07-05 10:00:00 CEST": "2024-07-05 08:00:00",
    "2024-03-31 20:00:00 America/New_York": "2024-04-01 00:00:00",
    # Names of months; an AM or PM that a clock of 24 hours does not need.
    "3 Nov 2025": "2025-11-03 00:00:00",
    "3-NOV-2025 14:05": "2025-11-03 14:05:00",
    "Nov 3, 2025 14:05:09 PM": "2025-11-03 14:05:09",
    "Nov 3, 2025 2:05:09 PM": "2025-11-03 14:05:09",
    "November 3rd, 2025 12:05 a.m.": "2025-11-03 00:05:00",
    "2024-01-05 12:10:00 PM": "2024-01-05 12:10:00",
}
NOT_READ = [
    # The day may be the month, or the year.
    *("05/01/2024", "05-01-24", "24-01-05", "05.01.2024", "5-Jan-24", "1/5/24 10:00"),
    # BST is the time of London in summer, of Dhaka and of Bougainville.
    *("2024-01-05 10:00:00 BST", "2024-01-05 10:00:00 Mars/Base"),
    *("2024-02-30", "30 Feb 2024", "2024-13-01", "2024-01-05 25:00:00"),
    *("2024-01-05 13:10 AM", "2024-01-05 10:00:00 +25:00", "0005-01-24"),
    *("2024", "10:00:00", "20240105", "45296.5", "epoch", "infinity", "today"),
]
NEW_YORK = "America/New_York"


def at(text):
    return dt.datetime.fromisoformat(text)


def load_texts(folder, warehouse, texts, options=AS_USUAL):
    rows = [f'{i},ann,"{text}",1' for i, text in enumerate(texts)]
    folder.mkdir(exist_ok=True)
    header = "order_id,customer_id,ordered_at,amount"
    (folder / "orders.csv").write_text("\n".join([header, *rows]), "utf-8")
    load(CONNECTORS["folder"], folder, warehouse, read_feeds(), lambda _: None, options)


def raw_times(warehouse):
    """The type of the times of raw.orders, and what they are in UTC."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute(
            "select typeof(ordered_at), ordered_at::timestamp from raw.orders"
            " order by order_id::integer"
        ).fetchall()
    ((kind,),) = {(kind,) for kind, _ in rows}
    return kind, [time for _, time in rows]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "warehouse.duckdb"


def test_the_table_of_texts_is_read_by_load_in_place_and_by_staging(
    tmp_path, warehouse
):
    expected = [at(text) for text in READ.values()]
    load_texts(tmp_path / "csv", tmp_path / "loaded.duckdb", READ)
    assert raw_times(tmp_path / "loaded.duckdb") == (
        "TIMESTAMP WITH TIME ZONE",
        expected,
    )

    texts = [*READ, *NOT_READ]
    orders = pa.table(
        {
            "order_id": [str(i) for i in range(len(texts))],
            "customer_id": ["ann"] * len(texts),
            "ordered_at": [f" {text} " for text in texts],
            "amount": [1.0] * len(texts),
        }
    )
    (tmp_path / "parquet").mkdir()
    pq.write_table(orders, tmp_path / "parquet" / "orders.parquet")
    link(str(tmp_path / "parquet"), warehouse.path, read_feeds(), lambda _: None)
    in_place = staged(warehouse)
    warehouse.write_raw(orders=orders.to_pandas())
    assert staged(warehouse) == in_place
    assert [time for time, _ in in_place] == [*expected, *[None] * len(NOT_READ)]
    assert [unread for _, unread in in_place if unread] == NOT_READ


def staged(warehouse):
    warehouse.build("--select", "nobody_ids", "stg_orders")
    rows = warehouse.query(
        "select ordered_at, unreadable::json ->> 'ordered_at' as text"
        " from staging.stg_orders order by order_id::integer"
    )
    return [
        (None if time != time else time.to_pydatetime(), text if text == text else None)
        for time, text in zip(rows["ordered_at"], rows["text"], strict=True)
    ]


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_not_plain_is_refused_with_its_row(tmp_path, path, text):
    with pytest.raises(LoadError) as refused:
        load_texts(tmp_path / "shop", path, ["2024-02-05", text])
    assert str(refused.value).startswith(
        f"orders.csv, row 3, column ordered_at: '{text}' is not a date or time such as"
    )
    assert "--dates %d/%m/%Y" in str(refused.value)


@pytest.mark.parametrize(
    ("form", "text", "read"),
    [
        ("%d-%m-%y", "05-01-24", "2024-01-05"),
        ("%d/%m/%Y %H:%M", "05/01/2024 10:30", "2024-01-05 10:30"),
        ("%Y-%d-%m", "2024-05-01", "2024-01-05"),
        ("%Y%m%d", "20240105", "2024-01-05"),
        ("%d/%m/%Y %H:%M %z", "05/01/2024 10:30 +0100", "2024-01-05 09:30"),
    ],
)
def test_a_format_reads_what_is_not_plain(tmp_path, path, form, text, read):
    times = [text, "2024-02-29 10:00"]
    load_texts(tmp_path / "shop", path, times, Options(dates=(form,)))
    assert raw_times(path)[1] == [at(read), at("2024-02-29 10:00")]


@pytest.mark.parametrize("form", ["DD/MM/YYYY", "%d/%m/%Q"])
def test_a_format_that_is_none_is_refused(tmp_path, path, form):
    with pytest.raises(LoadError, match=f"--dates {form} is no format of dates"):
        load_texts(tmp_path / "shop", path, ["2024-01-05"], Options(dates=(form,)))


def test_times_without_an_offset_stay_the_shops_clock(tmp_path, path):
    load_texts(tmp_path / "shop", path, ["2024-01-05", "2024-01-06 10:00"])
    assert raw_times(path) == ("TIMESTAMP", [at("2024-01-05"), at("2024-01-06 10:00")])


def test_a_clock_elsewhere_gives_instants(tmp_path, path):
    there = Options(time_zone=NEW_YORK)
    texts = ["2024-01-05 20:00", "2024-07-05", "2024-01-05T20:00+01:00"]
    load_texts(tmp_path / "shop", path, texts, there)
    instants = [at("2024-01-06 01:00"), at("2024-07-05 04:00"), at("2024-01-05 19:00")]
    assert raw_times(path) == ("TIMESTAMP WITH TIME ZONE", instants)


def test_times_of_parquet_are_read_alike_by_load_and_in_place(tmp_path, warehouse):
    """Units and zones are those that pandas, Spark, Postgres and BigQuery write."""
    types = {
        ("orders", "ordered_at"): pa.timestamp("ns", "Europe/Berlin"),
        ("orders", "updated_at"): pa.timestamp("ns"),
        ("events", "occurred_at"): pa.timestamp("us", "UTC"),
        ("reviews", "written_at"): pa.timestamp("ms", "UTC"),
        ("customers", "signed_up_at"): pa.timestamp("us"),
        ("refunds", "refunded_at"): pa.date32(),
    }
    feeds = read_feeds()
    for feed in feeds:
        if feed.name not in {name for name, _ in types}:
            continue
        columns = {column.name: ["1"] for column in feed.columns if not column.is_time}
        for (name, column), kind in types.items():
            zone = getattr(kind, "tz", None)
            moment = dt.datetime(2024, 1, 5, 23, 30, tzinfo=dt.UTC if zone else None)
            if name == feed.name:
                columns[column] = pa.array([moment], kind)
        pq.write_table(pa.table(columns), tmp_path / f"{feed.name}.parquet")

    load(CONNECTORS["folder"], tmp_path, warehouse.path, feeds, lambda _: None)
    loaded = staged_times(warehouse, types)
    link(str(tmp_path), warehouse.path, feeds, lambda _: None)
    assert staged_times(warehouse, types) == loaded
    assert loaded == {
        # Instants; then clocks in Tokyo, 9 hours ahead of UTC.
        ("orders", "ordered_at"): "2024-01-05 23:30:00",
        ("events", "occurred_at"): "2024-01-05 23:30:00",
        ("reviews", "written_at"): "2024-01-05 23:30:00",
        ("orders", "updated_at"): "2024-01-05 14:30:00",
        ("customers", "signed_up_at"): "2024-01-05 14:30:00",
        ("refunds", "refunded_at"): "2024-01-04 15:00:00",
    }


def staged_times(warehouse, columns):
    """The first value of each (feed, column), staged for a shop in Tokyo."""
    warehouse.build("--select", "nobody_ids", "staging", time_zone="Asia/Tokyo")
    return {
        (feed, name): warehouse.query(
            f"select {name}::varchar as at from staging.stg_{feed}"
        )["at"][0]
        for feed, name in columns
    }


@pytest.mark.parametrize(
    ("counts", "zones"),
    [
        (
            {("-0500", "2024-01"): 7, ("-0400", "2024-07"): 9},
            [NEW_YORK, "America/Detroit"],
        ),
        ({("+01:00", "2024-01"): 7, ("+02:00", "2024-07"): 9}, ["Europe/Berlin"]),
        # In March clocks change: both offsets are right.
        ({("+01", "2024-03"): 2, ("+02", "2024-03"): 2}, ["Europe/Berlin"]),
        ({("+1300", "2024-01"): 1, ("+1200", "2024-07"): 1}, ["Pacific/Auckland"]),
        ({("America/Denver", "2024-01"): 1}, ["America/Denver"]),
        # Many systems write UTC, wherever the shop is.
        ({("Z", "2024-01"): 7, ("+0000", "2024-07"): 9}, []),
        # Customers of many zones, or two shops.
        ({("-0500", "2024-01"): 7, ("+0100", "2024-01"): 9}, []),
    ],
)
def test_offsets_suggest_zones(counts, zones):
    found = suggested_zones(counts)
    assert found[: len(zones)] == zones
    assert bool(found) == bool(zones)
    assert all(explains(zone, counts) for zone in found)


def test_offsets_are_counted_by_month(tmp_path):
    folder = tmp_path / "shop"
    texts = ["2024-01-05 10:00:00 -0500"] * 3 + [
        "2024-07-05 10:00:00 -0400",
        "2024-07-06",
    ]
    folder.mkdir()
    rows = [f"{i},ann,{text},1" for i, text in enumerate(texts)]
    file = folder / "orders.csv"
    file.write_text("\n".join(["order_id,customer_id,ordered_at,amount", *rows]))
    (orders, *_) = read_feeds()
    with duckdb.connect() as connection:
        reader = Reader(connection, read_feeds(), lambda _: None)
        reader.read_file(file, orders.columns, "orders")
    counts = reader.zones["orders.csv", "ordered_at"]
    assert counts == {("-0500", "2024-01"): 3, ("-0400", "2024-07"): 1}
    assert offsets_in(counts) == {"-0500": 3, "-0400": 1}
    assert suggested_zones(counts)[0] == NEW_YORK
