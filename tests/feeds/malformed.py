"""Makes exports that are malformed in the ways in which real exports are."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

# Good rows: a header, and columns of values to draw from.
_IDS = ["1", "2", "3", "1001", "A-7"]
_CUSTOMERS = ["ann", "bob", "cat@example.com", "17850", "17850.0", "", "0", "guest"]
_TIMES = [
    "2024-01-05 10:00:00",
    "2024-02-05",
    "2024-03-01T12:30:00Z",
    "2024-03-31 23:30:00 +0200",
]
_MONEY = ["10", "12.50", "0", "-5", "99999.99"]
GOOD = {
    "orders": {
        "order_id": _IDS,
        "customer_id": _CUSTOMERS,
        "ordered_at": _TIMES,
        "updated_at": ["", *_TIMES],
        "status": ["paid", "completed", "cancelled", "refunded", "pending", ""],
        "currency": ["EUR", "eur ", ""],
        "amount": _MONEY,
        "discount_amount": ["", "1", "-1"],
        "shipping_amount": ["", "4.90"],
        "tax_amount": ["", "2.00"],
        "refunded_amount": ["", "0", "5.00"],
    },
    "order_lines": {
        "order_id": _IDS,
        "line_number": ["1", "2", "3", ""],
        "product_id": ["MUG", "TEA", "S", ""],
        "quantity": ["1", "2", "-1", "0.5"],
        "unit_price": _MONEY,
        "discount": ["", "1", "-1"],
        "amount": ["", "10"],
        "line_type": ["", "product", "shipping", "payment"],
    },
    "products": {
        "product_id": ["MUG", "TEA", "S"],
        "product_name": ["A mug", 'Tea "Assam", loose'],
        "unit_cost": ["", "2.50"],
    },
    "customers": {
        "customer_id": _CUSTOMERS,
        "email": ["", "ann@example.com"],
        "country": ["DE", "Germany", ""],
        "signed_up_at": ["", *_TIMES],
    },
    "refunds": {
        "refund_id": ["r1", "r2", "r3"],
        "order_id": _IDS,
        "refunded_at": ["", *_TIMES],
        "amount": ["1", "5.00", "-2"],
    },
    "reviews": {
        "review_id": ["v1", "v2"],
        "order_id": _IDS,
        "rating": ["1", "5"],
        "body": ["good", 'so "so"', "two\nlines"],
        "written_at": _TIMES,
    },
}
_REQUIRED = {
    "orders": ("order_id", "customer_id", "ordered_at", "amount"),
    "order_lines": ("order_id", "product_id", "quantity", "unit_price"),
    "products": ("product_id",),
    "customers": ("customer_id",),
    "refunds": ("refund_id", "order_id", "amount"),
    "reviews": ("review_id", "rating", "written_at"),
}
# What stands where something else should.
NASTY = [
    *("NaN", "inf", "-inf", "1e30", "1E+12", "7.41E+12", "0x10", "1_000"),
    *("1,234.56", "1.234,56", "£7", "12.50 EUR", "ten", "99999999999999999999", "-0"),
    *("01/02/2024", "05-01-24", "2024-13-01", "0000-00-00", "2999-01-01", "1900-01-01"),
    *("20240105", "1704448800", "45296", "Nov 3, 2025 14:05:09 PM", "2024-01-05 25:00"),
    *("2024-01-05 10:00:00 Mars/Base", "2024-01-05T10:00:00+99:00", "infinity"),
    *("null", "NULL", "\\N", "N/A", "-", " ", "\u200b", "\u00a0", "'", '"', "''", "💥"),
    *("x" * 200, "Ann@Example.com ", "+49 170 1234567", "a,b", "a;b", "a\tb", "a\nb"),
    *("DROP TABLE", "';--", "{{ 1 }}", "%s", "true", "c\x00d", "﻿ann"),
]


@dataclass(frozen=True)
class Export:
    """A folder of files: the bytes of each by name."""

    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the files into `folder`."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


@st.composite
def exports(draw: DrawFn) -> Export:
    """Draw a folder with the feed orders and some others, each malformed somehow."""
    optional = st.sampled_from(sorted(GOOD.keys() - {"orders"}))
    others = draw(st.sets(optional, max_size=3))
    files: dict[str, bytes] = {}
    for feed in ["orders", *sorted(others)]:
        for name, content in draw(_files(feed)):
            files[name] = content
    return Export(files)


@st.composite
def _files(draw: DrawFn, feed: str) -> list[tuple[str, bytes]]:
    suffix = draw(_mostly(".csv", ".txt", ".tsv", ".csv.gz", ".xls"))
    if not draw(_seldom()):
        return [(feed + suffix, draw(_written(*draw(_rows(feed)), suffix)))]
    header, rows = draw(_rows(feed))
    return [
        (f"{feed}_{year}{suffix}", draw(_written(header, part, suffix)))
        for year, part in ((2023, rows[::2]), (2024, rows[1::2]))
    ]


@st.composite
def _rows(draw: DrawFn, feed: str) -> tuple[list[str], list[list[str]]]:
    good = GOOD[feed]
    wanted = draw(st.sets(st.sampled_from(sorted(good))))
    columns = [name for name in good if name in _REQUIRED[feed] or name in wanted]
    # Seldom a column that is needed is missing.
    if draw(_seldom()):
        columns.remove(draw(st.sampled_from(columns)))
    columns = draw(st.permutations(columns))
    count = draw(st.integers(2, 10))
    if draw(_seldom()):
        count = 0
    rows = [
        [draw(st.sampled_from(good[column])) for column in columns]
        for _ in range(count)
    ]
    if rows and columns:
        for _ in range(draw(_mostly(0, 1, 3))):
            row = draw(st.integers(0, count - 1))
            place = draw(st.integers(0, len(columns) - 1))
            rows[row][place] = draw(st.sampled_from(NASTY))
    if rows and draw(_seldom()):
        rows.append(draw(st.sampled_from(rows)))
    respelled = st.sampled_from([str, str.upper, lambda name: f" {name} "])
    words = st.sampled_from([str, lambda name: name.replace("_", " ").title()])
    header = [draw(words)(draw(respelled)(name)) for name in columns]
    extra = draw(_mostly([], ["Notes"], ["Notes", "Notes"], [""]))
    return header + extra, [row + ["x"] * len(extra) for row in rows]


@st.composite
def _written(
    draw: DrawFn, header: list[str], rows: list[list[str]], suffix: str
) -> bytes:
    delimiter = draw(_mostly(",", ";", "\t", "|"))
    if suffix in (".txt", ".tsv"):
        delimiter = "\t"
    quoting = draw(_mostly(csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    line_end = draw(_mostly("\n", "\r\n", "\r"))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    if not draw(_seldom()):
        writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue()
    for damage in draw(st.lists(st.sampled_from(_DAMAGES), max_size=2)):
        if draw(_seldom()):
            content = damage(content, draw(st.integers(0, max(len(content) - 1, 0))))
    content = content.replace("\n", line_end)
    encoding = draw(_mostly("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"))
    raw = content.encode(encoding, errors="replace")
    if suffix == ".csv.gz" or (suffix == ".csv" and draw(_seldom())):
        raw = gzip.compress(raw, mtime=0)
    if draw(_seldom()):
        raw = raw[: draw(st.integers(0, len(raw)))]
    return raw


def _insert(what: str) -> Callable[[str, int], str]:
    return lambda text, place: text[:place] + what + text[place:]


_DAMAGES = (
    _insert('"'),
    _insert(","),
    _insert("\n"),
    _insert("\n\n"),
    _insert("\x00"),
    _insert("\nsep=;\n"),
    lambda text, place: "sep=;\n" + text,
    lambda text, place: "Report of 2024\n\n" + text,
    lambda text, place: text.rstrip("\n"),
    lambda text, place: text + "Total,,,\n",
    lambda text, place: text + text,
)


def _seldom() -> SearchStrategy[bool]:
    return st.sampled_from([False] * 19 + [True])


def _mostly(usual: object, *others: object) -> SearchStrategy:  # type: ignore[type-arg]
    return st.sampled_from([usual] * 9 * len(others) + list(others))
