"""Compares the tables that two systems made."""

import duckdb

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import PUBLIC

# Of the row's largest purchase, or of one: sums in other orders differ by less.
TOLERANCE = 1e-6
# What tells the rows of each table apart, as `project` has it.
KEYS = {
    "orders.fct_orders": ["order_id"],
    "features.customer_days": ["customer_key", "activity_date"],
    "features.customer_features": ["customer_key", "as_of_date"],
    "features.customer_targets": ["customer_key", "as_of_date", "horizon_days"],
}


def differences(warehouse: str, made: str) -> list[str]:
    """Return in which columns, and for how many rows, the tables differ.

    Compares tables of `warehouse` with those of the same names in `made`, in the
    columns that both have, since one may be too new for the other system; features on
    the as-of dates that `made` has. A system that names customers by the shop's ids has
    a column customer_id.
    """
    found = []
    with duckdb.connect() as connection:
        define_key_of(connection, PUBLIC)
        connection.execute(f"attach '{warehouse}' as project (read_only)")
        connection.execute(f"attach '{made}' as made (read_only)")
        for table, keys in KEYS.items():
            name = table.partition(".")[2]
            if _columns(connection, f"made.{name}"):
                found += _differences_of(connection, table, keys)
    return found


def _differences_of(
    connection: duckdb.DuckDBPyConnection, table: str, keys: list[str]
) -> list[str]:
    name = table.partition(".")[2]
    columns = _columns(connection, f"project.{table}")
    theirs = _columns(connection, f"made.{name}")
    mine, other = f"select * from project.{table}", f"select * from made.{name}"
    if "as_of_date" in keys:
        mine += f" where as_of_date in (select as_of_date from made.{name})"
    if "customer_id" in theirs:
        other = f"select *, key_of(customer_id) as customer_key from made.{name}"
        theirs["customer_key"] = "VARCHAR"
    is_other = {
        each: _is_other(each, kind, "amount_max" if "amount_max" in columns else each)
        for each, kind in columns.items()
        if each in theirs
    }
    tests = ", ".join(f"count_if({test})" for test in is_other.values())
    is_same_row = " and ".join(f"mine.{key} = other.{key}" for key in keys)
    counts = connection.sql(
        f"select {tests} from ({mine}) as mine full join ({other}) as other "
        f"on {is_same_row}"
    ).fetchall()[0]
    return [
        f"{name}.{each}: {count:,} rows differ"
        for each, count in zip(is_other, counts, strict=True)
        if count
    ]


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The types of a table's columns, by name; none where there is no such table."""
    try:
        relation = connection.table(table)
    except duckdb.CatalogException:
        return {}
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def _is_other(name: str, kind: str, scale: str) -> str:
    mine, other = f"mine.{name}", f"other.{name}"
    if kind == "DOUBLE":
        near = f"{TOLERANCE} * greatest(1, mine.{scale})"
        is_one_missing = f"({mine} is null) <> ({other} is null)"
        return f"coalesce(abs({mine} - {other}) > {near}, {is_one_missing})"
    if kind == "DOUBLE[]":
        near = f"{TOLERANCE} * greatest(1, mine.{scale})"
        is_far = f"lambda pair: abs(pair[1] - pair[2]) > {near}"
        is_any_far = f"len(list_filter(list_zip({mine}, {other}), {is_far})) > 0"
        return f"len({mine}) is distinct from len({other}) or {is_any_far}"
    return f"{mine} is distinct from {other}"
