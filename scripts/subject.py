"""Write what the warehouse holds of a customer: an answer to a request for access.

One JSON file: who the customer is (from the vault), each raw row, and each row of every
table that is about them, forecasts and decisions included.

Example:
  python scripts/subject.py --customer-id 17850 --to data/customer.json --target shop

"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clv_warehouse.privacy.erasing import identified
from clv_warehouse.privacy.raw_rows import conditions
from clv_warehouse.privacy.vault import read_people
from clv_warehouse.project.command import run_main
from clv_warehouse.project.files import for_owner_alone, written_whole
from clv_warehouse.project.opening import catalog_of, opened
from clv_warehouse.project.places import WAREHOUSES, vault_of, warehouse_of
from clv_warehouse.project.secrets import of_target, vault_key_of
from clv_warehouse.project.sql import quoted
from clv_warehouse.project.subjects import select_about, subject_of


def main() -> int:
    """Write the file that the command line names; 1 if nothing is known."""
    arguments = _arguments()
    secrets, warehouse = of_target(arguments.target), warehouse_of(arguments.target)
    found = identified(arguments.customer_id, secrets)
    key, catalog = found.subject.customer_key, catalog_of(warehouse)
    tables: dict[str, Any] = {}
    vault = vault_of(warehouse)
    if vault.exists():
        people = list(read_people(vault, vault_key_of(arguments.target), [key]))
        if people:
            tables["vault.contacts"] = [asdict(person) for person in people]
    with opened(warehouse) as connection:
        for feed, (_, condition) in conditions(
            connection, catalog, key, secrets
        ).items():
            rows = connection.execute(
                f"select * from {quoted(catalog)}.raw.{quoted(feed)} where {condition}"
            )
            names = [column[0] for column in rows.description or ()]
            tables[f"raw.{feed}"] = [
                dict(zip(names, row, strict=True)) for row in rows.fetchall()
            ]
        subject = subject_of(connection, catalog, key, found.sample_point)
        tables |= select_about(connection, catalog, subject)
    with for_owner_alone(), written_whole(arguments.to) as partial:
        text = json.dumps(
            {"customer_id": arguments.customer_id, "customer_key": key, **tables},
            default=str,
            ensure_ascii=False,
            indent=1,
        )
        partial.write_text(f"{text}{os.linesep}", "utf-8")
    rows = sum(map(len, tables.values()))
    print(f"{arguments.to}: {rows:,} rows of {len(tables)} tables. It names a person.")
    return int(not rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="subject.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--customer-id", required=True, help="the shop's own id of the customer"
    )
    parser.add_argument("--to", type=Path, required=True, help="the JSON file to write")
    parser.add_argument(
        "--target", choices=sorted(WAREHOUSES), default="shop", help="whose warehouse"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
