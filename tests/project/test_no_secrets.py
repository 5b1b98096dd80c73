"""Searches the project's files for secrets, and lists licences that would bind it."""

import re
import subprocess
from pathlib import Path

import pytest

from checks.licences import binds, licence, needed, shipped

# What secrets look like. A variable or a placeholder in their place is none.
PATTERNS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a key of AWS": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{60,}",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "a key of Stripe": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "a key of Google": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a token of a person": r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{15,}",
    "a secret in hex": r"(?i:secret|token|passw\w+|clv_(?:key|salt|vault))\W{1,4}"
    r"['\"]?[0-9a-f]{32,}",
}
SECRET = re.compile("|".join(f"(?:{each})" for each in PATTERNS.values()))


def found_in(text: str) -> list[str]:
    return [match[0] for match in SECRET.finditer(text)]


def test_no_file_of_the_project_holds_a_secret(root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("this copy is no git repository")
    paths = [root / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 500
    found = {
        path: secrets
        for path in paths
        if path.is_file()
        and (secrets := found_in(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "xoxb-" + "1234567890-" * 3,
        "sk_live_" + "a1" * 12,
        "AIza" + "b" * 35,
        ".".join(("eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20)),
        "CLV_KEY=" + "0f" * 32,
        "password: '" + "0f" * 16 + "'",
    ],
)
def test_a_planted_secret_is_found(planted: str) -> None:
    assert found_in(f"x = {planted}\n")


def test_no_licence_binds_what_is_shipped() -> None:
    packages = list(needed(shipped()))
    assert {"duckdb", "keras", "cryptography"} <= {
        each.metadata["Name"].lower() for each in packages
    }
    for package in packages:
        text = licence(package)
        assert text, package.metadata["Name"]
        assert not binds(text), (package.metadata["Name"], text)


@pytest.mark.parametrize(
    ("text", "is_binding"),
    [
        ("MIT", False),
        ("GPL-3.0-only", True),
        ("Affero General Public License", True),
        ("GPL-2.0-or-later OR MIT", False),
        ("LGPL-3.0-or-later", False),
        ("GNU Lesser General Public License v3", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
    ],
)
def test_which_licences_bind(text: str, is_binding: bool) -> None:
    assert binds(text) is is_binding
