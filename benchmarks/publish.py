"""Measures publishing a made-up shop: how fast, how large, and what readers notice.

The shop is built up to its facts and features, which hold nearly all published rows.
PostgreSQL runs on the same cores with its default settings. Readers query while the
tables are published again and again; readers of the serving copy also while dbt builds
over and over.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import duckdb

from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.postgres_server import find_programs, running_server
from benchmarks.shop import load_shop, make_shop
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.serving.publishing.folder import locked, remove_old_versions
from clv_warehouse.serving.publishing.postgres import publish_to_postgres
from clv_warehouse.serving.publishing.publication import (
    PARQUET,
    SERVING,
    publish_parquet,
    publish_serving_copy,
)

SYSTEM = "clv_warehouse"
CUSTOMERS = 100_000
FEW_CUSTOMERS = 1_000
READERS = 4
PUBLISHES = 50
REPUBLISHES = 3
READS = 10_000
WAIT_SECONDS = 300.0
# Nobody publishes without a pause; a build needs one to begin in.
SECONDS_BETWEEN_PUBLISHES = 1.0
# An order has as many lines as it says, in every publication.
FACT = """
    select count(*) = max(orders.lines)
    from orders.fct_orders as orders
    inner join orders.fct_order_lines as lines on lines.order_id = orders.order_id
    where orders.order_id = '{order_id}'
"""
AN_ORDER = "select min(order_id) from orders.fct_order_lines"


def benchmark(customers: int = CUSTOMERS, folder: Path = FOLDER) -> Iterator[Row]:
    """Measure each form once, then readers during publishes."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = _built(customers, folder, Path(scratch) / "large")
        case = f"{customers:,} people"
        place = Path(scratch) / "published"
        for form in (publish_serving, publish_files):
            ran = call(form, dbt.warehouse, place)
            yield from rows(case, form.__name__, ran.value | ran.cost)
        few = _built(FEW_CUSTOMERS, folder, Path(scratch) / "small")
        yield from rows(
            f"{READERS} readers, {PUBLISHES} publishes",
            SYSTEM,
            read_files(few, Path(scratch) / "often"),
        )
        programs = find_programs()
        if programs is None:
            raise RuntimeError("No PostgreSQL here: apt-get install postgresql")
        serving = (place / SERVING).resolve()
        manifest = _manifest(dbt.warehouse)
        with running_server(programs) as dsn:
            ran = call(publish_rows, serving, manifest, dsn)
            yield from rows(case, "postgres", ran.value | ran.cost)
            yield from rows(
                f"{READERS} readers, {REPUBLISHES} republishes",
                "postgres",
                read_rows(serving, manifest, dsn),
            )


def publish_serving(warehouse: str, folder: str) -> dict[str, float]:
    """Publish the serving copy; what that took."""
    started = time.monotonic()
    with locked(Path(folder), 0):
        version = publish_serving_copy(
            *(Path(warehouse), _tables(warehouse), Path(folder), 0, _silent),
            is_forced=True,
        )
    return _took(started, warehouse, [version / SERVING])


def publish_files(warehouse: str, folder: str) -> dict[str, float]:
    """Publish Parquet from the newest serving copy; what that took."""
    version = max((Path(folder) / "versions").iterdir())
    started = time.monotonic()
    publish_parquet(version, _tables(warehouse), Path(folder))
    return _took(started, warehouse, [*(version / PARQUET).rglob("*.parquet")])


def publish_rows(serving: str, manifest: str, dsn: str) -> dict[str, float]:
    """Publish to PostgreSQL, keys indexed and all; what that took."""
    started = time.monotonic()
    count = publish_to_postgres(
        Path(serving),
        _of_orders_and_features(manifest),
        dsn,
        None,
        WAIT_SECONDS,
        _silent,
    )
    seconds = time.monotonic() - started
    return {"rows": count, "seconds": seconds, "rows_per_second": count / seconds}


def read_files(dbt: Dbt, folder: Path) -> dict[str, float]:
    """Read the serving copy in processes of their own while it is published often."""
    tables = _tables(dbt.warehouse)
    stop = folder.parent / "stop"

    def publish() -> None:
        with locked(folder, WAIT_SECONDS):
            publish_serving_copy(
                *(dbt.warehouse, tables, folder, WAIT_SECONDS, _silent), is_forced=True
            )
            remove_old_versions(folder, 2)

    publish()
    code = f"import sys; from {__name__} import read_file_until as read; "
    code += "read(*sys.argv[1:])"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", code, folder / SERVING, stop],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(READERS)
    ]
    builds = {"builds": 0, "failed_builds": 0}

    def build() -> None:
        while not stop.exists():
            try:
                dbt("run", "--select", "dim_products")
            except RuntimeError:
                builds["failed_builds"] += 1
            builds["builds"] += 1

    builder = threading.Thread(target=build)
    builder.start()
    try:
        for _ in range(PUBLISHES):
            publish()
            time.sleep(SECONDS_BETWEEN_PUBLISHES)
    finally:
        stop.touch()
        builder.join()
        told = [json.loads(reader.communicate()[0]) for reader in readers]
    return {
        "reads": sum(each["reads"] for each in told),
        "errors": sum(each["errors"] for each in told),
        "slowest_read_seconds": max(each["slowest"] for each in told),
    } | builds


def read_file_until(serving: str, stop: str) -> None:
    """Open, query and close until `stop` is there; print what came of it."""
    told = {"reads": 0.0, "errors": 0.0, "slowest": 0.0}
    order_id = None
    while not Path(stop).exists():
        started = time.monotonic()
        try:
            with duckdb.connect(
                serving, read_only=True, config={"threads": 1}
            ) as connection:
                if order_id is None:
                    ((order_id,),) = connection.execute(AN_ORDER).fetchall()
                fact = FACT.format(order_id=order_id)
                told["errors"] += connection.execute(fact).fetchall() != [(True,)]
        except duckdb.Error:
            told["errors"] += 1
        told["reads"] += 1
        told["slowest"] = max(told["slowest"], time.monotonic() - started)
    print(json.dumps(told))


def read_rows(serving: Path, manifest: Path, dsn: str) -> dict[str, float]:
    """Read PostgreSQL's tables while they are published again."""
    done = threading.Event()
    reads: list[float] = []
    errors: list[str] = []

    def read() -> None:
        with (
            adbc.connect(dsn, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(AN_ORDER)
            fact = FACT.format(order_id=cursor.fetchone()[0])
            while not done.is_set() or len(reads) < READS:
                started = time.monotonic()
                try:
                    cursor.execute(fact)
                    if cursor.fetchall() != [(True,)]:
                        errors.append("half of one")
                except adbc.Error as error:
                    errors.append(str(error))
                reads.append(time.monotonic() - started)

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    during = 0
    try:
        for _ in range(REPUBLISHES):
            call(publish_rows, serving, manifest, dsn)
        during = len(reads)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    return {
        "reads": during,
        "errors": len(errors),
        "slowest_read_seconds": max(reads[:during]),
    }


def _built(customers: int, folder: Path, scratch: Path) -> Dbt:
    """Build a shop's facts and features."""
    scratch.mkdir()
    dbt = Dbt(scratch / "warehouse.duckdb")
    load_shop(make_shop(customers, folder / "cache"), dbt.warehouse)
    dbt("seed", "--select", "reference")
    dbt("run", "--select", "staging", "orders", "features")
    return dbt


def _manifest(warehouse: str | Path) -> Path:
    return Path(warehouse).parent / "target" / "manifest.json"


def _tables(warehouse: str | Path) -> tuple[Table, ...]:
    return _of_orders_and_features(_manifest(warehouse))


def _of_orders_and_features(manifest: str | Path) -> tuple[Table, ...]:
    tables = read_tables(Path(manifest))
    return tuple(table for table in tables if table.schema in ("orders", "features"))


def _took(started: float, warehouse: str, files: list[Path]) -> dict[str, float]:
    seconds = time.monotonic() - started
    size = sum(path.stat().st_size for path in files) / (1 << 20)
    served = Path(warehouse).parent.parent / "published" / SERVING
    with duckdb.connect(served.resolve(), read_only=True) as connection:
        count = sum(
            connection.execute(f"select count(*) from {table.sql}").fetchall()[0][0]
            for table in _tables(warehouse)
        )
    return {
        "rows": count,
        "seconds": seconds,
        "rows_per_second": count / seconds,
        "mb": size,
    }


def _silent(line: str) -> None:
    pass
