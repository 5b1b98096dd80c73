"""Erase a customer: the key, the contacts, and every row, to the last byte.

It deletes what raw feeds, tables, tables that remember, backups and published forms
hold of the customer, writes those files anew, and leaves tombstones, by which a load of
the same export leaves the customer out. What it prints is the receipt.

Examples:
  python scripts/erase.py --customer-id 17850 --target shop
  python scripts/erase.py --customer-id 17850 --target shop --retrain

"""

import argparse
import datetime as dt
import os
import sys
from pathlib import Path

from clv_warehouse.privacy.copies import PUBLISHED, add_copies, backups
from clv_warehouse.privacy.erasing import (
    Receipt,
    erase_from_backup,
    erase_from_vault,
    erase_from_warehouse,
    identified,
    with_units,
)
from clv_warehouse.project.child import run_to_its_end
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.project.places import (
    ROOT,
    WAREHOUSES,
    in_project,
    warehouse_of,
)
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import of_target
from clv_warehouse.project.subjects import Subject
from clv_warehouse.serving.publishing.erasing import erase_in_postgres, erase_published
from clv_warehouse.serving.publishing.serving import PUBLICATION

LEFT = (
    "Exports of export.py, backups elsewhere, copies of yours: delete them yourself.",
    "Sums and averages count the customer until the next build: dbt build.",
    "Networks that were trained with the customer stay until the next training; "
    "docs/privacy.md says more.",
)


def main() -> int:
    """Erase whom the command line names; return the exit code."""
    arguments = _arguments()
    secrets = of_target(arguments.target)
    warehouse = warehouse_of(arguments.target)
    for backup in arguments.backup:
        if not backup.is_file():
            raise CommandError(f"There is no backup {backup}. Nothing was erased.")
    receipt = Receipt()
    for customer_id in arguments.customer_id:
        erased = with_units(warehouse, identified(customer_id, secrets), secrets)
        # The vault first: nobody can be contacted from here on, whatever comes.
        erase_from_vault(warehouse, erased, receipt)
        subject = erase_from_warehouse(warehouse, erased, secrets, receipt)
        for backup in backups(arguments):
            erase_from_backup(backup, subject, receipt)
        if arguments.published.exists():
            tables = (*read_tables(arguments.manifest), PUBLICATION)
            receipt.deleted[str(arguments.published)] = erase_published(
                arguments.published, subject, tables, arguments.wait
            )
        if arguments.dsn:
            receipt.deleted["PostgreSQL"] = erase_in_postgres(arguments.dsn, subject)
        _look_at_files(arguments, subject, receipt)
        _print(customer_id, subject, receipt)
    return _trained_anew(arguments) if arguments.retrain else 0


def _trained_anew(arguments: argparse.Namespace) -> int:
    """Build with new networks, and publish where something is published."""
    run = [sys.executable, ROOT / "scripts" / "run.py", "--target", arguments.target]
    is_published = arguments.published == PUBLISHED and PUBLISHED.exists()
    publish = ["--publish"] if is_published else []
    return run_to_its_end([*run, *publish, "--vars", "{retrain: true}"])


def _look_at_files(
    arguments: argparse.Namespace, subject: Subject, receipt: Receipt
) -> None:
    """Remove pages that show the customer, and name lists that people keep."""
    key = subject.customer_key.encode()
    for page in arguments.page or [in_project("data", "dashboard.html")]:
        if page.exists() and key in page.read_bytes():
            page.unlink()
            receipt.deleted[str(page)] = {"the page": 1}
            receipt.left.append(f"Draw {page} again: python scripts/dashboard.py.")
    for seed in sorted((ROOT / "seeds" / "reference").glob("*.csv")):
        if key in seed.read_bytes():
            receipt.left.append(f"{seed} names the key: take the row out.")


def _print(customer_id: str, subject: Subject, receipt: Receipt) -> None:
    print(f"Receipt of {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} UTC")
    print(f"Erased: customer {customer_id}, key {subject.customer_key}")
    for place, tables in receipt.deleted.items():
        print(f"{place}: {sum(tables.values()):,} rows")
        for table, rows in sorted(tables.items()):
            print(f"  {table}: {rows:,}")
    print("A tombstone stays, by which a reload leaves the customer out.")
    print("Left to do:")
    for line in dict.fromkeys((*receipt.left, *LEFT)):
        print(f"- {line}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="erase.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--customer-id",
        action="append",
        required=True,
        help="the shop's own id of the customer; may be given several times",
    )
    parser.add_argument(
        "--target", choices=sorted(WAREHOUSES), default="shop", help="whose warehouse"
    )
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="then build with networks that are trained without the customer, and "
        "publish if data/published is there",
    )
    parser.add_argument(
        "--page",
        type=Path,
        action="append",
        default=[],
        help="a page to remove where it shows the customer; may be given several times "
        "(default: data/dashboard.html)",
    )
    parser.add_argument(
        "--dsn",
        default=os.environ.get("CLV_POSTGRES"),
        help="PostgreSQL's address, as for publish.py (default: CLV_POSTGRES)",
    )
    add_copies(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main, stopped="stopped; give the same command again to complete it.")
