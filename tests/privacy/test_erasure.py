"""Rotates the keys of a built and published shop, and erases a customer from it.

The search for what is left must first find each thing that names the customer in every
form, and find those of another customer still when the first is gone. One shop, of few
models, is built for all tests.
"""

import json
import mmap
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from clv_warehouse.privacy.rotating import rekeyed_database
from clv_warehouse.privacy.tombstones import tombstone_sql
from clv_warehouse.privacy.vault import read_people, read_tombstones
from clv_warehouse.project.contracts import Table, read_memory, read_tables
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.places import vault_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import (
    PUBLIC,
    PUBLIC_VAULT,
    SecretError,
    hand_to,
    own,
)
from load_command import load_command
from publishing import publish
from script_command import script_command
from warehouse import Warehouse, key_of

ERASED, OTHER = "mallory-17", "trudy-18"


def unit_of(customer_id: str) -> str:
    """The unit of a customer in the experiment `trial`."""
    return sha256(
        f"trial:{int(PUBLIC[1].hash(customer_id)[:7], 16)}".encode()
    ).hexdigest()


# What names each of them, by what finds it.
PLANTED = {
    ERASED: {
        "id": ERASED,
        "key": key_of(ERASED),
        "unit": unit_of(ERASED),
        "name": "Mallory Vance",
        "address": "m.vance@example.org",
        "order": "order-4711",
        "rejected order": "order-4712",
        "review": "zanzibarine",
    },
    OTHER: {
        "id": OTHER,
        "key": key_of(OTHER),
        "unit": unit_of(OTHER),
        "name": "Trudy Vance",
        "address": "t.vance@example.org",
        "order": "order-5811",
        "rejected order": "order-5812",
        "review": "quixotical",
    },
}


MODELS = ("rejected_records", "customer_features", "customer_targets")
UNIT = sql_of("experiment_unit", "'trial'", "sample_point")
# What a run before left: the arms that chance gave, and networks of which one is older
# than all orders. All other tables have a row of each customer.
REMEMBERED = f"""
    insert into marketing.planned_assignments by name
    select 'trial' as experiment_id, {UNIT} as unit, 'a' as arm
    from staging.stg_sample_points;
    insert into clv.clv_network by name
    select version as network_version, date '2023-12-31' + 366 * number as as_of_date,
        version as model_name
    from (values (0, 'before'), (1, 'after')) as networks (number, version);
    update clv.score_history set as_of_date = date '2024-08-20', horizon_days = 30,
        predicted_spend = 12.34, scored_by = 'network',
        said_at = timestamp '2024-08-21';
    update marketing.next_best_actions set action_date = date '2024-08-21';
    insert into monitoring.alarm_history by name
    select 'volume' as check_name, 'orders' as subject, 'all' as group_name,
        date '2024-08-20' as as_of_date, 'say' as severity
"""
# What earlier runs knew, and what a build makes of the same export under any key.
HISTORY = (
    "select count(*), count(distinct customer_key), sum(predicted_spend) "
    "from clv.score_history where as_of_date = date '2024-08-20'",
    "select unit, arm from marketing.planned_assignments order by unit",
    "select count(*), count(distinct customer_key) from marketing.next_best_actions "
    "where action_date = date '2024-08-21'",
    "select check_name, subject, as_of_date from monitoring.alarm_history "
    "where as_of_date = date '2024-08-20'",
)
# What makes them and adds to them, with all that they are made of.
AFTERWARDS = (
    *("customer_targets", "customer_lifetime_value", "said_and_came"),
    *("planned_assignments", "next_best_actions", "alarm_history"),
)
FACTS = (
    "orders.fct_orders",
    *("features.customer_features", "features.customer_targets"),
)
# A name and an address where they should not be: in a raw feed, in a table that is
# published, and in one that remembers.
PLANTED_SQL = """
    update raw.customers set country = '{name} {address}'
    where customer_id = '{id}';
    update orders.rejected_records
    set record = replace(record, '1960-', '{name} {address} 1960-')
    where record_id = '{rejected order}';
    update clv.score_history set scored_by = '{name} {address}'
    where customer_key = '{key}'
"""


@dataclass(frozen=True)
class Shop:
    """A built and published shop, and the export that it was loaded from."""

    warehouse: Warehouse
    export: Path

    def erase(self, *more: str | Path) -> str:
        """Run scripts/erase.py; what it printed."""
        folder = self.warehouse.folder
        done = script_command(
            *("erase.py", "--customer-id", ERASED, "--target", "shop"),
            *("--published", folder / "published", "--page", folder / "page.html"),
            *("--backup", folder / "backup.duckdb", "--manifest", self.manifest),
            *more,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def manifest(self) -> Path:
        return self.warehouse.root / "target" / "manifest.json"


def write_export(folder: Path) -> None:
    """A shop of 22 customers and 88 orders; two customers are those of PLANTED."""
    people = [f"customer-{number}" for number in range(20)] + [ERASED, OTHER]
    orders = pd.DataFrame(
        [
            {
                "order_id": f"{number}-{customer}",
                "customer_id": customer,
                "ordered_at": f"2024-{month:02d}-{1 + number:02d}",
                "amount": 10 + number,
            }
            for number, customer in enumerate(people)
            for month in (1, 3, 6, 9)
        ]
    )
    orders["order_id"] = [f"o{number}" for number in range(len(orders))]
    for customer, words in PLANTED.items():
        own = orders.index[orders["customer_id"] == customer]
        orders.loc[own[0], "order_id"] = words["order"]
        orders.loc[own[1], "order_id"] = words["rejected order"]
        orders.loc[own[1], "ordered_at"] = "1960-01-01"
    folder.mkdir()
    orders.to_csv(folder / "orders.csv", index=False)
    pd.DataFrame(
        [
            {
                "order_id": words["order"],
                "line_number": 1,
                "product_id": "cup",
                "quantity": 1,
                "unit_price": 12,
            }
            for words in PLANTED.values()
        ]
    ).to_csv(folder / "order_lines.csv", index=False)
    pd.DataFrame(
        {
            "refund_id": [f"refund of {each['order']}" for each in PLANTED.values()],
            "order_id": [each["order"] for each in PLANTED.values()],
            "refunded_at": "2024-10-01",
            "amount": 1,
        }
    ).to_csv(folder / "refunds.csv", index=False)
    pd.DataFrame(
        {
            "customer_id": people,
            "email": [_planted(each, "address") for each in people],
            "full_name": [_planted(each, "name") for each in people],
            "country": "DE",
        }
    ).to_csv(folder / "customers.csv", index=False)
    pd.DataFrame(
        {
            "review_id": ["r1", "r2"],
            "customer_id": [ERASED, OTHER],
            "rating": 5,
            "written_at": "2024-05-05",
            "body": [words["review"] for words in PLANTED.values()],
        }
    ).to_csv(folder / "reviews.csv", index=False)
    pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(44)],
            "customer_id": people * 2,
            "event_type": "view",
            "product_id": "cup",
            "occurred_at": "2024-06-06",
        }
    ).to_csv(folder / "events.csv", index=False)


def _planted(customer: str, name: str) -> str:
    return PLANTED.get(customer, {}).get(name, f"{customer}@example.org")


@pytest.fixture(scope="module")
def shop(
    warehouse_in: Callable[[Path], Warehouse], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("erasure")
    built = warehouse_in(folder)
    export = folder / "export"
    write_export(export)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLV_WAREHOUSE", str(built.path))
        patch.delenv("CLV_POSTGRES", raising=False)
        done = load_command("folder", export)
        assert done.returncode == 0, done.stderr
        built.build("--select", *(f"+{model}" for model in MODELS))
        shop = Shop(built, export)
        known = (*read_memory(shop.manifest), *read_tables(shop.manifest))
        plant(built.path, known)
        plant_keys(built.path, shop.manifest)
        uncompress(built.path)
        tables = there(read_tables(shop.manifest), built.path)
        for _ in range(2):
            publish(built.path, folder / "published", tables=tables)
        done = script_command(
            *("memory.py", "backup", "--target", "shop"),
            *("--to", folder / "backup.duckdb", "--manifest", shop.manifest),
        )
        assert done.returncode == 0, done.stderr
        keys = " ".join(words["key"] for words in PLANTED.values())
        (folder / "page.html").write_text(f"<td>{keys}</td>")
        yield shop


def plant(path: Path, tables: tuple[Table, ...]) -> None:
    """Fill tables, and write names and addresses where they go astray.

    Of the tables that remember and of those that are published, each that was not built
    gets a row of each customer: forecasts, decisions, explanations, training data.
    """
    with duckdb.connect(str(path)) as connection:
        hand_to(connection, PUBLIC)
        built = connection.execute(
            "select schema_name, table_name from duckdb_columns()"
        ).fetchall()
        for table in {each.full_name: each for each in tables}.values():
            if (table.schema, table.name) in built:
                continue
            connection.execute(f"create schema if not exists {table.schema}")
            connection.execute(
                f"create table if not exists {table.sql} as {table.row_sql} limit 0",
                {column.name: None for column in table.columns},
            )
            if "customer_key" in {column.name for column in table.columns}:
                connection.execute(
                    f"insert into {table.sql} by name "
                    "select distinct customer_key from staging.stg_sample_points"
                )
        connection.execute(REMEMBERED)
        for words in PLANTED.values():
            connection.execute(PLANTED_SQL.format_map(words))


def plant_keys(path: Path, manifest: Path) -> None:
    """Give each other model that has a row per customer, and was not built, their keys.

    Such are the cases by which uplift is learned and judged.
    """
    nodes = json.loads(manifest.read_text("utf-8"))["nodes"].values()
    with duckdb.connect(str(path)) as connection:
        for node in nodes:
            if (
                node["resource_type"] == "model"
                and node["config"]["materialized"] != "view"
                and "customer_key" in node["columns"]
            ):
                connection.execute(f"create schema if not exists {node['schema']}")
                connection.execute(
                    f"create table if not exists {node['schema']}.{node['alias']} as "
                    "select distinct customer_key from staging.stg_sample_points"
                )


def there(tables: tuple[Table, ...], path: Path) -> tuple[Table, ...]:
    """Those of the tables that were built."""
    with duckdb.connect(str(path), read_only=True) as connection:
        built = set(
            connection.execute(
                "select schema_name, table_name from duckdb_columns()"
            ).fetchall()
        )
    return tuple(each for each in tables if (each.schema, each.name) in built)


def uncompress(path: Path) -> None:
    """Write a warehouse anew without compression, so that bytes can be searched."""
    fresh = path.with_name("fresh.duckdb")
    with duckdb.connect() as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        connection.execute(f"attach '{path}' as scratch; attach '{fresh}' as fresh")
        connection.execute("copy from database scratch to fresh")
    fresh.replace(path)


def found_in(path: Path) -> dict[str, set[str]]:
    """What names a customer in a file, by customer: its bytes, its tables' values."""
    words = [
        (customer, name, word)
        for customer, named in PLANTED.items()
        for name, word in named.items()
    ]
    found = set()
    if path.stat().st_size:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            found = {
                (c, name) for c, name, word in words if content.find(word.encode()) >= 0
            }
    if path.name.endswith(".vault.duckdb"):
        # What is encrypted shows to who has the key of the vault.
        opened = repr(list(read_people(path, PUBLIC_VAULT)))
        found |= {(c, name) for c, name, word in words if word in opened}
    sources = []
    with duckdb.connect() as connection:
        if path.suffix == ".duckdb":
            connection.execute(f"attach '{path}' as searched (read_only)")
            sources = [
                f'searched."{schema}"."{name}"'
                for schema, name in connection.execute(
                    "select schema_name, table_name from duckdb_tables() "
                    "where database_name = 'searched' and estimated_size > 0"
                ).fetchall()
            ]
        elif path.suffix == ".parquet":
            sources = [f"read_parquet('{path}')"]
        is_there = ", ".join(f"bool_or(contains(row, '{each[2]}'))" for each in words)
        for source in sources:
            ((*told,),) = connection.execute(
                f"select {is_there} from (select to_json(rows)::varchar as row "
                f"from {source} as rows)"
            ).fetchall()
            found |= {
                each[:2] for each, is_in in zip(words, told, strict=True) if is_in
            }
    return {
        customer: {name for c, name in found if c == customer} for customer in PLANTED
    }


def forms(shop: Shop) -> dict[str, dict[str, set[str]]]:
    """What names a customer, by customer and form: in all but the shop's own export."""
    folder = shop.warehouse.folder
    found: dict[str, dict[str, set[str]]] = {customer: {} for customer in PLANTED}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_relative_to(shop.export):
            continue
        if path.name.endswith(".vault.duckdb"):
            form = "vault"
        elif path.is_relative_to(folder / "published" / "versions"):
            form = f"versions, {path.suffix}"
        elif path.is_relative_to(folder / "published"):
            form = f"published, {path.suffix}"
        elif path.parent == folder:
            form = path.name
        else:
            form = "logs and artifacts"
        for customer, words in found_in(path).items():
            if words:
                found[customer][form] = found[customer].get(form, set()) | words
    return found


PUBLISHED = {"key", "name", "address", "order", "rejected order"}
EVERYWHERE = {
    "scratch.duckdb": PUBLISHED | {"id", "unit", "review"},
    "vault": {"id", "key", "name", "address"},
    "backup.duckdb": {"key", "unit", "name", "address"},
    "published, .duckdb": PUBLISHED,
    "versions, .duckdb": PUBLISHED,
    "versions, .parquet": PUBLISHED,
    "page.html": {"key"},
}


def counts(shop: Shop, whose: str = "is distinct from") -> dict[str, int]:
    """The rows of other customers, by table of the warehouse that has their key.

    With `whose` as "=", those of the customer who is erased.
    """
    with duckdb.connect(str(shop.warehouse.path), read_only=True) as connection:
        names = connection.execute(
            "select distinct columns.schema_name, columns.table_name "
            "from duckdb_columns() as columns semi join duckdb_tables() as tables "
            "using (schema_name, table_name) where column_name = 'customer_key' "
        ).fetchall()
        return {
            f"{schema}.{name}": connection.execute(
                f'select count(*) from "{schema}"."{name}" '
                f"where customer_key {whose} ?",
                [key_of(ERASED)],
            ).fetchall()[0][0]
            for schema, name in names
        }


@dataclass(frozen=True)
class Copied:
    """A copy of the shop whose key is in a file, as that of a shop of its own is."""

    shop: Shop
    secrets: Path

    def rotate(self) -> int:
        """Run scripts/rotate.py; its exit code."""
        folder = self.shop.warehouse.folder
        done = script_command(
            *("rotate.py", "--published", folder / "published"),
            *("--backup", folder / "backup.duckdb", "--secrets", self.secrets),
            *("--manifest", self.shop.manifest),
        )
        return done.returncode

    def keys(self) -> dict[str, frozenset[str]]:
        """The keys of customers, by file."""
        folder = self.shop.warehouse.folder
        found = {}
        with duckdb.connect() as connection:
            for name, table in (
                ("scratch.duckdb", "orders.checked_orders"),
                ("scratch.vault.duckdb", "vault.contacts"),
                ("backup.duckdb", "clv.score_history"),
                ("published/serving.duckdb", "orders.fct_orders"),
            ):
                connection.execute(f"attach '{folder / name}' as one (read_only)")
                found[name] = frozenset(
                    key
                    for (key,) in connection.execute(
                        f"select distinct customer_key from one.{table}"
                    ).fetchall()
                )
                connection.execute("detach one")
            parquet = folder / "published/parquet/orders/fct_orders"
            found["parquet"] = frozenset(
                key
                for (key,) in connection.execute(
                    f"select distinct customer_key from read_parquet('{parquet}/**')"
                ).fetchall()
            )
        return found


@pytest.fixture
def copied(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Copied]:
    folder = tmp_path / "copy"
    shutil.copytree(shop.warehouse.folder, folder, symlinks=True)
    copy = Warehouse(shop.warehouse.root, folder, shop.warehouse.forked)
    monkeypatch.setenv("CLV_WAREHOUSE", str(copy.path))
    monkeypatch.delenv("CLV_KEY")
    secret = tmp_path / ".clv_key"
    secret.write_text(PUBLIC[0].text)
    secret.chmod(0o600)
    yield Copied(Shop(copy, folder / "export"), tmp_path)


KEYS = frozenset(key_of(f"customer-{number}") for number in range(20)) | {
    key_of(ERASED),
    key_of(OTHER),
}


@pytest.mark.slow
def test_a_new_key_leaves_no_old_one_and_builds_go_on_with_the_history(
    copied: Copied, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied.shop.warehouse.folder
    assert set(copied.keys().values()) == {KEYS}
    points = "select customer_key, sample_point from staging.stg_sample_points"

    def asked(sql: str) -> list[tuple]:
        with duckdb.connect(str(copied.shop.warehouse.path)) as connection:
            hand_to(connection, own(copied.secrets))
            return connection.execute(sql).fetchall()

    def facts(table: str) -> set[tuple[str, str]]:
        return set(
            asked(
                "select customer_key, replace(to_json(rows)::varchar, customer_key, '')"
                f" from {table} as rows where customer_key is not null"
            )
        )

    before, remembered = dict(asked(points)), list(map(asked, HISTORY))
    known = {table: facts(table) for table in FACTS}
    assert all(known.values())
    assert [len(found) for found in remembered] == [1, len(KEYS), 1, 1]
    assert remembered[0][0][:2] == remembered[2][0] == (len(KEYS), len(KEYS))
    (folder / "page.html").unlink()
    assert copied.rotate() == 0

    (new,) = set(copied.keys().values())
    assert len(new) == len(KEYS)
    assert not new & KEYS
    assert list(map(asked, HISTORY)) == remembered
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(copied.shop.export):
            assert "key" not in found_in(path)[ERASED], path
            assert "rotated" not in path.name
    secret = copied.secrets / ".clv_key"
    assert secret.stat().st_mode & 0o777 == 0o600
    people = list(read_people(vault_of(copied.shop.warehouse.path), PUBLIC_VAULT))
    assert {each.customer_id for each in people if each.full_name} >= {ERASED, OTHER}

    # A build under the new key makes the same facts and keeps the history.
    (key, _) = own(copied.secrets)
    monkeypatch.setenv("CLV_KEY", key.text)
    copied.shop.warehouse.build("--select", *(f"+{model}" for model in AFTERWARDS))
    people_there = [*(f"customer-{number}" for number in range(20)), ERASED, OTHER]
    moved = {key_of(each): key.hash(each)[:24] for each in people_there}
    assert dict(asked(points)) == {moved[old]: point for old, point in before.items()}
    for table, rows in known.items():
        assert facts(table) == {(moved[old], row) for old, row in rows}, table
    assert list(map(asked, HISTORY)) == remembered
    # Who scores today, and what came of what was said a month ago.
    scored = asked("select distinct customer_key from clv.customer_lifetime_value")
    assert {each for (each,) in scored} == new
    ((customers, came),) = asked(
        "select customers, actual_spend from clv.said_and_came "
        "where as_of_date = date '2024-08-20' and horizon_days = 30"
    )
    assert customers == len(KEYS)
    assert came > 0


def test_a_rotation_leaves_who_was_erased_out_of_an_older_backup(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "backup.duckdb", tmp_path / "new.duckdb"
    with duckdb.connect(str(old)) as connection:
        connection.execute("create table kept (customer_key varchar)")
        connection.execute(
            "insert into kept values (?), (?)", [key_of(ERASED), key_of(OTHER)]
        )
        hand_to(connection, PUBLIC)
        ((tombstone,),) = connection.execute(
            f"select {tombstone_sql('key')} from (select ? as key)", [key_of(ERASED)]
        ).fetchall()
    keys = {key_of(ERASED): "a" * 24, key_of(OTHER): "b" * 24}
    rekeyed_database(old, new, keys, [tombstone], PUBLIC)
    with duckdb.connect(str(new), read_only=True) as connection:
        assert connection.execute("from kept").fetchall() == [("b" * 24,)]


@pytest.mark.slow
def test_a_rotation_that_is_cut_short_leaves_the_old_state_or_is_completed(
    copied: Copied, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CommandError("cut short")

    with monkeypatch.context() as patch:
        patch.setattr("clv_warehouse.privacy.rotating.to_disk", fail)
        assert copied.rotate() == 1
    assert set(copied.keys().values()) == {KEYS}
    assert own(copied.secrets)[0] == PUBLIC[0]

    # The journal is there; the second of the renames fails.
    renamed = []
    replace = Path.replace

    def replace_once(path: Path, target: Path) -> Path:
        if path.name.endswith(".rotated"):
            renamed.append(path)
            if len(renamed) == 2:
                fail()
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_once)
        assert copied.rotate() == 1
    assert len(set(copied.keys().values())) == 2
    with pytest.raises(SecretError, match=r"cut short.*rotate\.py"):
        own(copied.secrets)
    assert copied.rotate() == 0
    (new,) = set(copied.keys().values())
    assert not new & KEYS
    assert own(copied.secrets)[0] != PUBLIC[0]


@pytest.mark.slow
def test_nothing_is_left_of_an_erased_customer_in_any_form(
    shop: Shop, tmp_path: Path
) -> None:
    told = tmp_path / "subject.json"
    done = script_command(
        *("subject.py", "--customer-id", ERASED, "--to", told, "--target", "shop")
    )
    assert done.returncode == 0, done.stderr
    subject = json.loads(told.read_text("utf-8"))
    assert subject["vault.contacts"][0]["full_name"] == "Mallory Vance"
    assert len(subject["raw.orders"]) == 4
    assert subject["clv.score_history"]
    assert OTHER not in told.read_text("utf-8")
    assert told.stat().st_mode & 0o777 == 0o600

    # The search finds each of them everywhere first.
    assert forms(shop) == {ERASED: EVERYWHERE, OTHER: EVERYWHERE}
    others, own_rows = counts(shop), counts(shop, "=")
    # Training data, forecasts, reasons and decisions among them.
    assert {name for name, rows in own_rows.items() if rows} >= {
        *("features.customer_features", "features.customer_targets"),
        *("clv.backtest_predictions", "clv.score_history", "clv.clv_predictions"),
        *("clv.clv_explanations", "profiles.customer_profiles"),
        *("recommendations.recommendation_backtest", "reports.list_members"),
        *("marketing.next_best_actions", "marketing.uplift_cases"),
    }

    # A deletion alone leaves the bytes in the file.
    with_deleted = tmp_path / "with_deleted.duckdb"
    shutil.copy(shop.warehouse.path, with_deleted)
    with duckdb.connect(str(with_deleted)) as connection:
        connection.execute("drop schema raw cascade")
        connection.execute("checkpoint")
    assert ERASED.encode() in with_deleted.read_bytes()

    old = tmp_path / "old_backup.duckdb"
    shutil.copy(shop.warehouse.folder / "backup.duckdb", old)
    receipt = shop.erase()
    left = dict(EVERYWHERE)
    # The page showed both of them.
    del left["page.html"]
    assert forms(shop) == {ERASED: {}, OTHER: left}
    assert len(list((shop.warehouse.folder / "published" / "versions").iterdir())) == 1
    assert counts(shop) == others
    assert sum(counts(shop, "=").values()) == 0
    assert f"Erased: customer {ERASED}, key {key_of(ERASED)}" in receipt
    for line in (
        *("raw.orders: 4", "clv.score_history: ", "vault.contacts: 1"),
        *("features.customer_features: ", "features.customer_targets: "),
        *("clv.backtest_predictions: 1", "clv.clv_explanations: 1"),
        *("marketing.planned_assignments: 1", "marketing.uplift_cases: 1"),
        "may have learned from the customer: clv_network after. To train anew",
    ):
        assert line in receipt
    people = read_people(vault_of(shop.warehouse.path), PUBLIC_VAULT)
    assert len(list(people)) == 21
    # Of the id, the key and the unit in the one experiment.
    assert len(read_tombstones(vault_of(shop.warehouse.path))) == 3

    # An older backup has the customer, and brings nobody back.
    assert {"key", "unit"} <= found_in(old)[ERASED]
    done = script_command(
        *("memory.py", "restore", "--target", "shop", "--from", old),
        *("--manifest", shop.manifest),
    )
    assert done.returncode == 0, done.stderr
    assert "rows of erased customers were left out" in done.stdout
    assert found_in(shop.warehouse.path)[ERASED] == set()

    # Given again, it finds nothing more.
    assert f"{shop.warehouse.path}: 0 rows" in shop.erase()


@pytest.mark.slow
def test_one_command_erases_and_trains_anew(
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It runs the build; where that fails, as without a project, it ends with its code.

    What a build does with var retrain is tested in tests/learning.
    """
    monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path))
    folder = shop.warehouse.folder
    done = script_command(
        *("erase.py", "--customer-id", ERASED, "--target", "shop", "--retrain"),
        *("--published", folder / "none", "--page", folder / "page.html"),
        *("--backup", folder / "backup.duckdb", "--manifest", shop.manifest),
    )
    assert done.returncode == 2
    assert f"Erased: customer {ERASED}" in done.stdout
    told = capfd.readouterr()
    assert "step 1 of 3: build ..." in told.out
    assert "step 1 of 3: build failed" in told.err
    assert "dbt_project.yml" in (tmp_path / "build.log").read_text("utf-8")


@pytest.mark.slow
def test_a_reload_of_the_same_export_brings_nobody_back(shop: Shop) -> None:
    path = shop.warehouse.path
    vault = vault_of(path)
    if not read_tombstones(vault):
        shop.erase()
    # Into the warehouse beside it, into a new one beside the vault, and where only the
    # warehouse knows.
    for lost, more, times in (
        (None, ("--append",), 2),
        (path, (), 1),
        (vault, (), 1),
    ):
        if lost:
            lost.unlink()
        done = load_command("folder", shop.export, *more)
        assert done.returncode == 0, done.stderr
        assert found_in(path)[ERASED] == set()
        assert found_in(vault)[ERASED] == set()
        assert found_in(path)[OTHER] >= {"id", "order"}
        assert len(read_tombstones(vault)) == 3
        orders = shop.warehouse.query("select count(*) from raw.orders").iat[0, 0]
        assert orders == 84 * times
