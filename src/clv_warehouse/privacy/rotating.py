"""Gives every customer a new key, in all files at once, under a new secret key.

All new files are written beside the old ones first. Then one small file, the journal,
is put in place: before that moment the old state holds, after it the new one. What is
left is to rename the files that the journal lists. If that is cut short, no command
reads a key until the rotation has been completed (`project/secrets.py`), and to
complete it is to rename what has not been renamed yet.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from clv_warehouse.privacy.compacting import copy_whole
from clv_warehouse.privacy.raw_rows import feeds_there
from clv_warehouse.privacy.tombstones import delete_erased, tombstones_in
from clv_warehouse.privacy.vault import (
    Locks,
    Person,
    read_people,
    read_tombstones,
    write,
)
from clv_warehouse.project.disk import to_disk
from clv_warehouse.project.files import written_whole
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.opening import attach, catalog_of, explaining, trusted
from clv_warehouse.project.secrets import ROTATION, Secret
from clv_warehouse.project.sql import literal, quoted
from clv_warehouse.project.subjects import KEY, columns_of

NEW = ".rotated"
_BETWEEN = ".between"
_TOKEN = re.compile(r"\b[0-9a-f]{24}\b")


def new_keys(
    warehouse: Path,
    others: Iterable[Path],
    people: Iterable[Person],
    old: tuple[Secret, ...],
    new: tuple[Secret, ...],
) -> dict[str, str]:
    """The new key of each old one: of every customer in a raw feed, the vault, a table.

    A customer whom only tables remember, and whose id nobody has any more, gets a key
    that is a hash of the old one, so that their history stays together.
    """
    with trusted(duckdb.connect()) as connection, explaining(warehouse):
        catalog = catalog_of(warehouse)
        attach(connection, warehouse, catalog)
        feeds = [
            f"select cast(customer_id as varchar) as id from "
            f"{quoted(catalog)}.raw.{quoted(name)}"
            for name, (_, columns) in feeds_there(connection, catalog).items()
            if "customer_id" in columns
        ]
        given = pa.table({"id": [each.customer_id for each in people]})
        connection.register("given", given.cast(pa.schema([("id", pa.string())])))
        ids = " union ".join([*feeds, "select id from given"])
        keys: list[list[str]] = []
        connection.execute(
            f"create temp table ids as select id from ({ids}) where id is not null"
        )
        for secrets in (old, new):
            define_key_of(connection, secrets)
            found = connection.execute("select key_of(id) from ids order by id")
            keys.append([key for (key,) in found.fetchall()])
        mapping = {before: after for before, after in zip(*keys, strict=True) if before}
        (key,) = (secret for secret in new if secret.name == "key")
        for before in _keys_in(connection, catalog):
            mapping.setdefault(before, key.hash(f"key {before}")[:24])
        for number, path in enumerate(others):
            connection.execute(
                f"attach {literal(str(path))} as other_{number} (read_only)"
            )
            for before in _keys_in(connection, f"other_{number}"):
                mapping.setdefault(before, key.hash(f"key {before}")[:24])
    return mapping


def _keys_in(connection: duckdb.DuckDBPyConnection, catalog: str) -> set[str]:
    found: set[str] = set()
    for (schema, table), columns in columns_of(connection, catalog).items():
        if KEY in columns:
            rows = connection.execute(
                f"select distinct {KEY} from {quoted(catalog)}.{quoted(schema)}."
                f"{quoted(table)} where {KEY} is not null"
            ).fetchall()
            found |= {key for (key,) in rows}
    return found


def rekeyed_database(
    path: Path,
    target: Path,
    mapping: dict[str, str],
    tombstones: Sequence[str] = (),
    secrets: tuple[Secret, ...] = (),
) -> None:
    """Copy a DuckDB file with all keys exchanged, and no byte of an old one.

    An older backup may have customers who were erased. It loses them here, by these
    tombstones under the secrets until now: no tombstone tells them by their new key.
    """
    between = target.with_name(f"{target.name}{_BETWEEN}")
    _remove(between)
    copy_whole(path, between)
    mode = path.stat().st_mode & 0o777
    between.chmod(0o600)
    with trusted(duckdb.connect()) as connection, explaining(path):
        table = pa.table({"before": [*mapping], "after": [*mapping.values()]})
        connection.register("given", table)
        connection.execute("create temp table keys as select * from given")
        # The views name the catalog of the file that this becomes.
        catalog = catalog_of(path)
        attach(connection, between, catalog, read_only=False)
        connection.execute(f"attach {literal(str(target))} as fresh_copy")
        delete_erased(connection, catalog, tombstones, secrets)
        _rekey(connection, catalog)
        connection.execute(f"copy from database {quoted(catalog)} to fresh_copy")
        connection.execute("detach fresh_copy")
    _remove(between)
    target.chmod(mode)


def _rekey(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    for (schema, name), columns in columns_of(connection, catalog).items():
        table = f"{quoted(catalog)}.{quoted(schema)}.{quoted(name)}"
        texts = [
            column
            for column, kind in columns.items()
            if kind == "VARCHAR" and column != KEY
        ]
        if KEY in columns:
            # A record of a rejected row repeats the key of its row.
            repeated = [each for each in texts if _repeats_key(connection, table, each)]
            also = "".join(
                f", {quoted(each)} = replace({quoted(each)}, keys.before, keys.after)"
                for each in repeated
            )
            connection.execute(
                f"update {table} set {KEY} = keys.after{also} from keys "
                f"where {KEY} = keys.before"
            )
            continue
        for column in texts:
            # Such a text holds one customer's key at most.
            connection.execute(
                f"update {table} set {quoted(column)} = "
                f"replace({quoted(column)}, keys.before, keys.after) from keys "
                f"where regexp_extract({quoted(column)}, '\\b[0-9a-f]{{24}}\\b') "
                "= keys.before"
            )


def _repeats_key(
    connection: duckdb.DuckDBPyConnection, table: str, column: str
) -> bool:
    ((is_there,),) = connection.execute(
        f"select coalesce(bool_or(strpos({quoted(column)}, {KEY}) > 0), false) "
        f"from {table}"
    ).fetchall()
    return bool(is_there)


def rekeyed_vault(
    target: Path,
    vault: Path,
    people: Sequence[Person],
    key: Secret,
    mapping: dict[str, str],
) -> None:
    """Write the vault with the new keys of customers, each under a key of its own."""
    locks = Locks(key)
    moved = sorted(
        (
            Person(
                mapping[each.customer_key],
                *(each.customer_id, each.email, each.full_name, each.phone),
            )
            for each in people
        ),
        key=lambda person: person.customer_key,
    )
    write(target, map(locks.sealed, moved), read_tombstones(vault))


def rekeyed_text(path: Path, target: Path, mapping: dict[str, str]) -> bool:
    """Copy a text with all keys exchanged; whether it had any."""
    text = path.read_text("utf-8")
    new = _TOKEN.sub(lambda found: mapping.get(found[0], found[0]), text)
    if new == text:
        return False
    target.write_text(new, "utf-8")
    return True


def beside(path: Path) -> Path:
    """Where the new file is until the rotation is completed."""
    return path.with_name(f"{path.name}{NEW}")


def tombstones_of(warehouse: Path, vault: Path) -> list[str]:
    """The tombstones of a warehouse and of its vault."""
    with trusted(duckdb.connect()) as connection, explaining(warehouse):
        catalog = catalog_of(warehouse)
        attach(connection, warehouse, catalog)
        return [*tombstones_in(connection, catalog), *read_tombstones(vault)]


def people_of(vault: Path, key: Secret) -> list[Person]:
    """All people of a vault; none where there is none."""
    return list(read_people(vault, key))


def commit(folder: Path, paths: Sequence[Path], published: dict[str, str]) -> None:
    """Put the journal in place: from here on the new state holds."""
    for path in paths:
        to_disk(beside(path))
    with written_whole(folder / ROTATION) as partial:
        told = {"files": [str(path.resolve()) for path in paths], **published}
        partial.write_text(json.dumps(told), "utf-8")


def begun(folder: Path) -> dict[str, str] | None:
    """What the journal says of the published folder; None without a rotation."""
    path = folder / ROTATION
    if not path.exists():
        return None
    told: dict[str, str] = json.loads(path.read_text("utf-8"))
    return told


def complete(folder: Path) -> None:
    """Rename what has not been renamed yet."""
    told = json.loads((folder / ROTATION).read_text("utf-8"))
    for name in told["files"]:
        path = Path(name)
        if beside(path).exists():
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
            beside(path).replace(path)
            to_disk(path.parent)


def end(folder: Path) -> None:
    """Remove the journal: the rotation is complete."""
    (folder / ROTATION).unlink()
    to_disk(folder)


def clear(paths: Iterable[Path]) -> None:
    """Remove what a rotation that was cut short before its journal has left."""
    for path in paths:
        for each in (
            beside(path),
            beside(path).with_name(f"{path.name}{NEW}{_BETWEEN}"),
        ):
            _remove(each)


def _remove(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}.wal")):
        each.unlink(missing_ok=True)
