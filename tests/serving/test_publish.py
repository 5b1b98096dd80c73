"""Tests that readers of published files see the old or the new, whole, at any time."""

import json
import os
import random
import stat
import subprocess
import sys
import time

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from clv_warehouse.project.contracts import PublishError, Table, read_tables
from clv_warehouse.project.opening import WarehouseError
from clv_warehouse.serving.publishing.folder import locked, remove_old_versions
from clv_warehouse.serving.publishing.publication import publish_serving_copy
from clv_warehouse.serving.publishing.serving import PUBLICATION
from publishing import ORDERS, TABLES, TOTALS, build, is_whole, publish, start

PUBLISHES = 20


@pytest.fixture
def small(tmp_path):
    """A built warehouse and the folder to publish to."""
    warehouse = tmp_path / "it's" / "a shop.2024.duckdb"
    warehouse.parent.mkdir()
    build(warehouse, 1)
    return warehouse, tmp_path / "published"


def rows(folder, sql):
    with duckdb.connect(folder / "serving.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_copy_has_the_tables_their_comments_and_nothing_else(small):
    warehouse, folder = small
    with duckdb.connect(warehouse) as connection:
        connection.execute("create table shop.private as select 'ann@example.org' as a")
    publish(warehouse, folder)
    tables = rows(folder, "select table_name, comment from duckdb_tables() order by 1")
    published = sorted((*TABLES, PUBLICATION), key=lambda table: table.name)
    assert tables == [(each.name, each.description) for each in published]
    columns = rows(
        folder,
        "select column_name, lower(data_type), comment from duckdb_columns() "
        "where table_name = 'fct_orders' order by column_index",
    )
    assert columns == [
        (each.name, each.data_type.replace(", ", ","), each.description)
        for each in ORDERS.columns
    ]
    assert is_whole(folder)


def test_drivers_of_duckdb_1_4_can_read_the_copy(small):
    warehouse, folder = small
    publish(warehouse, folder)
    tags = rows(folder, "select tags from duckdb_databases() where not internal")
    assert tags == [({"storage_version": "v1.4.0+"},)]
    # Of the header: DuckDB 1.4 and 1.5 read 64 to 68, 2.0 writes 69 by itself.
    for path, readable in ((folder / "serving.duckdb", True), (warehouse, False)):
        with path.open("rb") as file:
            number = int.from_bytes(file.read(20)[12:], "little")
        assert (64 <= number <= 68) is readable


def test_copy_is_read_only_for_tools_that_would_lock_others_out(small):
    warehouse, folder = small
    publish(warehouse, folder)
    mode = stat.S_IMODE((folder / "serving.duckdb").stat().st_mode)
    assert mode == 0o444


def test_parquet_has_a_file_per_year_and_is_the_table(small):
    warehouse, folder = small
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "insert into shop.fct_orders values (-1, null, 5.5, null);"
            "create or replace view shop.totals as select 2::integer as version, "
            "count(*) as orders, sum(amount)::decimal(38, 4) as amount "
            "from shop.fct_orders"
        )
    publish(warehouse, folder)
    orders = folder / "parquet" / "shop" / "fct_orders"
    assert sorted(path.name for path in orders.iterdir()) == [
        *("2023.parquet", "2024.parquet", "undated.parquet")
    ]
    assert [path.name for path in (orders.parent / "totals").iterdir()] == [
        "all.parquet"
    ]
    served = rows(folder, "from shop.fct_orders order by order_id")
    filed = rows(folder, f"from '{orders}/*.parquet' order by order_id")
    assert filed == served
    assert len(pd.read_parquet(orders)) == len(served) == 1001
    metadata = pq.read_metadata(orders / "2024.parquet").row_group(0).column(0)
    assert metadata.compression == "ZSTD"
    years = f"select distinct year(ordered_at) from '{orders}/2024.parquet'"
    assert rows(folder, years) == [(2024,)]


def test_empty_tables_are_published(small):
    warehouse, folder = small
    build(warehouse, 1, rows=0)
    publish(warehouse, folder)
    orders = folder / "parquet" / "shop" / "fct_orders"
    assert rows(folder, f"from '{orders}/*.parquet'") == []
    assert [field.name for field in pq.read_schema(orders / "all.parquet")] == [
        column.name for column in ORDERS.columns
    ]


def test_rows_are_in_the_order_of_time_and_key(small):
    warehouse, folder = small
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "create or replace table shop.fct_orders as "
            "from shop.fct_orders order by hash(order_id)"
        )
    publish(warehouse, folder)
    found = [row[0] for row in rows(folder, "select order_id from shop.fct_orders")]
    assert found == list(range(1000))


def test_previous_copies_are_kept_for_a_while(small):
    warehouse, folder = small
    versions = [publish(warehouse, folder, keep=1) for _ in range(4)]
    assert sorted((folder / "versions").iterdir()) == versions[-2:]
    # One that only publishes the serving copy leaves the Parquet files that are linked.
    for _ in range(3):
        with locked(folder, 0):
            publish_serving_copy(
                *(warehouse, TABLES, folder, 0, lambda _: None), is_forced=True
            )
            remove_old_versions(folder, 0)
    assert is_whole(folder)
    assert len(list((folder / "versions").iterdir())) == 2


def test_open_readers_go_on_with_the_copy_that_they_opened(small):
    warehouse, folder = small
    publish(warehouse, folder, keep=0)
    code = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=True);"
        "print('open', flush=True); input();"
        "print(connection.execute('select version, (select count(amount) from "
        "shop.fct_orders) from shop.totals').fetchall())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, folder / "serving.duckdb"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout.readline() == "open\n"
        build(warehouse, 2, rows=5)
        publish(warehouse, folder, keep=0)
        publish(warehouse, folder, keep=0)
        out, _ = reader.communicate("\n")
    assert out == "[(1, 1000)]\n"
    assert rows(folder, "select version, orders from shop.totals") == [(2, 5)]


def test_a_log_that_a_writer_left_does_not_reach_the_next_copy(small):
    warehouse, folder = small
    publish(warehouse, folder)
    served = folder / "serving.duckdb"
    served.chmod(0o644)
    code = (
        "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]);"
        "connection.execute('delete from shop.fct_orders'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, served], check=True)
    assert served.with_name("serving.duckdb.wal").exists()
    publish(warehouse, folder)
    assert not served.with_name("serving.duckdb.wal").exists()
    assert is_whole(folder)


@pytest.mark.slow
def test_four_readers_see_no_error_and_no_half_during_publishes_and_builds(
    small, tmp_path
):
    warehouse, folder = small
    publish(warehouse, folder)
    stop = tmp_path / "stop"
    readers = [start("read_until", folder, stop) for _ in range(4)]
    builder = start("build_until", warehouse, stop)
    try:
        versions = set()
        for _ in range(PUBLISHES):
            publish(warehouse, folder)
            versions.update(rows(folder, "select version from shop.totals"))
    finally:
        stop.touch()
        told = [json.loads(each.communicate()[0]) for each in (*readers, builder)]
    *reads, builds = told
    assert [each["wrong"] for each in reads] == [[]] * 4
    assert min(each["reads"] for each in reads) > 10
    # They did read many builds, not one over and over.
    assert len(versions) > 4 and builds > 4


def test_killed_at_any_moment_the_published_files_are_whole(small):
    warehouse, folder = small
    build(warehouse, 1, rows=200_000)
    publish(warehouse, folder)
    moments = random.Random(5)
    leftovers = 0
    for _ in range(8):
        with start("publish_until_killed", warehouse, folder) as publisher:
            assert publisher.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.02, 0.8))
            publisher.kill()
        leftovers += len([*folder.glob("versions/**/*.partial")])
        assert is_whole(folder)
    assert leftovers
    # On a busy machine none of those may have come to its end: three that do.
    for _ in range(3):
        publish(warehouse, folder, wait=0)
    assert not [*folder.glob("**/*.partial"), *folder.glob(".*.new")]
    assert len(list((folder / "versions").iterdir())) == 3


def test_a_build_is_waited_for_or_named(small):
    warehouse, folder = small
    publish(warehouse, folder)
    build(warehouse, 2)
    code = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]);"
        "print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, warehouse],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as builder:
        assert builder.stdout.readline() == "open\n"
        words = (
            rf"shop.2024.duckdb is in use by python.* \(process {builder.pid}\)\. Try"
        )
        with pytest.raises(WarehouseError, match=words):
            publish(warehouse, folder, wait=0)
        assert rows(folder, "select version from shop.totals") == [(1,)]
        publisher = start("publish_once", warehouse, folder, "60")
        assert publisher.stdout.readline() == "ready\n"
        builder.communicate("\n")
        publisher.communicate()
        assert publisher.returncode == 0
    assert rows(folder, "select version from shop.totals") == [(2,)]


def test_one_publisher_at_a_time(small):
    warehouse, folder = small
    with locked(folder, 0):
        second = start("publish_once", warehouse, folder, "0")
        _, told = second.communicate()
    assert "Another publish.py is writing to" in told


def test_a_table_or_column_that_is_not_built_leaves_what_was_published(small):
    warehouse, folder = small
    publish(warehouse, folder)
    new = Table("shop", "profiles", "New.", TOTALS.columns, ())
    with pytest.raises(PublishError, match=r"lacks table shop.profiles.*dbt build"):
        publish(warehouse, folder, tables=(*TABLES, new))
    with duckdb.connect(warehouse) as connection:
        connection.execute("alter table shop.fct_orders drop column tags")
    with pytest.raises(PublishError, match=r"lacks columns tags of shop.fct_orders"):
        publish(warehouse, folder)
    assert is_whole(folder)
    assert not [*folder.glob("**/*.partial")]


def test_no_warehouse_and_no_database_are_told(small, tmp_path):
    _, folder = small
    with pytest.raises(WarehouseError, match=r"no warehouse .*none.duckdb. Build it"):
        publish(tmp_path / "none.duckdb", folder)
    (tmp_path / "notes.duckdb").write_text("no database")
    with pytest.raises(WarehouseError, match=r"notes.duckdb is no DuckDB database"):
        publish(tmp_path / "notes.duckdb", folder)
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match=r"cannot be written.*--to"):
        publish(tmp_path / "none.duckdb", tmp_path / "file")


def node(name, enforced=True, **more):
    columns = {
        "a": {"name": "a", "data_type": "VARCHAR", "description": "A."},
        "day_date": {"name": "day_date", "data_type": "date", "description": "D."},
    }
    return {
        "resource_type": "model",
        "schema": "s",
        "alias": name,
        "description": name,
        "config": {"contract": {"enforced": enforced}},
        "columns": columns,
    } | more


def unique(model, **arguments):
    name = "unique_together" if "columns" in arguments else "unique"
    return {
        "resource_type": "test",
        "attached_node": model,
        "test_metadata": {"name": name, "kwargs": arguments},
        "config": {},
    }


def test_tables_are_those_under_contract_with_keys_from_tests(tmp_path):
    manifest = tmp_path / "manifest.json"
    nodes = {
        "m.b": node("b"),
        "m.a": node("fct_a"),
        "m.c": node("c", enforced=False),
        "t.1": unique("m.b", columns=["a", "day_date"]),
        "t.2": unique("m.a", columns=["a", "day_date"]),
        "t.3": unique("m.a", column_name="a"),
    }
    manifest.write_text(json.dumps({"nodes": nodes}))
    one, two = read_tables(manifest)
    assert (one.full_name, one.keys) == ("s.b", (("a", "day_date"),))
    assert (one.time_column, one.order) == ("day_date", ("day_date", "a"))
    assert (two.key, two.time_column) == (("a",), None)
    assert [column.data_type for column in one.columns] == ["varchar", "date"]

    manifest.write_text(json.dumps({"nodes": {"m.c": nodes["m.c"]}}))
    with pytest.raises(PublishError, match="no model with an enforced contract"):
        read_tables(manifest)
    manifest.write_text("{")
    with pytest.raises(PublishError, match="Make it again: dbt parse"):
        read_tables(manifest)
    with pytest.raises(PublishError, match="Run dbt build"):
        read_tables(tmp_path / "none.json")


def test_command_publishes_the_sample_shop(root, tmp_path):
    """Every table under contract is there, row for row, as serving copy and Parquet."""
    folder = tmp_path / "published"
    command = [sys.executable, "scripts/publish.py", "parquet", "--to", folder]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tables = read_tables(root / "target" / "manifest.json")
    assert len(tables) >= 18
    with duckdb.connect(folder / "serving.duckdb", read_only=True) as served:
        served.execute(f"attach '{root}/data/sample.duckdb' as sample (read_only)")
        for table in tables:
            files = folder / "parquet" / table.schema / table.name / "*.parquet"
            columns = ", ".join(column.name for column in table.columns)
            warehouse = f"select {columns} from sample.{table.full_name}"
            for copy in (table.full_name, f"'{files}'"):
                for one, two in ((warehouse, copy), (copy, warehouse)):
                    left = one if one == warehouse else f"from {one}"
                    right = two if two == warehouse else f"from {two}"
                    differ = f"select count(*) from ({left} except all {right})"
                    assert served.execute(differ).fetchall() == [(0,)], copy


def test_command_fails_with_one_message(root, tmp_path):
    def run(*arguments, **settings):
        return subprocess.run(
            [sys.executable, "scripts/publish.py", *arguments],
            cwd=root,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )

    none = str(tmp_path / "none.duckdb")
    failed = run("serving", "--to", str(tmp_path / "to"), CLV_WAREHOUSE=none)
    assert failed.returncode == 1
    assert failed.stderr == (
        f"publish.py: There is no warehouse {none}. Build it first: dbt build --target "
        "sample, or --target shop for a shop that was loaded.\n"
    )
    assert "--dsn, or the environment" in run("postgres", CLV_POSTGRES="").stderr
    wrong = run("serving", "--vars", "{published_copies_kept: -1}").stderr
    assert wrong == (
        "publish.py: var published_copies_kept is -1, but must be a whole number, "
        "at least 0.\n"
    )


def test_a_build_that_meets_a_publish_waits_for_it(warehouse):
    """The publish holds the warehouse for reading, longer than dbt takes to start."""
    build(warehouse.path, 1)
    reader = (
        "import duckdb, sys, time; "
        "connection = duckdb.connect(sys.argv[1], read_only=True);"
        "print('open', flush=True); time.sleep(4)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, warehouse.path],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        done = warehouse.dbt("seed", "--select", "rejection_reasons")
        assert done.returncode == 0, done.stdout
        assert holder.wait() == 0
