"""The secrets of a shop: the key of its customer keys, and the salt of its samples.

A third, the key of the vault, is read by the few scripts that open the vault, and never
by dbt. A secret comes from the environment (CLV_KEY, CLV_SALT, CLV_VAULT), or else from
a file of its own (data/.clv_key ...) that nobody but its owner may read. The sample
shop uses secrets that are public. No secret is ever an argument of a command, a dbt var
or a part of a profile: dbt would write it into its manifest and its logs.
"""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.problems import CommandError

FOLDER = ROOT / "data"
# What each secret is for.
NAMES = {"key": "the keys that stand for customers", "salt": "samples of customers"}
# Text that somebody made up is easily guessed; 32 characters are no word.
LEAST_CHARACTERS = 32
VAULT = "vault"
# The journal of a rotation of keys (privacy/rotating.py). While it is there, files of
# two keys lie side by side.
ROTATION = ".rotation.json"
_BLOCK = hashlib.sha256().block_size


class SecretError(CommandError):
    """A secret cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Secret:
    """A secret text, of any length, that never shows in a message.

    Attributes:
        name: one of NAMES, or VAULT.
        text: what must not be written down.

    """

    name: str
    text: str = field(repr=False)

    def hash(self, message: str) -> str:
        """HMAC-SHA256 (RFC 2104) of a text under the secret, as 64 hex digits."""
        return hmac.new(
            self.text.encode(), message.encode(), hashlib.sha256
        ).hexdigest()

    def pads(self) -> Iterator[tuple[str, bytes]]:
        """The inner and the outer pad of HMAC, 64 bytes each, by name.

        They are all that SQL needs: an HMAC is
        sha256(outer pad + sha256(inner pad + message)).
        """
        key = self.text.encode()
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        for pad, mask in (("inner", 0x36), ("outer", 0x5C)):
            yield pad, bytes(byte ^ mask for byte in key.ljust(_BLOCK, b"\0"))


PUBLIC = tuple(
    Secret(name, f"the public test {name} of the sample shop") for name in NAMES
)
PUBLIC_VAULT = Secret(VAULT, "the public test vault of the sample shop")


def hand_to(connection: Any, given: Iterable[Secret]) -> None:
    """Set the variables of a DuckDB connection that `keyed_hash` of macros reads.

    A variable lives and ends with its connection, and DuckDB's logs show a parameter as
    a question mark.
    """
    for secret in given:
        for pad, value in secret.pads():
            connection.execute(f"set variable clv_{secret.name}_{pad} = ?", [value])


def as_environment(given: Iterable[Secret]) -> dict[str, str]:
    """The environment variables that hand these secrets to the project's commands."""
    return {_variable(secret.name): secret.text for secret in given}


def own(folder: Path = FOLDER) -> tuple[Secret, ...]:
    """The shop's own secrets, without those that nobody has made yet.

    Raises SecretError for one that is too short, or that others may read, and while a
    rotation of keys has not been completed.
    """
    if (folder / ROTATION).exists():
        raise SecretError(
            "A rotation of keys was cut short, and files of the old key and of the new "
            "one lie side by side. Complete it: python scripts/rotate.py --target shop"
        )
    found = (_found(name, folder) for name in NAMES)
    return tuple(secret for secret in found if secret)


def _found(name: str, folder: Path) -> Secret | None:
    text, source = os.environ.get(_variable(name), "").strip(), _variable(name)
    if not text:
        path = secret_file(name, folder)
        text, source = _read(path) if path.exists() else "", str(path)
    if not text:
        return None
    if len(text) < LEAST_CHARACTERS:
        raise SecretError(
            f"{source} has {len(text)} characters, but must have "
            f"{LEAST_CHARACTERS} or more, so that nobody can guess it. "
            "This makes one: "
            'python -c "import secrets; print(secrets.token_hex(32))"'
        )
    return Secret(name, text)


def secret_file(name: str, folder: Path = FOLDER) -> Path:
    """Where a secret is that is not in the environment."""
    return folder / f".clv_{name}"


def in_environment(name: str) -> bool:
    """Whether the environment has a secret, which then counts and not the file."""
    return bool(os.environ.get(_variable(name), "").strip())


def vault_key_of(target: str, folder: Path = FOLDER) -> Secret:
    """Return the key of a target's vault: a public one of the sample shop.

    Raises SecretError where the shop's own is not at hand.
    """
    if target == "sample":
        return PUBLIC_VAULT
    found = _found(VAULT, folder)
    if not found:
        raise SecretError(
            f"The key of the vault is missing. Set {_variable(VAULT)}, or put back "
            f"{secret_file(VAULT, folder)} from where you keep a copy. Without it "
            "nobody can read the vault; a load of all customers makes a new one."
        )
    return found


def required(folder: Path = FOLDER) -> tuple[Secret, ...]:
    """The shop's two secrets; raises SecretError if one is missing, or as `own`."""
    found = own(folder)
    for name in NAMES.keys() - {secret.name for secret in found}:
        raise SecretError(
            f"The secret {name} of the shop is missing. Set {_variable(name)}, or make "
            f"{folder / f'.clv_{name}'} by: python scripts/customers.py secrets"
        )
    return found


def of_target(target: str) -> tuple[Secret, ...]:
    """Return the secrets of a target's shop: public ones of the sample shop.

    Raises SecretError where the shop's own are not at hand.
    """
    return PUBLIC if target == "sample" else required()


def make_missing(
    folder: Path = FOLDER, names: Iterable[str] = tuple(NAMES)
) -> list[Path]:
    """Make the shop's secrets that are neither in the environment nor in a file.

    Returns the files that were written. Raises SecretError as `own` does.
    """
    made = []
    for name in names:
        if not _found(name, folder):
            path = secret_file(name, folder)
            # The file is never there with another mode, and never replaced.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
                file.write(f"{secrets.token_hex(32)}\n")
            made.append(path)
    return made


def of_made(paths: list[Path]) -> str:
    """What a person should know of secrets that were just made."""
    return (
        f"\nMade {' and '.join(map(str, paths))}. From them the warehouse makes the "
        "keys that stand for customers, draws its samples, and locks the vault of "
        "their names and addresses. Keep a copy in a safe "
        "place, apart from the warehouse: who has both can find out who a customer is, "
        "and without them the next build gives all customers new keys."
    )


def _variable(name: str) -> str:
    return f"CLV_{name.upper()}"


def _read(path: Path) -> str:
    others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    # Windows has no such modes.
    if others and os.name == "posix":
        raise SecretError(
            f"Others may read {path}. If nobody has, take that from them: "
            f"chmod 600 {path}. If somebody may have, make a new one."
        )
    return path.read_text("utf-8").strip()
