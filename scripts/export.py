"""Write files that the tools of other companies ask for; nothing is sent anywhere.

Examples:
  python scripts/export.py conversions google data/google.csv
  python scripts/export.py conversions meta data/meta.csv --contacts --target shop
  python scripts/export.py audiences keys data/win_back.csv --list win_back
  python scripts/export.py audiences klaviyo data/vips.csv --list thank_vip --ids
  python scripts/export.py audiences meta data/best.csv --list best --contacts

"""

import argparse
from pathlib import Path

import duckdb

from clv_warehouse.privacy.vault import read_people
from clv_warehouse.project.builds import complete_build
from clv_warehouse.project.command import run_main
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, vault_of, warehouse_of
from clv_warehouse.project.secrets import of_target, vault_key_of
from clv_warehouse.serving.exporting.audiences import (
    TOOLS,
    read_members,
    write_audience,
)
from clv_warehouse.serving.exporting.contacts import (
    Contact,
    has_contacts,
    read_contacts,
    read_ids,
)
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
        contacts: dict[str, Contact] = {}
        if arguments.contacts:
            # Whoever does not hold the secret key gets no contact, hashed or not.
            contacts = _contacts(connection, warehouse, arguments.target)
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


def _export_audiences(arguments: argparse.Namespace) -> None:
    tool = TOOLS[arguments.tool]
    purpose = arguments.purpose or tool.purpose
    is_personal = arguments.ids or arguments.contacts
    warehouse = warehouse_of(arguments.target)
    with opened(warehouse) as connection:
        complete_build(connection, is_forced=arguments.force)
        contacts: dict[str, Contact] = {}
        ids: dict[str, str] = {}
        if is_personal:
            # Whoever does not hold the secret key gets keys alone.
            if arguments.contacts:
                contacts = _contacts(connection, warehouse, arguments.target)
            if arguments.ids:
                ids = read_ids(connection, of_target(arguments.target))
        members = read_members(
            connection, arguments.list, purpose, is_personal=is_personal
        )
    written, left_out = write_audience(arguments.file, tool, members, contacts, ids)
    needed = "--ids" if "ExternalID" in tool.identifiers else "--contacts"
    print(
        f"{arguments.file}: {written:,} customers whom nothing forbids to contact for "
        f"{purpose}; {left_out:,} more have no {' or '.join(tool.identifiers)}"
        f"{'' if written else f' ({needed} adds it, for who holds the secret key)'}."
    )


def _contacts(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, target: str
) -> dict[str, Contact]:
    """Contacts by customer_key: of the vault, or of a feed that stays in place."""
    vault = vault_of(warehouse)
    if has_contacts(connection) or not vault.exists():
        return read_contacts(connection, of_target(target))
    return {
        person.customer_key: Contact(person.email, person.phone)
        for person in read_people(vault, vault_key_of(target))
    }


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
    text = "a list of customers: of reports.customer_lists, without who is held out"
    command = kinds.add_parser("audiences", help=text, description=text)
    command.set_defaults(run=_export_audiences)
    command.add_argument(
        "tool",
        choices=sorted(TOOLS),
        help="keys is for tools of your own: customer keys, reasons and products",
    )
    command.add_argument(
        "--list",
        required=True,
        help="such as win_back; lifecycle/at_risk where two lists have a name",
    )
    command.add_argument(
        "--ids",
        action="store_true",
        help="add the shop's own customer ids; needs the secret key",
    )
    _add_common(command)
    command.set_defaults(purpose=None)
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
        "(default: ads, and email for audiences of keys and klaviyo)",
    )
    command.add_argument(
        "--contacts",
        action="store_true",
        help="add hashed e-mail addresses and phone numbers; needs the vault's key",
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="export from what is not one complete, tested build",
    )


if __name__ == "__main__":
    run_main(main)
