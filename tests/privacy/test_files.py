"""Who may write published files, and what a reader with a locked setting may do."""

import re
from pathlib import Path

import duckdb
import pytest

from publishing import build, publish


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder of a published copy of a tiny warehouse, which lies beside it."""
    build(tmp_path / "warehouse.duckdb", 1)
    publish(tmp_path / "warehouse.duckdb", tmp_path / "published")
    return tmp_path / "published"


def test_nobody_may_write_what_is_published(published: Path) -> None:
    files = [path for path in published.rglob("*") if path.suffix != ".lock"]
    modes = {path.stat().st_mode & 0o777 for path in files if path.suffix == ".duckdb"}
    modes |= {
        path.stat().st_mode & 0o777 for path in files if path.suffix == ".parquet"
    }
    assert modes == {0o444}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("delete from shop.shop.fct_orders", "read-only"),
        ("create table shop.shop.mine (one integer)", "read-only"),
        ("from read_csv('{folder}/secret.csv')", "disabled"),
        ("attach '{folder}/warehouse.duckdb' as raw", "disabled"),
        ("copy shop.shop.fct_orders to '{folder}/copy.csv'", "disabled"),
        ("set enable_external_access = true", "locked|cannot"),
        ("set lock_configuration = false", "locked"),
        ("install httpfs", "disabled"),
    ],
)
def test_a_reader_with_a_locked_configuration_only_reads_the_copy(
    root: Path, published: Path, sql: str, said: str
) -> None:
    """As docs/privacy.md opens it for whoever runs queries of others."""
    (published.parent / "secret.csv").write_text("name\nMallory\n")
    page = (root / "docs" / "privacy.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    lines = code.replace("data/published", str(published)).splitlines()
    names: dict[str, duckdb.DuckDBPyConnection] = {}
    # The last line asks the tables of a whole shop.
    exec("\n".join(lines[:-1]), names)
    connection = names["connection"]
    assert connection.sql("from shop.shop.totals").fetchall()[0][0] == 1
    with pytest.raises(duckdb.Error, match=said):
        connection.execute(sql.format(folder=published.parent))
