"""Tests loading by a mapping file, and the errors that a wrong one gives."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from clv_warehouse.loading.connectors import mapped_by
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import load
from clv_warehouse.loading.problems import LoadError
from load_command import load_command

MAGENTO = """\
ID,Purchase Date,Grand Total (Base),Grand Total (Purchased),Status,Customer Email,\
Shipping and Handling,Total Refunded
000000017,"Mar 3, 2025 15:05:09 PM",54.9000,54.9000,Complete,flo@x.io,4.9000,0.0000
000000018,"Jul 5, 2025 00:10:00 AM",64.9000,71.3900,Complete,gus@x.io,4.9000,22.0000
000000019,"Jul 6, 2025 08:00:00 AM",34.9000,34.9000,Closed,FLO@x.io,4.9000,34.9000
000000020,"Jul 7, 2025 08:00:00 AM",99.0000,99.0000,Suspected Fraud,hal@x.io,,
"""
AMAZON = """\
amazon-order-id\tpurchase-date\tlast-updated-date\torder-status\tsales-channel\t\
product-name\tsku\tquantity\tcurrency\titem-price\tshipping-price\tgift-wrap-price\t\
item-promotion-discount\tship-promotion-discount
7-1\t2025-06-01T22:30:00+00:00\t2025-06-02T22:30:00+00:00\tShipped\tAmazon.de\t\
Lamp\tLAMP\t2\tEUR\t30.00\t5.90\t1.00\t\t0.90
7-1\t2025-06-01T22:30:00+00:00\t2025-06-02T22:30:00+00:00\tShipped\tAmazon.de\t\
Rug "Oslo"\tRUG\t1\tEUR\t25.00\t0.00\t\t5.00\t
7-2\t2025-06-03T08:00:00+00:00\t2025-06-03T08:00:00+00:00\tShipped\tAmazon.de\t\
Lamp\tLAMP\t1\tEUR\t15.00\t\t\t\t
7-2\t2025-06-03T08:00:00+00:00\t2025-06-03T08:00:00+00:00\tShipped\tAmazon.de\t\
Lamp\tLAMP\t1\tEUR\t15.00\t\t\t\t
7-3\t2025-06-04T08:00:00+00:00\t2025-06-04T08:00:00+00:00\tShipped\tNon-Amazon\t\
Lamp\tLAMP\t1\t\t\t\t\t\t
"""
GERMAN = """\
Bestellnummer;Kunden-Nr.;Bestelldatum;Zustand;Betrag;Käufer
1001;17;03.01.2025 14:05;Bezahlt;1.234,50 €;Jörg
1002;18;13.07.2025 09:00;Abgeholt;20,00- €;Ann
"""
GERMAN_MAPPING = """\
encoding: cp1252
dates: "%d.%m.%Y %H:%M"
decimal: ","
thousands: "."
money_signs: "€"
time_zone: Europe/Berlin
orders:
  columns:
    order_id: Bestellnummer
    customer_id: Kunden-Nr.
    ordered_at: Bestelldatum
    status: Zustand
    currency: {value: EUR}
    amount: Betrag
  statuses: {abgeholt: sale}
"""
SIMPLE = (
    "orders: {columns: {order_id: id, customer_id: who, ordered_at: day, amount: sum}}"
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def load_by(tmp_path: Path, warehouse: Path):
    """Load files, by name, by a mapping; return what was said."""

    def run(mapping: str | Path, source: str = "", **files: str | bytes) -> list[str]:
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            path = folder / name.replace("__", ".")
            data = content if isinstance(content, bytes) else content.encode()
            path.write_bytes(data)
        if isinstance(mapping, str):
            (tmp_path / "shop.yml").write_text(mapping, encoding="utf-8")
            mapping = tmp_path / "shop.yml"
        said: list[str] = []
        only = path if len(files) == 1 and not source else folder
        load(mapped_by(mapping), only, warehouse, read_feeds(), said.append)
        return said

    return run


@pytest.fixture
def rows(warehouse: Path):
    def run(query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(query).fetchall()

    return run


@pytest.fixture
def mappings(root: Path) -> Path:
    return root / "docs" / "mappings"


def test_magento(load_by, rows, mappings: Path) -> None:
    load_by(mappings / "magento.yml", orders__csv=MAGENTO)
    assert rows(
        "select order_id, customer_id, strftime(ordered_at, '%d %H:%M:%S'), status,"
        " currency, amount::double, shipping_amount::double, refunded_amount::double"
        " from raw.orders order by order_id"
    ) == [
        (
            "000000017",
            "flo@x.io",
            "03 14:05:09",
            "Complete",
            "EUR",
            54.9,
            4.9,
            0,
        ),
        (
            "000000018",
            "gus@x.io",
            "04 22:10:00",
            "Complete",
            "EUR",
            64.9,
            4.9,
            20,
        ),
        (
            "000000019",
            "FLO@x.io",
            "06 06:00:00",
            "refunded",
            "EUR",
            34.9,
            4.9,
            34.9,
        ),
        (
            "000000020",
            "hal@x.io",
            "07 06:00:00",
            "not_yet",
            "EUR",
            99,
            None,
            None,
        ),
    ]


def test_amazon(load_by, rows, mappings: Path) -> None:
    said = load_by(mappings / "amazon.yml", orders__txt=AMAZON)
    assert "orders: 1 of 5 rows left out, whose sales-channel is Non-Amazon" in said
    assert rows(
        "select order_id, customer_id, typeof(ordered_at), currency,"
        " shipping_amount::double from raw.orders order by order_id"
    ) == [
        ("7-1", None, "TIMESTAMP WITH TIME ZONE", "EUR", 6.0),
        ("7-2", None, "TIMESTAMP WITH TIME ZONE", "EUR", None),
    ]
    assert rows(
        "select order_id, product_id, quantity::int, amount::double, loaded_row"
        " from raw.order_lines order by loaded_row"
    ) == [
        ("7-1", "LAMP", 2, 30, 2),
        ("7-1", "RUG", 1, 20, 3),
        ("7-2", "LAMP", 1, 15, 4),
        ("7-2", "LAMP", 1, 15, 5),
    ]
    assert rows("select product_name from raw.products order by all") == [
        ("Lamp",),
        ('Rug "Oslo"',),
    ]


def test_a_german_export(load_by, rows) -> None:
    load_by(GERMAN_MAPPING, auftrag__csv=GERMAN.encode("cp1252"))
    assert rows(
        "select order_id, strftime(ordered_at, '%m-%d %H:%M'), status, amount::double,"
        " loaded_file, loaded_row from raw.orders order by order_id"
    ) == [
        ("1001", "01-03 13:05", "Bezahlt", 1234.5, "auftrag.csv", 2),
        ("1002", "07-13 07:00", "sale", -20, "auftrag.csv", 3),
    ]


@pytest.mark.parametrize(
    ("written", "way", "number"),
    [
        ("12.50", "", 12.5),
        ('"1,234.56"', 'thousands: ","', 1234.56),
        ("1 234,5", "decimal: ','\nthousands: ' '", 1234.5),
        ("1\u202f234,50", "decimal: ','\nthousands: ' '", 1234.5),
        ("1’234.50", 'thousands: "\'"', 1234.5),
        ("$ -5.00", "money_signs: $", -5),
        ("-$0.95", "money_signs: $", -0.95),
        ("(5.00)", "", -5),
        ("5.00-", "", -5),
        ("12.5 kr", "money_signs: kr", 12.5),
        (".5", "", 0.5),
    ],
)
def test_numbers(load_by, rows, written: str, way: str, number: float) -> None:
    load_by(f"{SIMPLE}\n{way}", a__csv=f"id;who;day;sum\n1;a;2024-01-05;{written}\n")
    assert rows("select amount::double from raw.orders") == [(number,)]


@pytest.mark.parametrize(
    ("written", "way"),
    [
        ("1.234,50", ""),
        ("1,234.50", ""),
        ("1,23.50", 'thousands: ","'),
        ("12.50", 'decimal: ","'),
        ("12.50 EUR", ""),
        ("1e3", ""),
        ("1 234.50", ""),
        ("123456789012345678", ""),
    ],
)
def test_numbers_that_the_mapping_does_not_say_are_refused(
    load_by, written: str, way: str
) -> None:
    with pytest.raises(LoadError, match=r"a\.csv, row 2, column sum: .* is no number"):
        load_by(
            f"{SIMPLE}\n{way}", a__csv=f"id;who;day;sum\n1;a;2024-01-05;{written}\n"
        )


@pytest.mark.parametrize(
    ("written", "way", "time"),
    [
        ("05/01/2024", 'dates: "%d/%m/%Y"', "2024-01-05 00:00"),
        ("2024-01-05", 'dates: "%d/%m/%Y"', "2024-01-05 00:00"),
        ("45296.5", "dates: excel", "2024-01-05 12:00"),
        ("1704456000", "dates: unix", "2024-01-05 12:00"),
        ("1704456000000", "dates: unix", "2024-01-05 12:00"),
        ("2024-01-05 12:00", "time_zone: America/New_York", "2024-01-05 17:00"),
        (
            "2024-01-05 12:00 +0100",
            "time_zone: America/New_York",
            "2024-01-05 11:00",
        ),
    ],
)
def test_times(load_by, rows, written: str, way: str, time: str) -> None:
    load_by(f"{SIMPLE}\n{way}", a__csv=f"id;who;day;sum\n1;a;{written};5\n")
    assert rows("select strftime(ordered_at, '%Y-%m-%d %H:%M') from raw.orders") == [
        (time,)
    ]


def test_a_date_of_another_form_says_which_key_helps(load_by) -> None:
    with pytest.raises(LoadError, match=r"'05\.01\.2024' is no time .* dates: \"%d"):
        load_by(SIMPLE, a__csv="id;who;day;sum\n1;a;05.01.2024;5\n")


def test_columns_are_joined_chosen_and_added(load_by, rows) -> None:
    load_by(
        """
orders:
  columns:
    order_id: id
    customer_id: {first_of: [mail, phone]}
    ordered_at: {join: [day, clock]}
    amount: {sum: [goods, post], minus: off}
""",
        a__csv="id,mail,phone,day,clock,goods,post,off\n"
        "1,ann@example.com,,2024-01-05,10:30,10,2,1\n"
        "2,,0301234,2024-01-06,11:00:09,20,,\n",
    )
    assert rows(
        "select customer_id, strftime(ordered_at, '%d %H:%M'), amount::double"
        " from raw.orders order by order_id"
    ) == [("ann@example.com", "05 10:30", 11), ("0301234", "06 11:00", 20)]


def test_a_price_of_a_line_becomes_one_of_a_piece(load_by, rows) -> None:
    load_by(
        f"{SIMPLE}\norder_lines: {{file: b.csv, columns: {{order_id: id, quantity: n,"
        " product_id: sku, unit_price: {column: total, over: n}}}".replace(
            "orders: {", "orders: {file: a.csv, "
        ),
        a__csv="id;who;day;sum\n1;a;2024-01-05;10\n",
        b__csv="id;sku;n;total\n1;X;3;10\n",
    )
    assert rows("select unit_price::double from raw.order_lines") == [(3.3333,)]


ROWS = """
fill_down: id
orders:
  rows: {rows}
  columns:
    order_id: id
    customer_id: who
    ordered_at: day
    amount: sum
    shipping_amount: {{column: post, rows: add}}
order_lines:
  columns: {{order_id: id, product_id: sku, quantity: n, amount: price}}
  line_types: {{PORTO: shipping}}
"""


def test_the_first_row_of_an_order_holds_and_blanks_are_filled(load_by, rows) -> None:
    load_by(
        ROWS.format(rows="first"),
        a__csv="id,who,day,sum,post,sku,n,price\n"
        "1,ann,2024-01-05,30,1,X,2,20\n,,,,2,PORTO,1,10\n2,bob,2024-01-06,5,,X,1,5\n",
    )
    assert rows(
        "select order_id, customer_id, amount::int, shipping_amount::int, loaded_row"
        " from raw.orders order by order_id"
    ) == [("1", "ann", 30, 3, 2), ("2", "bob", 5, None, 4)]
    assert rows(
        "select order_id, product_id, line_type from raw.order_lines order by 1, 2 desc"
    ) == [("1", "X", "product"), ("1", "PORTO", "shipping"), ("2", "X", "product")]


def test_rows_said_to_be_the_same_that_differ_are_refused(load_by) -> None:
    with pytest.raises(
        LoadError, match="1 of order_id have rows that differ in amount, such as 1"
    ):
        load_by(
            ROWS.format(rows="same"),
            a__csv="id,who,day,sum,post,sku,n,price\n"
            "1,ann,2024-01-05,30,1,X,2,20\n1,ann,2024-01-05,31,2,PORTO,1,10\n",
        )


def test_negative_rows_of_an_order_are_its_refunds(load_by, rows) -> None:
    load_by(
        SIMPLE.replace("columns", "negative_amounts: refunds, columns"),
        a__csv="id;who;day;sum\n1;a;2024-01-05;10\n1;a;2024-02-05;-4\n1;a;2024-03-05;-1\n",
    )
    assert rows("select amount::int from raw.orders") == [(10,)]
    assert rows(
        "select refund_id, order_id, refunded_at::date::varchar, amount::int,"
        " loaded_row from raw.refunds order by refund_id"
    ) == [
        ("1-refund-1", "1", "2024-02-05", 4, 3),
        ("1-refund-2", "1", "2024-03-05", 1, 4),
    ]


def test_orders_without_an_id_stay_as_many_as_they_are(load_by, rows) -> None:
    log = "who;day;sum\na;2024-01-05;10\na;2024-01-05;10\nb;2024-01-05;10\n"
    mapping = SIMPLE.replace("order_id: id, ", "")
    load_by(mapping, a__csv=log)
    ids = rows("select order_id from raw.orders order by loaded_row")
    assert len(set(ids)) == 3
    load_by(mapping, a__csv=log)
    assert rows("select order_id from raw.orders order by loaded_row") == ids


def test_parts_of_a_pattern_are_one_feed(load_by, rows) -> None:
    load_by(
        SIMPLE.replace("{columns", '{file: "a_*.csv", columns'),
        a_2023__csv="id;who;day;sum\n1;a;2023-01-05;10\n",
        a_2024__csv="id;who;day;sum\n2;a;2024-01-05;20\n",
    )
    assert rows("select order_id, loaded_file from raw.orders order by all") == [
        ("1", "a_2023.csv"),
        ("2", "a_2024.csv"),
    ]


def test_rows_that_are_kept_are_said(load_by, rows) -> None:
    said = load_by(
        SIMPLE.replace("columns", "keep_only: {kind: [Sale, '']}, columns"),
        a__csv="id;who;day;sum;kind\n1;a;2024-01-05;10;sale\n2;a;2024-01-06;1;Fee\n"
        "3;a;2024-01-07;7;\n",
    )
    assert rows("select order_id from raw.orders order by all") == [("1",), ("3",)]
    assert "orders: 1 of 3 rows left out, whose kind is not Sale or blank" in said


def test_a_filter_that_leaves_no_row_names_the_values(load_by) -> None:
    with pytest.raises(LoadError, match=r"no row is left.*holds: Sale, blanks"):
        load_by(
            SIMPLE.replace("columns", "keep_only: {kind: order}, columns"),
            a__csv="id;who;day;sum;kind\n1;a;2024-01-05;10;Sale\n2;a;2024-01-06;1;\n",
        )


COLUMNS = "order_id: id, ordered_at: day, amount: sum"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("orders: [", r"shop\.yml cannot be read as YAML: .*Quote names that hold a"),
        ("orders: {}\norders: {}", "the key orders stands twice"),
        ("- a", r"shop\.yml: \['a'\] is not keys with values"),
        ("products: {columns: {product_id: id}}", "has no key orders"),
        ("order: {}", "no key order is known. Did you mean orders?"),
        (
            "orders: {colums: {}}",
            "orders: no key colums is known. Did you mean columns?",
        ),
        (
            "orders: {columns: {order_id: id, order_date: day}}",
            "orders, columns: no key order_date is known",
        ),
        ("orders: {columns: {order_id: id}}", r"needs ordered_at \(timestamp\)"),
        (f"decimal: ;\norders: {{columns: {{{COLUMNS}}}}}", "decimal: ';' is not"),
        (
            f"decimal: ','\nthousands: ','\norders: {{columns: {{{COLUMNS}}}}}",
            "decimal and thousands are both ','",
        ),
        (
            f"dates: '%d.%m.%y'\norders: {{columns: {{{COLUMNS}}}}}",
            "years of two digits are not read",
        ),
        (
            f"dates: '%Q-%Y'\norders: {{columns: {{{COLUMNS}}}}}",
            "dates: '%Q-%Y' is no format of dates",
        ),
        (
            f"time_zone: Berlin\norders: {{columns: {{{COLUMNS}}}}}",
            "time_zone: 'Berlin' is not the name of a zone",
        ),
        (
            f"encoding: latin-0\norders: {{columns: {{{COLUMNS}}}}}",
            "encoding: 'latin-0' is not such as utf-8 or cp1252",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}, status: day}}, statuses: {{A: maybe}}}}",
            "statuses, A: 'maybe' is not one of sale, refunded, not_yet, never, test",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}}}, statuses: {{New: sale}}}}",
            "statuses needs status among the columns",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}, tax_amount: {{sum: a, column: b}}}}}}",
            "tax_amount: column, sum says where its values come from. Give one of",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}, status: {{sum: [a, b]}}}}}}",
            "status: sum is for numbers, and varchar is none",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}, tax_amount: {{column: a, rows: add}}}}}}",
            "a column says rows, and the feed does not",
        ),
        (
            "orders: {columns: {order_id: id, ordered_at: day, amount: }}",
            "no column is the amount, and nothing is order_lines",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}, tax_amount: Sum 2}}}}",
            r"a\.csv has no column Sum 2\..* It has: day, id, sum",
        ),
        (
            f"orders: {{columns: {{{COLUMNS}}}}}\n"
            "order_lines: {columns: {order_id: id, product_id: sum},"
            " line_types: {X: postage}}",
            "line_types, X: 'postage' is not one of product, charge",
        ),
        (
            f"orders: {{file: 'b*.csv', columns: {{{COLUMNS}}}}}",
            r"file: .* has no b\*\.csv. It holds: a\.csv",
        ),
    ],
)
def test_what_is_wrong_with_a_mapping_is_named(
    load_by, warehouse: Path, mapping: str, message: str
) -> None:
    with pytest.raises(LoadError, match=message):
        load_by(mapping, a__csv="id,day,sum\n1,2024-01-05,10\n")
    assert not warehouse.exists()


def test_a_folder_needs_the_name_of_the_file(load_by) -> None:
    with pytest.raises(LoadError, match=r"no key file says .* It holds: a\.csv"):
        load_by(SIMPLE, source="folder", a__csv="id;who;day;sum\n1;a;2024-01-05;1\n")


def test_the_command_takes_a_mapping(tmp_path: Path) -> None:
    source, mapping = tmp_path / "a.csv", tmp_path / "m.yml"
    source.write_text("id;who;day;sum\n1;a;2024-01-05;10\n", encoding="utf-8")
    mapping.write_text(SIMPLE, encoding="utf-8")
    to = ("--warehouse", tmp_path / "w.duckdb")
    done = load_command("map", source, "--mapping", mapping, *to)
    assert done.returncode == 0, done.stderr
    assert "orders: 1 rows written" in done.stdout
    without = load_command("map", source, *to)
    assert "map FILE --mapping shop.yml" in without.stderr
