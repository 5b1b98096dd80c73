"""Write files that the tools of other companies ask for; nothing is sent anywhere.

Examples:
  python scripts/export.py conversions google data/google.csv
  python scripts/export.py conversions meta data/meta.csv --contacts --target shop

"""

import argparse
from pathlib import Path

from clv_warehouse.project.builds import complete_build
from clv_warehouse.project.command import run_main
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, warehouse_of
from clv_warehouse.project.secrets import PUBLIC, required
from clv_warehouse.serving.exporting.contacts import read_contacts
from clv_warehouse.serving.exporting.conversions import (
    PLATFORMS,
    read_orders,
    write_conversions,
)


def main() -> int:
    """Write what the command line names; return the exit code."""
    arguments = _arguments()
    arguments.run(arguments)
    return 0


def _export_conversions(arguments: argparse.Namespace) -> None:
    platform = PLATFORMS[arguments.platform]
    warehouse = warehouse_of(arguments.target)
    with opened(warehouse) as connection:
        complete_build(connection, is_forced=arguments.force)
        contacts = {}
        if arguments.contacts:
            # Whoever does not hold the secret key gets no contact, hashed or not.
            secrets = PUBLIC if arguments.target == "sample" else required()
            contacts = read_contacts(connection, secrets)
        orders = read_orders(
            connection,
            platform,
            arguments.purpose,
            arguments.days or platform.days,
            arguments.new_only,
        )
    written, left_out = write_conversions(arguments.file, platform, orders, contacts)
    print(
        f"{arguments.file}: {written:,} orders of customers whose consent to "
        f"{arguments.purpose} stands; {left_out:,} more have no click id"
        f"{'' if arguments.contacts else ' (--contacts adds hashed contacts)'}."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="export.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    text = "orders with their expected value, for bidding by value"
    command = kinds.add_parser("conversions", help=text, description=text)
    command.set_defaults(run=_export_conversions)
    command.add_argument("platform", choices=sorted(PLATFORMS))
    command.add_argument(
        "--days",
        type=int,
        help="orders of the last so many days (default: as old as the platform takes "
        "them, 90 for google and 7 for meta)",
    )
    command.add_argument(
        "--new-only", action="store_true", help="only first orders of customers"
    )
    _add_common(command)
    return parser.parse_args()


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="the CSV file to write")
    command.add_argument(
        "--target", choices=sorted(WAREHOUSES), default="sample", help="whose warehouse"
    )
    command.add_argument(
        "--purpose",
        default="ads",
        help="the purpose of the feed consents to which customers must have agreed "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--contacts",
        action="store_true",
        help="add hashed e-mail addresses and phone numbers; needs the secret key",
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="export from what is not one complete, tested build",
    )


if __name__ == "__main__":
    run_main(main)
