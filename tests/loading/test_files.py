"""Tests files as exports come: packed, in any encoding, in parts, with odd headers."""

import gzip
import io
import subprocess
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import Loaded, load
from clv_warehouse.loading.options import Options
from clv_warehouse.loading.problems import LoadError

HEADER = "order_id,customer_id,ordered_at,amount\n"
ROWS = "1,ann,2024-01-05,12.50\n2,Zoë,2024-02-05,10\n"
TEXT = HEADER + ROWS
ORDERS = [("1", "ann", 12.5), ("2", "Zoë", 10.0)]


class Folder:
    """A folder of exports, and the warehouse that they are loaded into."""

    def __init__(self, path: Path) -> None:
        self.path = path / "exports"
        self.path.mkdir()
        self.warehouse = path / "warehouse.duckdb"
        self.reports: list[str] = []

    def write(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, is_check: bool = False) -> Loaded:
        self.reports = []
        return load(
            CONNECTORS["folder"],
            self.path,
            self.warehouse,
            read_feeds(),
            self.reports.append,
            Options(is_check=is_check),
        )

    def loaded(self, feed: str, *columns: str) -> list[tuple]:
        self.load()
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(
                f"select {', '.join(columns)} from raw.{feed} order by loaded_order"
            ).fetchall()

    def orders(self) -> list[tuple]:
        return self.loaded("orders", "order_id", "customer_id", "amount::double")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "UTF-16 LE with BOM": ("orders.csv", TEXT.encode("utf-16")),
        "UTF-16 BE with BOM": ("orders.csv", b"\xfe\xff" + TEXT.encode("utf-16-be")),
        "UTF-16 LE": ("orders.csv", TEXT.encode("utf-16-le")),
        "UTF-16 BE": ("orders.csv", TEXT.encode("utf-16-be")),
        "UTF-32": ("orders.csv", TEXT.encode("utf-32")),
        "tabs as UTF-16": ("orders.txt", TEXT.replace(",", "\t").encode("utf-16")),
        "gz": ("orders.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        "gz named csv": ("orders.csv", gzip.compress(TEXT.encode(), mtime=0)),
        "plain named gz": ("orders.csv.gz", TEXT),
        "gz of UTF-16": (
            "orders.tsv.gz",
            gzip.compress(TEXT.encode("utf-16"), mtime=0),
        ),
        "txt": ("orders.txt", TEXT.replace(",", "\t")),
        "tsv": ("Orders.TSV", TEXT.replace(",", "\t")),
        "semicolons": ("orders.csv", TEXT.replace(",", ";")),
        "bars": ("orders.csv", TEXT.replace(",", "|")),
        "sep=;": ("orders.csv", "sep=;\n" + TEXT.replace(",", ";")),
        "sep= with BOM": ("orders.csv", "\ufeffsep=;\r\n" + TEXT.replace(",", ";")),
        "blank lines first": ("orders.csv", "\n\n" + TEXT),
        "report title": ("orders.csv", "Orders of the shop\n1 Jan, 5 Feb\n\n" + TEXT),
        "comment": ("orders.csv", "# made by hand, with care\n" + TEXT),
        "old Mac": ("orders.csv", TEXT.replace("\n", "\r")),
        "separator at rows' ends": ("orders.csv", HEADER + ROWS.replace("\n", ",\n")),
        "separator at all ends": ("orders.csv", TEXT.replace("\n", ",\n")),
        "separator at header's end": ("orders.csv", HEADER[:-1] + ",\n" + ROWS),
        "spelled headers": (
            "orders.csv",
            "Order ID,customer-id, Ordered_At ,AMOUNT\n" + ROWS,
        ),
        "joined headers": (
            "orders.csv",
            "OrderId,CustomerID,OrderedAt,Amount\n" + ROWS,
        ),
        "repeated headers": (
            "orders.csv",
            TEXT.replace("\n", ",x,y\n").replace("amount,x,y", "amount,Notes,Notes"),
        ),
    }.values(),
    ids=str,
)
def test_files_of_every_usual_shape_are_read(
    folder: Folder, name: str, content: str | bytes
) -> None:
    folder.write(name, content)
    assert folder.orders() == ORDERS


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "orders.csv",
            TEXT.encode("cp1252"),
            r"line 3, byte 5 is 0xeb.*iconv -f cp1252 -t utf-8 orders.csv > new.csv",
        ),
        (
            "orders.csv.gz",
            gzip.compress(TEXT.encode("cp1252"), mtime=0),
            r"gzip -dc < orders.csv.gz \| iconv -f cp1252 -t utf-8 > new.csv",
        ),
        (
            "orders.csv.gz",
            gzip.compress(TEXT.encode(), mtime=0)[:-9],
            "cut off or damaged",
        ),
        ("orders.zip", b"PK\x03\x04", "is an archive: unpack it"),
        ("orders.xlsx", b"PK\x03\x04", "is a workbook: save its sheet as 'CSV UTF-8'"),
        ("orders.csv", b"PK\x03\x04 and more", "is a zip archive or a workbook"),
        ("orders.csv", b"PAR1 and more", "rename it to end with .parquet"),
        ("orders.json", "[]", "is not read: export it as CSV"),
        (
            "orders.csv",
            ROWS,
            r"has no header: its first row is '1, ann, 2024-01-05, 12",
        ),
        ("orders.csv", "\n\n\n", "has no row that can be read"),
        (
            "orders.csv",
            TEXT.replace("ann", "a\0nn"),
            "line 2, holds a zero byte.*tr -d",
        ),
        (
            "orders.csv",
            TEXT + "# end of file\n",
            "line 4: '# end of file' has another .* Remove lines that are comments",
        ),
        (
            "orders.csv",
            TEXT + f'3,"{"x" * 20_000_000}",2024-01-01,1\n',
            "line 4: the row is longer than 16 MB",
        ),
        (
            "orders.csv",
            TEXT.replace("amount", "order id"),
            r"two columns named order_id: order_id, order id\.",
        ),
    ],
)
def test_other_files_are_refused_in_one_sentence_with_the_way_out(
    folder: Folder, name: str, content: str | bytes, words: str
) -> None:
    folder.write(name, content)
    with pytest.raises(LoadError, match=words) as refused:
        folder.load()
    assert "\n" not in str(refused.value)
    assert not folder.warehouse.exists()


def test_the_command_to_convert_a_file_makes_it_readable(folder: Folder) -> None:
    folder.write("orders.csv", gzip.compress(TEXT.encode("cp1252")))
    with pytest.raises(LoadError) as refused:
        folder.load()
    command = str(refused.value).rpartition("convert it: ")[2]
    subprocess.run(command, shell=True, check=True, cwd=folder.path)
    assert folder.orders() == ORDERS


@pytest.mark.parametrize("length", [131_073, 2_000_000, 10_000_000])
def test_long_texts_are_read(folder: Folder, length: int) -> None:
    long = "x" * length
    folder.write("orders.csv", TEXT)
    folder.write(
        "reviews.csv", f'review_id,rating,written_at,body\n1,5,2024-01-05,"{long}"\n'
    )
    assert folder.loaded("reviews", "body") == [(long,)]


@pytest.mark.parametrize(
    "names",
    [
        ("orders_2023.csv", "orders_2024.csv"),
        ("orders.csv", "orders_2024.csv"),
        ("orders.csv", "orders (1).csv"),
        ("orders-part-2.csv", "orders-part-10.csv"),
        ("orders.2023-12.csv", "orders.2024-01.csv"),
        ("orders_2023-q4.csv", "orders_2024_q1.csv.gz"),
        ("orders_export_1.csv", "orders_export_2.tsv"),
        ("Orders Dec 2023.csv", "Orders Jan 2024.txt"),
        ("orders/b.csv", "orders/c.csv"),
        ("orders.csv", "orders/2024.csv"),
        ("orders/2023/12.csv", "orders/2024/1.csv"),
    ],
)
def test_parts_are_one_feed_in_the_order_of_their_names(
    folder: Folder, names: tuple[str, str]
) -> None:
    first, second = names
    packed = gzip.compress((HEADER + "2,Zoë,2024-02-05,10\n").encode())
    (folder.path / second).parent.mkdir(parents=True, exist_ok=True)
    (folder.path / first).parent.mkdir(parents=True, exist_ok=True)
    folder.write(second, packed)
    folder.write(first, HEADER.replace(",", ";") + "1;ann;2024-01-05;12.50\n")
    assert folder.orders() == ORDERS
    assert folder.loaded("orders", "loaded_file", "loaded_row", "loaded_order") == [
        (first, 2, 1),
        (second, 2, 2),
    ]


def test_a_part_may_be_parquet(folder: Folder) -> None:
    folder.write("orders_1.csv", HEADER + "1,ann,2024-01-05,12.50\n")
    rows = {"order_id": [2.0], "customer_id": ["Zoë"], "ordered_at": ["2024-02-05"]}
    part = io.BytesIO()
    pq.write_table(pa.table({**rows, "amount": [10]}), part)
    folder.write("orders_2.parquet", part.getvalue())
    assert folder.orders() == ORDERS


@pytest.mark.parametrize(
    "name",
    ["orders_archive_old.csv", "orders_refunds.csv", "orders_eu.csv", "order.csv"],
)
def test_a_file_of_another_name_is_no_part_and_is_said(
    folder: Folder, name: str
) -> None:
    folder.write("orders.csv", TEXT)
    folder.write(name, TEXT + "3,bob,2024-02-05,1\n")
    assert folder.orders() == ORDERS
    assert any(
        f"files not read: {name}" in line and "into the folder orders" in line
        for line in folder.reports
    )


def test_wrong_parts_are_named_each_with_its_own_message(folder: Folder) -> None:
    folder.write("orders_1.csv", TEXT)
    folder.write("orders_2.csv", TEXT.replace("amount", "order_id"))
    folder.write("orders_3.csv", TEXT + "x\n")
    folder.write("order_lines.csv", "order_id\n")
    with pytest.raises(LoadError) as refused:
        folder.load()
    lines = str(refused.value).splitlines()
    assert [line.partition(" ")[0].rstrip(",") for line in lines] == [
        "orders_2.csv",
        "orders_3.csv",
        "order_lines.csv",
    ]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            HEADER.replace(",amount", "") + "3,ann,2024-03-01\n",
            "orders_2.csv has no column amount, which orders_1.csv has",
        ),
        (
            TEXT.replace("amount", "amount,status").replace("\n", ",\n"),
            "orders_1.csv has no column status, which orders_2.csv has",
        ),
        (TEXT, r"orders_2.csv holds the same as orders_1.csv"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    folder: Folder, second: str, words: str
) -> None:
    folder.write("orders_1.csv", TEXT)
    folder.write("orders_2.csv", second)
    with pytest.raises(LoadError, match=words):
        folder.load()


def test_an_unreadable_part_is_not_left_out(folder: Folder) -> None:
    folder.write("orders_2023.csv", TEXT)
    with zipfile.ZipFile(folder.path / "orders_2024.zip", "w") as archive:
        archive.writestr("orders.csv", TEXT)
    with pytest.raises(LoadError, match=r"orders_2024.zip is an archive: unpack it"):
        folder.load()


SWALLOWED = {
    "last column": (
        "order_id\tcustomer_id\tordered_at\tamount\ttitle\n"
        '1\tann\t2024-01-05\t10\t"6 inch ruler\n'
        "2\tbob\t2024-02-05\t10\tpen\n"
        '3\tcat\t2024-02-06\t10\tdisplay 24"\n'
        "4\tdan\t2024-02-06\t10\ty\n",
        (4, 2, 2),
    ),
    "within the row": (
        HEADER.replace("amount", "amount,title,city")
        + "1,ann,2024-01-05,10,pen,Rome\n"
        + '2,bob,2024-01-06,10,"6 inch ruler,Rome\n'
        + '3,cat,2024-01-07,10,24" display,Rome\n'
        + "4,dan,2024-01-08,10,pen,Rome\n",
        None,
    ),
    "two neighbours": (
        HEADER.replace("amount", "amount,title,city")
        + "1,ann,2024-01-05,10,pen,Rome\n"
        + '2,bob,2024-01-06,10,"6 inch ruler,Rome\n'
        + '3,cat,2024-01-07,10,display 24",Rome\n'
        + "4,dan,2024-01-08,10,pen,Rome\n",
        (4, 3, 3),
    ),
}


@pytest.mark.parametrize(("text", "counts"), SWALLOWED.values(), ids=SWALLOWED)
def test_rows_that_a_quote_swallows_are_said(
    folder: Folder, text: str, counts: tuple[int, int, int] | None
) -> None:
    folder.write("orders.csv", text)
    if counts is None:
        with pytest.raises(LoadError, match=r"orders.csv"):
            folder.load()
        return
    there, read, line = counts
    words = f"the file has {there} rows and {read} were read. Near line {line},"
    found = folder.load(is_check=True).findings.doubts
    assert any(words in finding.text for finding in found)
    folder.load()
    assert any(words in report for report in folder.reports)


def test_texts_of_several_lines_are_not_doubted(folder: Folder) -> None:
    folder.write("orders.csv", TEXT)
    bodies = [
        "Good, cheap, and quick, really\nI would, no doubt, buy it, again",
        "One line, two, three\n\nfour",
        "1, 2, 3, 4\n5",
        'He said ""wow"", twice, loudly, and\nleft, then, came, back',
    ]
    rows = [f'{n},5,2024-01-0{n},"{body}"\n' for n, body in enumerate(bodies, 1)]
    folder.write("reviews.csv", "review_id,rating,written_at,body\n" + "".join(rows))
    assert not folder.load(is_check=True).findings.doubts
    assert len(folder.loaded("reviews", "body")) == len(bodies)


def test_copies_of_packed_files_do_not_stay(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    folder.write("orders.csv.gz", gzip.compress(TEXT.encode()))
    assert folder.orders() == ORDERS
    assert not list(scratch.iterdir())
