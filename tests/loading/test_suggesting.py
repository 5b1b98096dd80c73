"""Tests the draft of a mapping: what it reads off files, and that it loads."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from clv_warehouse.loading.connectors import mapped_by
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.headings import HEADINGS, words_of
from clv_warehouse.loading.load import load
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.suggesting import suggest_mapping
from load_command import load_command

GERMAN = """\
Bestellnummer;Kunden-Nr.;Bestelldatum;Status;Gesamtbetrag;Versandkosten;MwSt.;Käufer
1001;17;03.01.2025 14:05;Bezahlt;1.234,50 €;4,90 €;197,10 €;Jörg Müller
1002;18;13.01.2025 09:00;Storniert;20,00 €;0,00 €;3,19 €;Ann Ø
1003;;25.02.2025 23:30;Abgeholt am Markt;59,95 €;4,90 €;9,57 €;Cy
"""


@pytest.fixture
def folder(tmp_path: Path):
    """A folder with the files given, as text or bytes by name."""

    def make(**files: str | bytes) -> Path:
        place = tmp_path / "shop"
        place.mkdir()
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (place / name.replace("__", ".")).write_bytes(data)
        return place

    return make


@pytest.fixture
def drafted(tmp_path: Path):
    """Suggest a mapping, load by it as it is, and return both."""

    def run(source: Path) -> tuple[dict[str, Any], duckdb.DuckDBPyConnection]:
        text = suggest_mapping(source, read_feeds())
        mapping = tmp_path / "draft.yml"
        mapping.write_text(text, encoding="utf-8")
        warehouse = tmp_path / "w.duckdb"
        load(mapped_by(mapping), source, warehouse, read_feeds(), [].append)
        connection = duckdb.connect(str(warehouse), read_only=True)
        return yaml.safe_load(text), connection

    return run


def test_a_german_export_of_orders(folder, drafted) -> None:
    source = folder(umsatz__csv=GERMAN.encode("cp1252"))
    draft, connection = drafted(source)
    orders = draft["orders"]
    assert orders["columns"] == {
        "order_id": "Bestellnummer",
        "customer_id": "Kunden-Nr.",
        "ordered_at": "Bestelldatum",
        "status": "Status",
        "currency": {"value": "EUR"},
        "amount": "Gesamtbetrag",
        "shipping_amount": "Versandkosten",
        "tax_amount": "MwSt.",
    }
    assert orders["encoding"] == "cp1252"
    assert (orders["decimal"], orders["thousands"]) == (",", ".")
    assert orders["dates"] == "%d.%m.%Y %H:%M"
    assert connection.execute(
        "select order_id, amount::double, ordered_at::varchar from raw.orders"
        " order by order_id limit 1"
    ).fetchall() == [("1001", 1234.5, "2025-01-03 14:05:00")]


def test_guesses_are_marked_and_unknown_statuses_left_to_the_reader(folder) -> None:
    source = folder(umsatz__csv=GERMAN.encode("cp1252"))
    text = suggest_mapping(source, read_feeds())
    assert "currency: {value: EUR}  # ? from the sign €" in text
    assert "Bezahlt = sale; Storniert = never" in text
    assert "# Abgeholt am Markt: sale  # ? unknown; rows: 1" in text
    assert "# time_zone: Europe/Berlin  # ?" in text
    assert "#   Käufer" in text


def test_a_log_without_ids(folder, drafted) -> None:
    source = folder(log__csv="Datum;E-Mail;Betrag\n13.01.2025;a@b.c;7,00\n" * 1)
    draft, connection = drafted(source)
    assert "order_id" not in draft["orders"]["columns"]
    assert draft["orders"]["columns"]["customer_id"] == "E-Mail"
    assert connection.execute("select amount::double from raw.orders").fetchall() == [
        (7.0,)
    ]


def test_a_log_of_prices_and_quantities(folder, drafted) -> None:
    source = folder(
        log__csv="Datum;Kunde;Artikel;Menge;Einzelpreis (EUR)\n"
        "13.02.2025;K-17;Tee;2;3,50\n13.02.2025;K-17;Tee;2;3,50\n"
    )
    _, connection = drafted(source)
    assert connection.execute(
        "select count(distinct order_id), sum(amount)::int from raw.orders"
    ).fetchall() == [(2, 14)]


def test_an_address_is_the_customer_where_guests_have_no_number(folder) -> None:
    source = folder(
        charges__csv="id,Created (UTC),Amount,Customer ID,Customer Email\n"
        "c1,2025-01-01 10:00:00,5.00,,ann@example.com\n"
        "c2,2025-01-02 10:00:00,7.00,cus1,bob@example.com\n"
    )
    orders = yaml.safe_load(suggest_mapping(source, read_feeds()))["orders"]
    assert orders["columns"]["customer_id"] == "Customer Email"
    assert orders["time_zone"] == "UTC"


def test_lines_that_bear_their_order_s_date_are_no_orders(folder, drafted) -> None:
    source = folder(
        a__csv="Bestell-Nr;Bestelldatum;Artikel-Nr.;Menge;Gesamtpreis\n"
        "B1;15.01.2025;T1;2;7,00\nB1;15.01.2025;T2;1;12,00\n",
        b__csv="Bestell-Nr;Bestelldatum;E-Mail-Adresse;Endbetrag in EUR\n"
        "B1;15.01.2025 10:00;ann@example.com;19,00\n",
    )
    draft, _ = drafted(source)
    assert draft["orders"]["file"] == "b.csv"
    assert draft["order_lines"]["columns"]["amount"] == "Gesamtpreis"


def test_files_of_a_folder_become_feeds(folder, drafted) -> None:
    source = folder(
        bestellungen_2023__csv="Auftragsnr;Kundennr;Datum;Summe\nA1;k1;2023-01-05;30,00\n",
        bestellungen_2024__csv="Auftragsnr;Kundennr;Datum;Summe\nA2;k2;2024-01-05;7,50\n",
        positionen__csv="Auftragsnr;Pos;Artikelnummer;Menge;Einzelpreis\n"
        "A1;1;X;3;10,00\nA2;1;Y;1;7,50\n",
        kunden__csv="Kundennr;Name;E-Mail;Land\nk1;Ann;ann@example.com;DE\n",
    )
    draft, connection = drafted(source)
    assert draft["orders"]["file"] == "bestellungen_202*.csv"
    assert draft["order_lines"]["file"] == "positionen.csv"
    assert draft["order_lines"]["columns"]["unit_price"] == "Einzelpreis"
    assert draft["customers"]["columns"]["country"] == "Land"
    counts = "select (select count(*) from raw.{}) ".format
    for feed, rows in (("orders", 2), ("order_lines", 2), ("customers", 1)):
        assert connection.execute(counts(feed)).fetchall() == [(rows,)]


def test_rows_of_lines_and_prices_of_lines(folder, drafted) -> None:
    source = folder(
        export__csv="Order No;Date;Customer;SKU;Qty;Price;Total\n"
        "1;2025-01-03;ann;X;2;20,00;25,00\n;;;Y;1;5,00;\n2;2025-01-04;bob;X;3;30,00;30,00\n"
    )
    draft, connection = drafted(source)
    assert draft["orders"]["fill_down"] == "Order No"
    assert draft["orders"]["rows"] == "same"
    # 20 + 5 is the order's total, 2 x 20 + 5 is not: the price is that of a line.
    assert draft["order_lines"]["columns"]["amount"] == "Price"
    assert connection.execute(
        "select order_id, amount::int from raw.orders order by all"
    ).fetchall() == [("1", 25), ("2", 30)]


def test_prices_of_pieces_are_told_by_the_totals(folder, drafted) -> None:
    source = folder(
        export__csv="order id,order date,email,sku,quantity,price,total\n"
        "1,2025-01-03,a@b.c,X,2,20,45\n1,2025-01-03,a@b.c,Y,1,5,45\n"
    )
    draft, _ = drafted(source)
    assert draft["order_lines"]["columns"]["unit_price"] == "price"
    assert "amount" not in draft["order_lines"]["columns"]


def test_date_and_time_apart_and_rows_that_pay_back(folder, drafted) -> None:
    source = folder(
        tx__csv="Date,Time,Transaction ID,Event Type,Total Collected,Customer ID\n"
        '2025-01-03,14:05:09,T1,Payment,"$1,234.56",C1\n'
        "2025-01-04,10:00:00,T1,Refund,-$34.56,C1\n2025-01-05,10:00:00,T2,Payment,$20.00,\n"
    )
    draft, connection = drafted(source)
    assert draft["orders"]["columns"]["ordered_at"] == {"join": ["Date", "Time"]}
    assert draft["orders"]["negative_amounts"] == "refunds"
    assert draft["orders"]["money_signs"] == ["$"]
    assert connection.execute(
        "select order_id, amount::double from raw.refunds"
    ).fetchall() == [("T1", 34.56)]


def test_days_and_months_that_cannot_be_told_apart_are_said(folder) -> None:
    source = folder(a__csv="order id,date,total\n1,03/04/2025,5\n2,05/06/2025,5\n")
    text = suggest_mapping(source, read_feeds())
    assert 'dates: "%d/%m/%Y"  # ? day or month first: both fit' in text


def test_a_report_s_title_and_plain_quotes(folder, drafted) -> None:
    source = folder(
        a__tsv="Sales of May\n\norder-id\tdate\tproduct\ttotal\n"
        '1\t2025-05-01\t12" pipe\t5\n2\t2025-05-02\t24" pipe\t9\n'
    )
    draft, connection = drafted(source)
    assert draft["orders"]["quotes"] is False
    assert connection.execute("select count(*) from raw.orders").fetchall() == [(2,)]


def test_a_file_of_something_else_is_refused_with_its_columns(folder) -> None:
    source = folder(a__csv="colour,size\nred,5\n")
    with pytest.raises(LoadError, match=r"no file looks like orders.*colour, size"):
        suggest_mapping(source, read_feeds())


def test_headings_are_written_as_they_are_compared() -> None:
    for feed, columns in HEADINGS.items():
        known = {column.name for each in read_feeds() for column in each.columns}
        for column, names in columns.items():
            assert column in known, f"{feed} has no {column}"
            assert [words_of(name) for name in names] == list(names)


@pytest.mark.parametrize("connector", ["map", "folder"])
def test_the_command_prints_the_draft_and_loads_nothing(
    tmp_path: Path, folder, connector: str
) -> None:
    source = folder(umsatz__csv=GERMAN.encode("cp1252"))
    warehouse = tmp_path / "none.duckdb"
    done = load_command(connector, source, "--suggest", "--warehouse", warehouse)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["orders"]["file"] == "umsatz.csv"
    assert not warehouse.exists()
