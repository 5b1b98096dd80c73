"""Tests where the secrets of a shop come from, and the command that needs them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from clv_warehouse.project.secrets import (
    PUBLIC,
    Secret,
    SecretError,
    as_environment,
    make_missing,
    of_made,
    own,
    required,
)


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in as_environment(PUBLIC):
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("nothing_set")
def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    assert own(tmp_path) == ()
    with pytest.raises(SecretError, match=r"is missing.*customers\.py secrets"):
        required(tmp_path)
    made = make_missing(tmp_path)
    assert [path.name for path in made] == [".clv_key", ".clv_salt"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert "safe place" in of_made(made)
    found = required(tmp_path)
    assert [secret.name for secret in found] == ["key", "salt"]
    assert len({secret.text for secret in found}) == 2
    assert all(len(secret.text) == 64 for secret in found)
    assert make_missing(tmp_path) == []
    assert own(tmp_path) == found


@pytest.mark.usefixtures("nothing_set")
def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_missing(tmp_path)
    (tmp_path / ".clv_salt").chmod(0o640)
    with pytest.raises(SecretError, match=r"Others may read .*salt.*chmod 600"):
        own(tmp_path)


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLV_SALT")
    (made,) = make_missing(tmp_path)
    assert made.name == ".clv_salt"
    key, _ = own(tmp_path)
    assert key == PUBLIC[0]
    monkeypatch.setenv("CLV_KEY", "guess me")
    with pytest.raises(SecretError, match="CLV_KEY has 8 characters"):
        own(tmp_path)


def test_a_secret_does_not_show_in_messages() -> None:
    assert "hidden" not in repr(Secret("key", "hidden"))


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/customers.py", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | as_environment(PUBLIC),
        capture_output=True,
        text=True,
        check=False,
    )


def test_customers_and_keys_are_found_by_each_other(tmp_path: Path) -> None:
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema raw; create table raw.orders as select * from "
            "(values ('Ann@Example.com'), ('17850.0'), (null)) as ids (customer_id)"
        )
    told = ask("key", "17850", "ann@example.com")
    keys = [PUBLIC[0].hash(text)[:24] for text in ("17850", "ann@example.com")]
    assert told.stdout.splitlines() == [
        f"{keys[0]}  17850",
        f"{keys[1]}  ann@example.com",
    ]
    found = ask("id", *keys, "0" * 24, "--warehouse", str(warehouse))
    assert sorted(found.stdout.splitlines()) == sorted(
        [f"{keys[0]}  17850.0", f"{keys[1]}  Ann@Example.com"]
    )
    assert found.returncode == 1
    assert f"has the key '{'0' * 24}'" in found.stderr
    absent = ask("id", keys[0], "--warehouse", str(tmp_path / "none.duckdb"))
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "There is no warehouse" in absent.stderr
