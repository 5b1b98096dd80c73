"""Tests what is said of a warehouse that cannot be opened, read or written."""

import os
import re
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from clv_warehouse.project.opening import (
    WarehouseError,
    catalog_of,
    check_place,
    opened,
)
from locks import held


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A warehouse of one table."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as select range as n from range(9999)")
    return path


def told(path: Path, sql: str = "from numbers", **options: bool) -> str:
    """What is said when this is read."""
    with (
        pytest.raises(WarehouseError) as error,
        opened(path, **options) as connection,
    ):
        connection.execute(sql).fetchall()
    return str(error.value)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_lock_says_who_holds_the_file_and_what_to_read_meanwhile(
    shop: Path, read_only: bool
) -> None:
    with held(shop) as holder:
        said = told(shop, read_only=read_only)
    assert re.fullmatch(
        rf"The warehouse {shop} is in use by python\S* \(process {holder.pid}\)\. Try "
        r"again when that has ended\. What only reads can read the published copy "
        r"meanwhile, data/published/serving\.duckdb\.",
        said,
    )


def test_a_lock_is_waited_for(shop: Path) -> None:
    lines: list[str] = []

    with held(shop) as holder:

        def report(line: str) -> None:
            lines.append(line)
            assert holder.stdin is not None
            holder.stdin.close()

        with opened(shop, wait_seconds=60, report=report) as connection:
            assert connection.execute("from numbers").fetchone() == (0,)
    (line,) = lines
    assert line.endswith(f"(process {holder.pid}). Waiting for up to 60 s.")


def test_a_wait_ends_when_it_was_said_to(shop: Path) -> None:
    with (
        held(shop) as holder,
        pytest.raises(WarehouseError, match=rf"{holder.pid}\), still after 1 s\. Try"),
        opened(shop, wait_seconds=1),
    ):
        pass


def newer(path: Path) -> None:
    """Give a file the storage version of a DuckDB that is yet to come."""
    with path.open("r+b") as file:
        header = bytearray(file.read(4096))
        header[12:20] = struct.pack("<Q", 5000)
        checksum = 5381
        for (number,) in struct.iter_unpack("<Q", header[8:]):
            checksum ^= number * 0xBF58476D1CE4E5B9 % 2**64
        header[:8] = struct.pack("<Q", checksum)
        file.seek(0)
        file.write(header)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(4096 + 20, len(content), 4096):
        content[place] ^= 255
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def foreign(path: Path) -> None:
    path.write_text("order_id,amount\n" * 1000)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (Path.unlink, r"There is no warehouse {path}\. Build it first: dbt build --ta"),
        (folder, r"{path} is a folder, where a file is needed\."),
        (foreign, r"{path} is no DuckDB database\. Name another file by CLV_WAREHOUSE"),
        (emptied, r"{path} is no DuckDB database\."),
        (
            damaged,
            r"The warehouse {path} is damaged\. Move it.*memory\.py restore",
        ),
        (cut, r"The warehouse {path} is damaged\."),
        (newer, r"{path} was written by a newer DuckDB than \d.*make install"),
    ],
)
def test_each_trouble_of_a_file_has_its_sentence(
    shop: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(shop)
    assert re.match(sentence.format(path=shop), told(shop))


def test_a_table_that_is_not_built_is_told(shop: Path) -> None:
    for sql in ("from clv.trainings", "from trainings", "select clock from numbers"):
        said = told(shop, sql)
        assert "has not all tables and columns" in said and "dbt build" in said
        assert "\n" not in said


def test_memory_that_does_not_suffice_is_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLV_MEMORY_LIMIT", "5MB")
    long = "select list(n + range) from numbers, range(1000)"
    assert "CLV_MEMORY_LIMIT=8GB" in told(shop, long)
    monkeypatch.setenv("CLV_MEMORY_LIMIT", "much")
    assert told(shop).startswith("CLV_MEMORY_LIMIT is 'much', but must be")


def test_a_file_without_a_folder_is_told(tmp_path: Path) -> None:
    said = told(tmp_path / "no" / "shop.duckdb", read_only=False)
    assert said.startswith(f"There is no folder {tmp_path / 'no'} for shop.duckdb.")


def test_a_disk_without_room_is_told(shop: Path) -> None:
    """A limit on the size of files stands for it: both end a write half-way."""
    # The limit holds for the process, so it gets one of its own.
    code = (
        "import pathlib, sys; from clv_warehouse.project.opening import opened\n"
        "with opened(pathlib.Path(sys.argv[1]), read_only=False) as connection:\n"
        "    connection.execute('create table t as select md5(range::varchar) "
        "from range(300_000)')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shop)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert f"WarehouseError: {shop} would become larger than" in last


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system; skips where this user may not."""
    place = tmp_path / "mounted"
    place.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("this user may not mount a file system")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_full_disk_is_told(mounted: Callable[[str], Path]) -> None:
    path = mounted("size=2m") / "shop.duckdb"
    many = "create table t as select md5(range::varchar) as x from range(300_000)"
    said = told(path, many, read_only=False)
    assert said.startswith(f"There is no room left on the disk of {path}")


def test_a_disk_that_can_only_be_read_is_told(mounted: Callable[[str], Path]) -> None:
    path = mounted("ro,size=2m") / "shop.duckdb"
    said = told(path, read_only=False)
    assert said.startswith(f"{path} is on a disk that can only be read.")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
def test_a_file_that_the_user_may_not_read_is_told(shop: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read all files")
    shop.chmod(0)
    assert told(shop).startswith(f"This user may not use {shop}.")


@pytest.mark.parametrize("name", ["clv", "CLV", "raw", "Reports", "main", "temp"])
def test_a_schemas_name_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.duckdb"
    said = told(path, read_only=False)
    assert f"cannot have the name of a schema, {name.lower()}:" in said
    assert f"{tmp_path / name}_warehouse.duckdb" in said
    assert not path.exists()


@pytest.mark.parametrize("name", ["my.shop.duckdb", "my shop.duckdb", ".Shop", "a-b"])
def test_catalogs_are_named_as_duckdb_does(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    check_place(path)
    with opened(path, read_only=False) as connection:
        ((catalog,),) = connection.sql("select current_database()").fetchall()
    assert catalog_of(path) == catalog


def test_names_that_dbt_cannot_write_are_refused(tmp_path: Path) -> None:
    for name in ("o'hara.duckdb", 'the "shop".duckdb'):
        assert "cannot have quotes" in told(tmp_path / name, read_only=False)
