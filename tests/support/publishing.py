"""A tiny warehouse whose tables must agree, and a reader that checks it."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import duckdb

from clv_warehouse.project.contracts import Column, Table
from clv_warehouse.serving.publishing.folder import locked, remove_old_versions
from clv_warehouse.serving.publishing.publication import (
    publish_parquet,
    publish_serving_copy,
)

ORDERS = Table(
    "shop",
    "fct_orders",
    "One row per order; it's a fact.",
    (
        Column("order_id", "bigint", "The order."),
        Column("ordered_at", "timestamp", "When; 'local' time, C:\\ and all."),
        Column("amount", "decimal(18, 4)", "Its amount."),
        Column("tags", "varchar[]", "Words."),
    ),
    (("order_id",),),
)
TOTALS = Table(
    "shop",
    "totals",
    "One row: what all orders come to.",
    (
        Column("version", "integer", "The build."),
        Column("orders", "bigint", "Their number."),
        Column("amount", "decimal(38, 4)", "Their sum."),
    ),
    (("version",),),
)
TABLES = (ORDERS, TOTALS)

BUILD = """
    create schema if not exists shop;
    create or replace table shop.fct_orders as
    select
        range as order_id,
        timestamp '2023-12-01 10:00' + to_hours(cast(range as integer)) as ordered_at,
        cast({version} + 0.0001 as decimal(18, 4)) as amount,
        ['a', null, 'b'] as tags
    from range({rows});
"""
TOTAL = """
    create or replace view shop.totals as
    select {version} as version, count(*) as orders,
        cast(sum(amount) as decimal(38, 4)) as amount
    from shop.fct_orders
"""
# What must hold in any copy: the total is of these orders, all of one build.
FACT = """
    select
        count(*) = max(totals.orders) and sum(orders.amount) = max(totals.amount)
        and min(orders.amount) = max(orders.amount)
    from {orders} as orders cross join {totals} as totals
"""


def build(path: Path, version: int, rows: int = 1000) -> None:
    """Build the warehouse as dbt does: table by table."""
    with duckdb.connect(path) as connection:
        connection.execute(BUILD.format(version=version, rows=rows))
        connection.execute(TOTAL.format(version=version))


def write_manifest(path: Path, tables: tuple[Table, ...] = TABLES) -> Path:
    """Write what publishing reads of the manifest of a project with these tables."""
    nodes = {}
    for table in tables:
        model = f"model.{table.name}"
        nodes[model] = {
            "resource_type": "model",
            "schema": table.schema,
            "alias": table.name,
            "description": table.description,
            "config": {"contract": {"enforced": True}},
            "columns": {column.name: asdict(column) for column in table.columns},
        }
        for key in table.keys:
            nodes[f"test.{table.name}.{'.'.join(key)}"] = {
                "resource_type": "test",
                "attached_node": model,
                "test_metadata": {
                    "name": "unique_together",
                    "kwargs": {"columns": list(key)},
                },
                "config": {},
            }
    path.write_text(json.dumps({"nodes": nodes}))
    return path


def publish(
    warehouse: Path,
    folder: Path,
    wait: float = 60,
    tables: tuple[Table, ...] = TABLES,
    keep: int = 2,
) -> Path:
    """Publish serving copy and Parquet, as scripts/publish.py does; the version.

    This warehouse has no record of its builds, so that it must be forced.
    """
    with locked(folder, wait):
        version = publish_serving_copy(
            *(warehouse, tables, folder, wait, lambda _: None), is_forced=True
        )
        publish_parquet(version, tables, folder)
        remove_old_versions(folder, keep)
    return version


def publish_once(warehouse: Path, folder: Path, wait: Path) -> None:
    """Publish after saying so."""
    print("ready", flush=True)
    publish(warehouse, folder, float(str(wait)))


def publish_until_killed(warehouse: Path, folder: Path) -> None:
    """Publish over and over."""
    print("ready", flush=True)
    while True:
        publish(warehouse, folder)


def is_whole(folder: Path) -> bool:
    """Whether the serving copy and the Parquet files each agree with themselves."""
    # One thread each, for many read at once.
    with duckdb.connect(
        folder / "serving.duckdb", read_only=True, config={"threads": 1}
    ) as connection:
        fact = FACT.format(orders="shop.fct_orders", totals="shop.totals")
        ((served,),) = connection.execute(fact).fetchall()
        parquet = (folder / "parquet").resolve()
        names = {
            name: f"read_parquet('{parquet}/shop/{table}/*.parquet')"
            for name, table in (("orders", "fct_orders"), ("totals", "totals"))
        }
        ((filed,),) = connection.execute(FACT.format(**names)).fetchall()
    return bool(served and filed)


def read_until(folder: Path, stop: Path) -> None:
    """Read until `stop` is there; print how often, and what went wrong."""
    reads, wrong = 0, []
    while not stop.exists():
        try:
            if not is_whole(folder):
                wrong.append("half of one")
        except Exception as error:
            wrong.append(str(error))
        reads += 1
        # Six processes share the machine.
        time.sleep(0.02)
    print(json.dumps({"reads": reads, "wrong": wrong}))


def build_until(path: Path, stop: Path) -> None:
    """Build over and over until `stop` is there, waiting while others read."""
    builds = 0
    while not stop.exists():
        try:
            build(path, builds)
            builds += 1
        except duckdb.IOException as error:
            assert "Conflicting lock" in str(error)
        # A shop builds now and then; leave the publisher a moment to come in.
        time.sleep(0.3)
    print(json.dumps(builds))


def start(function: str, *arguments: Path | str) -> subprocess.Popen[str]:
    """Call a function of this module in a process of its own."""
    code = (
        "import sys, pathlib, publishing; "
        f"publishing.{function}(*map(pathlib.Path, sys.argv[1:]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
