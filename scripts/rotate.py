"""Give all customers new keys, under a new secret key, everywhere at once.

Tables, what they remember of earlier runs, the vault, backups and published files get
the new keys; samples and arms of experiments stay, because the salt does. If it is cut
short, either nothing has changed or the next call completes it.

Example:
  python scripts/rotate.py --target shop

"""

import argparse
import os
import secrets as chance
from pathlib import Path

from clv_warehouse.privacy.copies import add_copies, backups
from clv_warehouse.privacy.rotating import (
    begun,
    beside,
    clear,
    commit,
    complete,
    end,
    new_keys,
    people_of,
    rekeyed_database,
    rekeyed_text,
    rekeyed_vault,
    tombstones_of,
)
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.project.files import for_owner_alone
from clv_warehouse.project.places import (
    ROOT,
    vault_of,
    warehouse_of,
)
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import (
    FOLDER,
    LEAST_CHARACTERS,
    Secret,
    in_environment,
    required,
    secret_file,
    vault_key_of,
)
from clv_warehouse.serving.publishing.erasing import (
    rewritten_version,
    swap_in_version,
)
from clv_warehouse.serving.publishing.folder import locked
from clv_warehouse.serving.publishing.serving import PUBLICATION

NEW_KEY = "CLV_NEW_KEY"


def main() -> int:
    """Rotate the key of the shop; return the exit code."""
    arguments = _arguments()
    if begun(arguments.secrets) is None:
        _prepare(arguments)
    _complete(arguments.secrets)
    print("All customers have new keys. Left to do:")
    if in_environment("key"):
        print(f"- Set CLV_KEY to what {NEW_KEY} is now, before anything else runs.")
    print("- Back up the new secret key, and destroy copies of the old one.")
    print("- Ids of orders that are hashes follow with the next build: dbt build.")
    print("- PostgreSQL still has the old keys: python scripts/publish.py postgres.")
    print("- The page too: python scripts/dashboard.py --target shop.")
    return 0


def _prepare(arguments: argparse.Namespace) -> None:
    """Write all new files beside the old ones, and then the journal."""
    old, new = required(arguments.secrets), _new_secrets(arguments.secrets)
    warehouse = warehouse_of("shop")
    vault = vault_of(warehouse)
    copies = backups(arguments)
    texts = sorted((ROOT / "seeds" / "reference").glob("*.csv"))
    clear([warehouse, vault, *copies, *texts, secret_file("key", arguments.secrets)])
    people = []
    if vault.exists():
        vault_key = vault_key_of("shop", arguments.secrets)
        people = people_of(vault, vault_key)
    with locked(arguments.published, arguments.wait):
        keys = new_keys(warehouse, copies, people, old, new)
        paths = [warehouse, *copies]
        tombstones = tombstones_of(warehouse, vault)
        for path in paths:
            left_out = () if path == warehouse else tombstones
            rekeyed_database(path, beside(path), keys, left_out, old)
            print(f"{path}: written anew beside", flush=True)
        if vault.exists():
            rekeyed_vault(beside(vault), vault, people, vault_key, keys)
            paths.append(vault)
        paths += [path for path in texts if rekeyed_text(path, beside(path), keys)]
        version = rewritten_version(
            arguments.published,
            lambda source, target: rekeyed_database(source, target, keys),
            (*read_tables(arguments.manifest), PUBLICATION),
        )
        if not in_environment("key"):
            file = secret_file("key", arguments.secrets)
            with for_owner_alone():
                beside(file).write_text(f"{new[0].text}\n", "ascii")
            paths.append(file)
        told = {"folder": str(arguments.published.resolve()), "version": version or ""}
        commit(arguments.secrets, paths, told)
    print(f"{len(keys):,} customers get new keys.", flush=True)


def _complete(folder: Path) -> None:
    told = begun(folder)
    assert told is not None
    complete(folder)
    if told["version"]:
        published = Path(told["folder"])
        with locked(published, 60):
            swap_in_version(published, told["version"])
    end(folder)


def _new_secrets(folder: Path) -> tuple[Secret, ...]:
    """The new key and the salt, which stays."""
    text = chance.token_hex(32)
    if in_environment("key"):
        text = os.environ.get(NEW_KEY, "").strip()
        if len(text) < LEAST_CHARACTERS:
            raise CommandError(
                "The key is in the environment, as CLV_KEY, so that the new one must "
                f"be there too: set {NEW_KEY} to {LEAST_CHARACTERS} characters or more."
            )
    salt = next(secret for secret in required(folder) if secret.name == "salt")
    return (Secret("key", text), salt)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rotate.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--target",
        choices=["shop"],
        default="shop",
        help="the sample shop has a public key, which does not change",
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        default=FOLDER,
        help="the folder of the files of secrets (default: %(default)s)",
    )
    add_copies(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main, stopped="stopped; give the same command again.")
