"""Compares the features that two systems made."""

import duckdb

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import PUBLIC

# Of a customer's largest purchase, or of one: sums in other orders differ by less.
TOLERANCE = 1e-6
MINE = """
    select * from project.features.customer_features
    where as_of_date = (select max(as_of_date) from project.features.customer_features)
"""


def differences(warehouse: str, made: str) -> list[str]:
    """Return in which columns, and for how many customers, the features differ.

    Compares the scoring date of features.customer_features in `warehouse` with table
    customer_features of `made`, in the columns that both have: a feature may be too new
    for the other system. The other systems name customers by the shop's ids.
    """
    theirs = (
        "(select * replace (key_of(customer_key) as customer_key) "
        "from made.customer_features)"
    )
    with duckdb.connect() as connection:
        define_key_of(connection, PUBLIC)
        connection.execute(f"attach '{warehouse}' as project (read_only)")
        connection.execute(f"attach '{made}' as made (read_only)")
        mine, other = connection.sql(MINE), connection.table("made.customer_features")
        is_other = {
            name: _is_other(name, str(kind))
            for name, kind in zip(mine.columns, mine.types, strict=True)
            if name in other.columns
        }
        tests = ", ".join(f"count_if({test})" for test in is_other.values())
        counts = connection.sql(
            f"select {tests} from ({MINE}) as mine full join "
            f"{theirs} as other on mine.customer_key = other.customer_key"
        ).fetchall()[0]
    return [
        f"{name}: {count:,} customers differ"
        for name, count in zip(is_other, counts, strict=True)
        if count
    ]


def _is_other(name: str, kind: str) -> str:
    mine, other = f"mine.{name}", f"other.{name}"
    near = f"{TOLERANCE} * greatest(1, mine.amount_max)"
    if kind == "DOUBLE":
        is_one_missing = f"({mine} is null) <> ({other} is null)"
        return f"coalesce(abs({mine} - {other}) > {near}, {is_one_missing})"
    if kind == "DOUBLE[]":
        is_far = f"lambda pair: abs(pair[1] - pair[2]) > {near}"
        is_any_far = f"len(list_filter(list_zip({mine}, {other}), {is_far})) > 0"
        return f"len({mine}) is distinct from len({other}) or {is_any_far}"
    return f"{mine} is distinct from {other}"
