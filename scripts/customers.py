"""Find the key of a customer, or the customer of a key, with the shop's secret key.

Examples:
  python scripts/customers.py key 17850 ann@example.com --target shop
  python scripts/customers.py id 1f0d4bd2a3c55e8b9a7c6d01 --target shop
  python scripts/customers.py secrets

"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.project.command import run_main
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, warehouse_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import Secret, make_missing, of_made, of_target
from clv_warehouse.project.sql import quoted


def main() -> int:
    """Answer what the command line asks; return the exit code."""
    arguments = _arguments()
    if arguments.command == "secrets":
        made = make_missing()
        print(of_made(made).strip() if made else "The shop has its secrets already.")
        return 0
    secrets = of_target(arguments.target)
    if arguments.command == "key":
        return _print_keys(arguments.customers, secrets)
    return _print_ids(
        arguments.customers, secrets, arguments.target, arguments.warehouse
    )


def _print_keys(ids: Sequence[str], secrets: Sequence[Secret]) -> int:
    with duckdb.connect() as connection:
        define_key_of(connection, secrets)
        for text in ids:
            ((key,),) = connection.execute("select key_of(?)", [text]).fetchall()
            print(f"{key or 'no id'}  {text}")
    return 0


def _print_ids(
    keys: Sequence[str],
    secrets: Sequence[Secret],
    target: str,
    given_warehouse: Path | None,
) -> int:
    """Print each id that has a key, as the feeds spell it; 1 if a key has none."""
    warehouse = given_warehouse or warehouse_of(target)
    with opened(warehouse) as connection:
        define_key_of(connection, secrets)
        feeds = list(_feeds(connection, target))
        if not feeds:
            raise CommandError(
                f"{warehouse} has no raw feed that names customers, so it knows no "
                "ids. Ask where the shop's data were loaded."
            )
        ids = " union ".join(
            f"select cast(customer_id as varchar) as id from raw.{quoted(feed)}"
            for feed in feeds
        )
        found = connection.execute(
            f"select key, id from (select key_of(id) as key, id from ({ids})) "
            "where list_contains(?, key) order by id",
            [[key.strip().lower() for key in keys]],
        ).fetchall()
    for key, text in found:
        print(f"{key}  {text}")
    known = {key for key, _ in found}
    unknown = [key for key in keys if key.strip().lower() not in known]
    for key in unknown:
        print(
            f"customers.py: no customer of {warehouse} has the key {key!r} under this "
            "secret key. A warehouse that was built with another has other keys.",
            file=sys.stderr,
        )
    return int(bool(unknown))


def _feeds(connection: duckdb.DuckDBPyConnection, target: str) -> Iterator[str]:
    """The raw tables that are there and name customers."""
    there = {
        name
        for (name,) in connection.execute(
            "select table_name from information_schema.columns "
            "where table_schema = 'raw' and lower(column_name) = 'customer_id'"
        ).fetchall()
    }
    prefix = "sample_" if target == "sample" else ""
    for feed in read_feeds():
        if f"{prefix}{feed.name}" in there:
            yield f"{prefix}{feed.name}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="customers.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        choices=("key", "id", "secrets"),
        help="key: of a shop's customer ids; id: of customer keys; secrets: make those "
        "that are missing, as the first load does",
    )
    parser.add_argument(
        "customers", nargs="*", help="for key: the shop's ids; for id: customer keys"
    )
    parser.add_argument(
        "--target",
        choices=sorted(WAREHOUSES),
        default="shop",
        help="whose secret key and warehouse (default: %(default)s)",
    )
    parser.add_argument(
        "--warehouse",
        type=Path,
        help="for id: the DuckDB file, where it is not that of the target",
    )
    arguments = parser.parse_args()
    if (arguments.command == "secrets") == bool(arguments.customers):
        parser.error("key and id need customers, and secrets takes none")
    return arguments


if __name__ == "__main__":
    run_main(main)
