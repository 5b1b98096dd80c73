"""Tests that comparing builds finds every table that is not the same."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checks.same import BUILDS, compare, report, shuffle
from clv_warehouse.project.contracts import Column, Table

COLUMNS = tuple(
    Column(name, data_type, "")
    for name, data_type in {
        "customer_key": "varchar",
        "spend": "double",
        "trained_at": "timestamp",
    }.items()
)
KEYED = Table("clv", "keyed", "", COLUMNS, (("customer_key",),))
FREE = Table("clv", "free", "", COLUMNS, ())
ROWS = (
    "('a', 0.1::double + 0.2::double, timestamp '2024-01-01')",
    "('b', 2.0, timestamp '2024-01-01')",
)


def warehouse(path: Path, rows: Sequence[str]) -> Path:
    """A warehouse that has these rows in both tables."""
    columns = ", ".join(f"{each.name} {each.data_type}" for each in COLUMNS)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema clv")
        for table in (KEYED, FREE):
            connection.execute(f"create table {table.sql} ({columns})")
            connection.execute(f"insert into {table.sql} values {', '.join(rows)}")
    return path


def said(capsys: pytest.CaptureFixture[str], tmp_path: Path, *rows: str) -> str:
    """What comparing with a warehouse of other rows prints; empty if all is well."""
    warehouses = (
        warehouse(tmp_path / "one.duckdb", ROWS),
        warehouse(tmp_path / "other.duckdb", rows),
    )
    is_same = report(BUILDS[:2], compare((KEYED, FREE), warehouses))
    printed = capsys.readouterr().out
    assert is_same == ("2 of 2 tables are the same in 2 builds" in printed)
    return "" if is_same else printed


def test_order_and_clock_do_not_count(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    later = [row.replace("2024-01-01", "2025-01-01") for row in reversed(ROWS)]
    assert said(capsys, tmp_path, *later) == ""


def test_a_last_bit_is_a_difference(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = ROWS[0].replace("0.1::double + 0.2::double", "0.3")
    printed = said(capsys, tmp_path, other, ROWS[1])
    assert "0 of 2 tables are the same in 2 builds" in printed
    shown = "clv.keyed.spend: 1 rows, such as ('a', 0.30000000000000004, 0.3)"
    assert shown in printed
    assert "clv.free.spend: 2 rows" in printed


def test_a_row_more_or_less_is_a_difference(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed = said(capsys, tmp_path, ROWS[0])
    assert "clv.keyed.customer_key: 1 rows, such as ('b',)" in printed
    capsys.readouterr()
    (tmp_path / "more").mkdir()
    printed = said(
        capsys, tmp_path / "more", *ROWS, "('c', null, timestamp '2024-01-01')"
    )
    assert "clv.keyed.customer_key: 1 rows, such as ('c',)" in printed


def test_shuffled_files_hold_the_same_rows(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    rows = pa.table({"order_id": list(range(100))})
    pq.write_table(rows, shop / "orders.parquet")
    shuffle(shop, tmp_path / "shuffled", 1)
    found = pq.read_table(tmp_path / "shuffled" / "orders.parquet")
    assert found != rows
    assert found.sort_by("order_id") == rows
