"""Tests that tables reach pandas with types on which its functions work."""

import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from clv_warehouse import frames

TYPES = """
    create schema shop;
    create table shop.money (
        customer_key varchar, spend decimal(38, 2), orders integer, visits bigint,
        is_new boolean, is_vip boolean, day date, seen_at timestamp, rate real,
        large hugeint, tags varchar[], numbers double[], kind enum('a', 'b'), id uuid
    );
    insert into shop.money
    select
        'c' || range, range * 1.25, range, if(range = 3, null, range), range > 4,
        if(range = 3, null, range > 4), date '2024-02-28' + range::integer,
        timestamp '2024-02-28 10:00:00.5' + to_days(range::integer), range / 4,
        range, ['x'], [1.5], if(range % 2 = 0, 'a', 'b'), uuid()
    from range(10);
    create table shop.none as from shop.money limit 0;
    create view shop.seen as select customer_key, visits from shop.money;
"""
EXPECTED = {
    **{"customer_key": "str", "spend": "float64", "orders": "int64"},
    **{"visits": "Int64", "is_new": "bool", "is_vip": "boolean"},
    **{"day": "datetime64[us]", "seen_at": "datetime64[us]", "rate": "float64"},
    **{"large": "float64", "tags": "object", "numbers": "object"},
    **{"kind": "str", "id": "str"},
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "my shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(TYPES)
    return path


def test_types_are_those_that_pandas_computes_with(path):
    money = frames.read("shop.money", warehouse=path)
    assert money.dtypes.astype(str).to_dict() == EXPECTED
    assert money["spend"].describe()["75%"] == money["spend"].quantile(0.75) == 8.4375
    tenths = pd.qcut(money["spend"], 5, labels=False)
    assert tenths.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (money["day"].max() - money["day"].min()).days == 9
    assert money["seen_at"].dt.microsecond.tolist() == [500_000] * 10
    assert money["visits"].isna().tolist() == [number == 3 for number in range(10)]
    assert money["visits"].sum() == 42
    assert money.groupby("is_vip", dropna=False)["spend"].sum().tolist() == [
        *(8.75, 43.75, 3.75)
    ]
    none = frames.read("shop.none", warehouse=path)
    kept = {"visits": "int64", "is_vip": "bool"}
    assert none.dtypes.astype(str).to_dict() == EXPECTED | kept
    assert len(none) == 0


def test_columns_rows_and_conditions_are_those_asked_for(path):
    found = frames.read(
        *("shop.money",),
        columns=["orders", "customer_key"],
        where="spend > 5 -- a comment",
        limit=2,
        warehouse=path,
    )
    assert found.to_dict("list") == {"orders": [5, 6], "customer_key": ["c5", "c6"]}
    (one,) = frames.read("shop.money", columns="orders", limit=1, warehouse=path)
    assert one == "orders"
    assert frames.read("shop.seen", warehouse=str(path), limit=0).empty


def test_what_is_not_there_is_named_with_what_is_near(path, tmp_path, monkeypatch):
    def refused(words, table="shop.money", **more):
        with pytest.raises(frames.FrameError, match=words):
            frames.read(table, **{"warehouse": path} | more)

    refused(r"no table shop\.mony\. Did you mean shop\.money", "shop.mony")
    refused(r"no table money\. Did you mean shop\.money\?", "money")
    refused(r"no table clv\.money\. Did you mean shop\.money\?", "clv.money")
    refused(r"no table Shop\.Money\. Did you mean shop\.money", "Shop.Money")
    refused(r"no table x\. docs/tables.md", "x")
    refused(r"no column spent\. Did you mean spend.*\? It has: cus", columns=["spent"])
    refused(r"where spent > 1 cannot be read: .*spent", where="spent > 1")
    refused(r"No warehouse .*none\.duckdb\. Build", warehouse=tmp_path / "none.duckdb")
    monkeypatch.setattr(frames, "PUBLISHED", tmp_path / "serving.duckdb")
    refused(r"Nothing is published yet.*scripts/publish\.py serving", warehouse=None)


def test_a_build_that_writes_is_told_with_the_way_out(path):
    code = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]);"
        "print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as builder:
        assert builder.stdout.readline() == "open\n"
        with pytest.raises(frames.FrameError, match="read the published copy"):
            frames.read("shop.money", warehouse=path)
        builder.communicate("\n")


def test_the_sample_shop_from_any_folder_without_a_training_library(
    root, sample, tmp_path
):
    code = """
import sys
from clv_warehouse import frames

values = frames.read("clv.customer_lifetime_value", warehouse="sample")
print(len(values), round(values["lifetime_value"].sum(), 2))
assert not {"tensorflow", "keras", "sklearn", "scipy"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ((rows, money),) = sample.sql(
        "select count(*), sum(lifetime_value) from clv.customer_lifetime_value"
    ).fetchall()
    assert done.stdout == f"{rows} {float(money)}\n"
