"""Proves that the same data make the same tables, whatever else differs.

A made-up shop is loaded and built several times, training included: with 1, 2 and 4
threads, with other hash seeds of Python, and once with the rows of all files shuffled.
Every contracted table must then hold the same rows, in all columns but clock times.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.harness import run
from benchmarks.shop import load_shop
from checks.table_hashes import compared_columns, table_hash
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.sql import literal, quoted

TARGET = "shop"
CUSTOMERS = 2000
# A training of so little still reads, orders and adds up all that a large one does.
SETTINGS = {"training_customers": 500, "training_origins": 6}
# How many differences of a table are shown.
SHOWN = 5


@dataclass(frozen=True)
class Build:
    """What differs between one build of the shop and the others.

    Attributes:
        name: of its folder.
        threads: of dbt, DuckDB, numpy and TensorFlow, each.
        hash_seed: of Python, on which the order of its sets depends.
        is_shuffled: whether the rows of all files come in another order.

    """

    name: str
    threads: int
    hash_seed: int
    is_shuffled: bool = False

    def __str__(self) -> str:
        rows = ", rows shuffled" if self.is_shuffled else ""
        return f"threads {self.threads}, hash seed {self.hash_seed}{rows}"


BUILDS = (
    Build("first", threads=1, hash_seed=0),
    Build("second", threads=2, hash_seed=1),
    Build("third", threads=4, hash_seed=2),
    Build("fourth", threads=4, hash_seed=3, is_shuffled=True),
)


@dataclass(frozen=True)
class Difference:
    """A column in which two builds of a table differ.

    Attributes:
        column: its name.
        rows: how many rows differ.
        examples: a few of them: the key, or the row, and both values.

    """

    column: str
    rows: int
    examples: tuple[tuple, ...]

    def __str__(self) -> str:
        shown = "; ".join(str(each) for each in self.examples)
        return f"{self.column}: {self.rows} rows, such as {shown}"


def make_warehouse(build: Build, shop: Path, folder: Path) -> Path:
    """Load and build a shop as `build` says; return the warehouse's file."""
    folder.mkdir()
    source = shop
    if build.is_shuffled:
        source = folder / "shop"
        shuffle(shop, source, build.hash_seed)
    warehouse = folder / "same.duckdb"
    load_shop(source, warehouse)
    threads = str(build.threads)
    run(
        *("-m", "dbt.cli.main", "build", "--exclude-resource-type", "test"),
        *("--exclude-resource-type", "unit_test", "--target", TARGET),
        *("--threads", threads, "--vars", json.dumps(SETTINGS)),
        *("--profiles-dir", write_profile(build, folder)),
        *("--target-path", folder / "target", "--log-path", folder / "logs"),
        CLV_WAREHOUSE=str(warehouse),
        PYTHONHASHSEED=str(build.hash_seed),
        DO_NOT_TRACK="1",
        NO_COLOR="1",
        **dict.fromkeys(
            (
                "OMP_NUM_THREADS",
                "OPENBLAS_NUM_THREADS",
                "TF_NUM_INTRAOP_THREADS",
                "TF_NUM_INTEROP_THREADS",
            ),
            threads,
        ),
    )
    return warehouse


def write_profile(build: Build, folder: Path) -> Path:
    """Write the project's profile with so many threads of DuckDB; return its folder."""
    profiles = yaml.safe_load((ROOT / "profiles.yml").read_text("utf-8"))
    profiles["clv_warehouse"]["outputs"][TARGET]["settings"]["threads"] = build.threads
    (folder / "profiles.yml").write_text(yaml.safe_dump(profiles), "utf-8")
    return folder


def shuffle(shop: Path, folder: Path, seed: int) -> None:
    """Write the Parquet files of a shop to a folder, their rows in another order."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for file in sorted(shop.glob("*.parquet")):
        rows = pq.read_table(file)
        order = pa.array(random.permutation(len(rows)))
        pq.write_table(rows.take(order), folder / file.name)


def differences(
    connection: duckdb.DuckDBPyConnection, table: Table, other: str
) -> Iterator[Difference]:
    """Yield the columns of a table that differ from those in the attached `other`.

    Rows are paired by the table's key. Without one, the values of each column are
    compared in any order.
    """
    theirs = f"{quoted(other)}.{table.sql}"
    columns = compared_columns(table)
    key = ", ".join(quoted(name) for name in table.key if name in columns)
    for column in columns:
        name = quoted(column)
        if column in table.key or not key:
            mine = f"select {key or name} from {table.sql}"
            other_ones = f"select {key or name} from {theirs}"
            found = connection.sql(
                f"(({mine}) except all ({other_ones})) union all "
                f"(({other_ones}) except all ({mine}))"
            )
        else:
            found = connection.sql(
                f"select {key}, mine.{name}, theirs.{name} "
                f"from {table.sql} as mine inner join {theirs} as theirs using ({key}) "
                f"where mine.{name} is distinct from theirs.{name} order by all"
            )
        rows = found.fetchall()
        if rows:
            yield Difference(column, len(rows), tuple(rows[:SHOWN]))


def compare(
    tables: Sequence[Table], warehouses: Sequence[Path]
) -> Iterator[tuple[Table, list[str], list[list[Difference]]]]:
    """Yield of each table its hash in each warehouse, and what differs from the first.

    The differences are empty for the first warehouse and for those of the same hash.
    """
    with duckdb.connect(str(warehouses[0]), read_only=True) as first:
        for place, path in enumerate(warehouses[1:], start=1):
            first.execute(f"attach {literal(str(path))} as other_{place} (read_only)")
        for table in tables:
            hashes = [table_hash(first, table)]
            found: list[list[Difference]] = [[]]
            for place in range(1, len(warehouses)):
                hashes.append(table_hash(first, table, f"other_{place}"))
                found.append(
                    []
                    if hashes[place] == hashes[0]
                    else list(differences(first, table, f"other_{place}"))
                )
            yield table, hashes, found


def check(builds: Sequence[Build], customers: int, folder: Path) -> bool:
    """Make a shop, build it so often, and say whether all tables are the same."""
    shop = folder / "shop"
    run("scripts/make_shop.py", shop, "--customers", str(customers))
    warehouses = []
    for build in builds:
        started = time.monotonic()
        warehouses.append(make_warehouse(build, shop, folder / build.name))
        print(f"{build}: {time.monotonic() - started:.0f} s", flush=True)
    # What schema monitoring tells of a build is of that one alone.
    tables = [
        table
        for table in read_tables(folder / builds[0].name / "target" / "manifest.json")
        if table.schema != "monitoring"
    ]
    return report(builds, compare(tables, warehouses))


def report(
    builds: Sequence[object],
    compared: Iterator[tuple[Table, list[str], list[list[Difference]]]],
) -> bool:
    """Print a line per table, and what differs; say whether all are the same."""
    count = wrong = 0
    for table, hashes, found in compared:
        count += 1
        is_same = len(set(hashes)) == 1
        wrong += not is_same
        print(f"{table.full_name:<36}{hashes[0]}  {'same' if is_same else 'DIFFERS'}")
        for build, said, columns in zip(builds, hashes, found, strict=True):
            if said != hashes[0]:
                print(f"  {build}: {said.strip()}")
                for difference in columns:
                    print(f"    {table.full_name}.{difference}")
    print(f"{count - wrong} of {count} tables are the same in {len(builds)} builds")
    return not wrong


def main() -> int:
    """Check a shop of the size that the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="checks.same", description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument(
        "--keep", type=Path, help="a new folder that keeps the warehouses"
    )
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True)
        return int(not check(BUILDS, arguments.customers, arguments.keep))
    with scratch_folder() as scratch:
        return int(not check(BUILDS, arguments.customers, scratch))


if __name__ == "__main__":
    run_main(main)
