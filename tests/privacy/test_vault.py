"""Tests the vault: what is in it, who can read it, and that a load leaves no name."""

import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from clv_warehouse.privacy.vault import (
    Locks,
    Person,
    VaultError,
    read_people,
    read_rows,
    read_tombstones,
    rewrite,
    rewritten,
)
from clv_warehouse.project.places import vault_of
from clv_warehouse.project.secrets import PUBLIC, PUBLIC_VAULT, Secret, hand_to
from load_command import load_command
from script_command import script_command
from warehouse import Warehouse, key_of

ANN = Person("a" * 24, "17850", "ann@example.org", "Annabel Leeds", "+49 170 1112223")
BOB = Person("b" * 24, "17851", None, "Bo Żółć", None)
NAMED = (b"Annabel", b"Leeds", b"annabel", b"1112223", b"ann.leeds")


def test_who_has_the_key_reads_what_was_kept(tmp_path: Path) -> None:
    path, locks = tmp_path / "shop.vault.duckdb", Locks(PUBLIC_VAULT)
    with rewritten(path, map(locks.sealed, (ANN, BOB)), ["t2", "t1"]):
        assert not path.exists()
    assert list(read_people(path, PUBLIC_VAULT)) == [ANN, BOB]
    assert list(read_people(path, PUBLIC_VAULT, [BOB.customer_key])) == [BOB]
    assert read_tombstones(path) == ["t1", "t2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert ANN.customer_key.encode() in content
    assert not [word for word in (*NAMED, b"17850") if word in content]


def test_nobody_else_does(tmp_path: Path) -> None:
    path, locks = tmp_path / "shop.vault.duckdb", Locks(PUBLIC_VAULT)
    rewrite(path, map(locks.sealed, (ANN, BOB)), [])
    with pytest.raises(VaultError, match="another key locked it"):
        list(read_people(path, Secret("vault", "another key of the same length")))
    ann, bob = read_rows(path)
    for forged in (
        # Of another customer, of another field, and under the key of another.
        replace(bob, fields=ann.fields),
        replace(ann, fields=(*ann.fields[:2], ann.fields[1], ann.fields[3])),
        replace(bob, wrapped_key=ann.wrapped_key),
    ):
        with pytest.raises(VaultError):
            locks.opened(forged)
    assert locks.opened(ann) == ANN
    again = locks.sealed(ANN)
    assert again.wrapped_key != ann.wrapped_key
    assert not set(again.fields) & set(ann.fields)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    write(
        folder,
        orders={
            "order_id": ["1", "2"],
            "customer_id": ["ann@x.org", "bob"],
            "ordered_at": ["2024-01-01", "2024-02-01"],
            "amount": [10, 20],
            "tags": ["for Annabel Leeds", "for Annabel Leeds"],
        },
        customers={
            "customer_id": ["<Ann@X.org>", "bob", "cat"],
            "email": ["ann.leeds@web.de", None, None],
            "full_name": ["Annabel Leeds", None, "Cat Leeds"],
            "phone": ["+49 170 1112223", None, None],
            "country": ["DE", "FR", "PT"],
        },
        reviews={
            "review_id": ["1", "2"],
            "customer_id": ["ann@x.org", "bob"],
            "rating": [5, 5],
            "written_at": ["2024-01-05", "2024-01-05"],
            "body": ["Yours, mrs. LEEDS, call 0170 111 2223", "Leeds is a town"],
        },
    )
    return folder


def write(folder: Path, **feeds: dict) -> None:
    for name, columns in feeds.items():
        pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)


def load(export: Path, *more: str | Path) -> Path:
    warehouse = export.parent / "shop.duckdb"
    done = load_command("folder", export, "--warehouse", warehouse, *more)
    assert done.returncode == 0, done.stderr
    return warehouse


def query(warehouse: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_load_puts_names_into_the_vault_and_nowhere_else(export: Path) -> None:
    warehouse = load(export)
    assert query(warehouse, "select tags from raw.orders order by order_id") == [
        ("for [name]",),
        # Whom others name, no feed says.
        ("for Annabel Leeds",),
    ]
    assert query(warehouse, "select body from raw.reviews order by review_id") == [
        ("Yours, mrs. [name], [phone]",),
        ("Leeds is a town",),
    ]
    described = query(warehouse, "describe raw.customers")
    assert not {"email", "full_name", "phone"} & {row[0] for row in described}
    people = {each.customer_id: each for each in read_people(*vault(warehouse))}
    assert set(people) == {"ann@x.org", "cat"}
    assert people["ann@x.org"] == Person(
        *(key_of("ann@x.org"), "ann@x.org", "ann.leeds@web.de"),
        *("Annabel Leeds", "+49 170 1112223"),
    )


def vault(warehouse: Path) -> tuple[Path, Secret]:
    return vault_of(warehouse), PUBLIC_VAULT


def test_what_is_added_is_masked_by_the_names_of_earlier_loads(export: Path) -> None:
    warehouse = load(export)
    write(
        export,
        customers={"customer_id": ["ann@x.org"], "phone": ["+49 30 7654321"]},
        reviews={
            "review_id": ["3"],
            "customer_id": ["ann@x.org"],
            "rating": [5],
            "written_at": ["2024-03-05"],
            "body": ["annabel again"],
        },
    )
    load(export, "--append")
    bodies = query(warehouse, "select body from raw.reviews where review_id = '3'")
    assert bodies == [("[name] again",)]
    people = {each.customer_id: each for each in read_people(*vault(warehouse))}
    assert people["ann@x.org"].phone == "+49 30 7654321"
    assert people["ann@x.org"].email == "ann.leeds@web.de"
    assert people["cat"].full_name == "Cat Leeds"


@pytest.mark.parametrize("more", [(), ("--append",)])
def test_what_an_older_version_wrote_is_not_in_the_file_any_more(
    export: Path, more: tuple[str, ...]
) -> None:
    write(export, orders=ORDERS)
    (export / "reviews.csv").unlink()
    warehouse = load(export)
    vault_of(warehouse).unlink()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        connection.execute(
            "create or replace table raw.customers as select *, "
            "'ann.leeds@web.de' as email, 'Annabel Leeds' as full_name, "
            "'+49 170 1112223' as phone from raw.customers"
        )
    found = [word for word in NAMED if word in warehouse.read_bytes()]
    assert found == [b"Annabel", b"Leeds", b"1112223", b"ann.leeds"]
    write(export, customers={"customer_id": ["dan"], "full_name": ["Dan"]})
    load(export, *more)
    assert not [word for word in NAMED if word in warehouse.read_bytes()]
    people = [each.full_name for each in read_people(*vault(warehouse))]
    assert sorted(people) == (["Annabel Leeds"] * 3 if more else []) + ["Dan"]


ORDERS = {
    "order_id": ["1", "2"],
    "customer_id": ["ann@x.org", "bob"],
    "ordered_at": ["2024-01-01", "2024-02-01"],
    "amount": [10, 20],
}


def test_who_was_erased_is_a_guest_in_tables_that_stay_in_place(
    warehouse: Warehouse, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = export.parent / "place"
    place.mkdir()
    for name in ("orders", "customers"):
        pd.read_csv(export / f"{name}.csv").to_parquet(place / f"{name}.parquet")
    monkeypatch.setenv("CLV_WAREHOUSE", str(warehouse.path))
    monkeypatch.delenv("CLV_POSTGRES", raising=False)
    done = load_command("folder", place, "--in-place")
    assert done.returncode == 0, done.stderr
    backup = export.parent / "backup.duckdb"
    duckdb.connect(str(backup)).close()
    done = script_command(
        *("erase.py", "--customer-id", "ANN@x.org", "--customer-id", "cat"),
        *("--published", export.parent / "none", "--page", export.parent / "none"),
        *("--backup", backup),
    )
    assert done.returncode == 0, done.stderr
    assert f"{place / 'orders.parquet'} has 1 rows of the customer" in done.stdout
    done = warehouse.dbt("seed", "--select", "nobody_ids")
    assert done.returncode == 0, done.stdout
    done = warehouse.dbt("run", "--select", "stg_orders", "stg_customers")
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        hand_to(connection, PUBLIC)
        orders = connection.execute(
            "select order_id, customer_key, tags from staging.stg_orders order by all"
        ).fetchall()
        customers = connection.execute(
            "select customer_key, country from staging.stg_customers order by country"
        ).fetchall()
    assert orders == [
        ("1", None, "for [name]"),
        ("2", key_of("bob"), "for Annabel Leeds"),
    ]
    assert customers == [(None, "DE"), (key_of("bob"), "FR"), (None, "PT")]
