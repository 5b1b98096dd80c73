"""Tests that benchmarks compare equal work and measure the cost of a process."""

import json
import os
import sys

import duckdb
import numpy as np
import pytest

from benchmarks import (
    build,
    floor,
    influence,
    pandas_features,
    scale,
    score,
    train,
)
from benchmarks.comparison import KEYS, differences
from benchmarks.data import ONLINE_RETAIL_II
from benchmarks.harness import Row, call, measured, report, run
from benchmarks.shop import make_shop
from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds

# What the sample shop lacks: two pieces bought and given back within a day, more given
# back than bought, orders without lines, one order told twice, in two ways.
ORDERS = """
    ('a1', 'ann', '2024-05-02 09:00', null), ('a2', 'ann', '2024-05-02 10:00', null),
    ('a3', 'ann', '2024-05-02 11:00', null), ('a4', 'ann', '2024-05-02 12:00', null),
    ('a5', 'ann', '2024-05-09 09:00', null), ('a6', 'ann', '2024-05-09 10:00', null),
    ('b1', 'ben', '2024-05-02 09:00', 30), ('b2', 'ben', '2024-05-03 09:00', -5),
    ('b3', 'ben', '2024-06-02 09:00', 70), ('b3', 'ben', '2024-06-01 09:00', 60),
    ('b4', 'ben', '2024-07-02 09:00', 20), ('b4', 'eve', '2024-07-02 09:00', 10)
"""
LINES = """
    ('a1', 'tea', 1, 5), ('a2', 'tea', 1, 5), ('a3', 'tea', -1, 5),
    ('a4', 'tea', -1, 5), ('a5', 'cup', 1, 7), ('a6', 'cup', -2, 7)
"""


# What the shops of the benchmarks have.
FEEDS = ("orders", "order_lines")


@pytest.fixture(scope="module")
def shop(root, warehouse_in, tmp_path_factory):
    """The sample shop and more dirt, with raw tables as typed as load.py's."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("benchmarks"))
    feeds = read_feeds()
    feeds = [feed for feed in feeds if feed.name in FEEDS]
    with duckdb.connect(warehouse.path) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema raw")
        for feed in feeds:
            file = root / "seeds" / "sample" / f"sample_{feed.name}.csv"
            given = connection.sql(
                f"from read_csv('{file}', all_varchar = true)"
            ).columns
            texts = {
                name: f"nullif(trim({name}), '')" if name in given else "null"
                for name in (column.name for column in feed.columns)
            }
            columns = ", ".join(
                f"try_cast({texts[column.name]} as {column.data_type}) as {column.name}"
                for column in feed.columns
            )
            connection.execute(
                f"create table raw.{feed.name} as "
                f"select {columns}, cast(null as bigint) as loaded_order "
                f"from read_csv('{file}', all_varchar = true)"
            )
        connection.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at, amount) "
            f"values {ORDERS}"
        )
        connection.execute(
            "insert into raw.order_lines (order_id, product_id, quantity, unit_price) "
            f"values {LINES}"
        )
    tables = (table.partition(".")[2] for table in KEYS)
    warehouse.build("--select", *(f"+{table}" for table in tables))
    return warehouse


@pytest.fixture(scope="module", params=[floor, pandas_features])
def made(request, shop):
    """The features that another system makes of the same raw tables."""
    name = request.param.__name__.rpartition(".")[2]
    file = shop.folder / f"{name}.duckdb"
    request.param.make_features(str(shop.path), str(file))
    return file


def test_all_systems_make_the_same_features_of_dirty_data(shop, made):
    customers = shop.query("from features.as_of_dates where is_scoring_date").customers
    assert customers[0] > 1000
    with duckdb.connect(str(made), read_only=True) as connection:
        assert len(connection.table("customer_features").columns) >= 38
    assert differences(str(shop.path), str(made)) == []


def test_hand_written_sql_makes_every_table_that_is_compared(shop):
    file = shop.folder / "hand_written.duckdb"
    # Functions are called in a process of their own.
    call(floor.make_features, shop.path, file)
    assert call(differences, shop.path, file).value == []
    with duckdb.connect(file, read_only=True) as connection:
        made = {name for (name,) in connection.execute("show tables").fetchall()}
    assert made == {table.partition(".")[2] for table in KEYS} | {"fct_order_lines"}


def test_a_difference_is_found_in_whatever_column(shop, made, tmp_path):
    changed = str(tmp_path / "changed.duckdb")
    with duckdb.connect(changed) as connection:
        connection.execute(f"attach '{made}' as made (read_only)")
        connection.execute(
            "create table customer_features as select * replace ("
            "past_spend + 0.01 as past_spend, frequency + 1 as frequency,"
            "list_transform(purchase_amounts, lambda amount: amount + 1)"
            " as purchase_amounts,"
            "case when cycle_days < 0 then 0 end as cycle_days"
            ") from made.customer_features"
        )
    found = {line.partition(":")[0] for line in differences(str(shop.path), changed)}
    assert found == {
        f"customer_features.{name}"
        for name in ("past_spend", "frequency", "purchase_amounts", "cycle_days")
    }


def test_a_customer_too_few_is_found(shop, made, tmp_path):
    changed = str(tmp_path / "changed.duckdb")
    with duckdb.connect(changed) as connection:
        connection.execute(f"attach '{made}' as made (read_only)")
        connection.execute(
            "create table customer_features as from made.customer_features offset 1"
        )
    assert "customer_features.customer_key: 1 rows differ" in differences(
        str(shop.path), changed
    )


def test_a_process_costs_what_it_takes():
    work = "kept = b'x' * 300_000_000; import time; time.sleep(0.5); print('done')"
    ran = run("-c", work)
    assert ran.output == "done\n"
    # Asleep, it takes time but no CPU.
    assert ran.seconds - ran.cpu_seconds > 0.5
    assert ran.peak_mb > 286


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="division by zero"):
        run("-c", "1 / 0")


def test_rows_are_written_as_they_are_documented(tmp_path, capsys):
    path = report("sql", [Row("1 line", "floor", "seconds", 2.5)], tmp_path)
    assert json.loads(path.read_text("utf-8")) == [
        {"case": "1 line", "system": "floor", "measure": "seconds", "value": 2.5}
    ]
    assert capsys.readouterr().out.split() == [
        "1",
        "line",
        "floor",
        "seconds",
        "2.5000",
    ]


def test_what_was_measured_of_other_systems_stays(tmp_path):
    report("scale", [Row("1 line", "duckdb", "seconds", 1)], tmp_path)
    report("scale", [Row("1 line", "sail", "seconds", 2)], tmp_path)
    report("scale", [Row("1 line", "duckdb", "seconds", 3)], tmp_path)
    found = {row.system: row.value for row in measured("scale", tmp_path)}
    assert found == {"duckdb": 3, "sail": 2}


def test_a_build_is_of_data_that_is_there(public_data):
    assert build.CONNECTOR in CONNECTORS
    assert public_data(ONLINE_RETAIL_II) == build.SOURCE


@pytest.mark.slow
def test_both_ways_to_fit_learn_the_same(shop):
    ours, theirs = (train.measure(str(shop.path), system) for system in train.FITS)
    assert ours["rows"] == theirs["rows"]
    assert ours["held_out_loss"] == pytest.approx(theirs["held_out_loss"], rel=0.05)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("ALL_CASES"), reason="make test-cases runs this benchmark"
)
def test_every_customer_is_scored_at_every_horizon(tmp_path):
    measured = list(score.benchmark([500], folder=tmp_path))
    counts = {row.case: row.value for row in measured if row.measure == "predictions"}
    assert set(counts.values()) == {500 * 4}
    assert len(counts) == 2


def test_the_last_day_is_held_back(tmp_path):
    whole = make_shop(2000, tmp_path / "cache")
    rest, last = tmp_path / "rest", tmp_path / "last"
    scale.split(str(whole), str(rest), str(last))
    for feed in ("orders", "order_lines"):
        parts = [f"'{part}/{feed}/*.parquet'" for part in (rest, last)]
        counts = [
            duckdb.sql(f"select count(*) from {part}").fetchall()[0][0]
            for part in (f"'{whole}/{feed}.parquet'", *parts)
        ]
        assert counts[0] == counts[1] + counts[2]
        assert min(counts) > 0
    orders = "select {}(ordered_at)::date from '{}/orders/*.parquet'"
    newest = duckdb.sql(orders.format("max", rest)).fetchall()
    assert newest < duckdb.sql(orders.format("min", last)).fetchall()


def test_memory_is_that_of_all_processes():
    code = "x = bytearray(80 << 20); import time; time.sleep(1)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    with scale.peak_of_processes() as peak:
        run("-c", nested)
    assert peak[0] > 80 or sys.platform != "linux"


def test_a_domain_over_its_budget_or_without_one_is_named():
    budgets = {
        "clv": build.Budget(training=60, scoring=10),
        "orders": build.Budget(9, 9),
    }
    domains = {"clv": 25.0, "orders": 18.0, "marketing": 4.0}
    slow, unknown = build.over_budget("scoring", domains, 2.0, budgets)
    assert "Domain clv took 25.0 s" in slow and "10 units of 2.0 s" in slow
    assert "marketing has no budget" in unknown and "BUDGETS" in unknown
    assert build.over_budget("training", {"clv": 119.0}, 2.0, budgets) == []


def test_the_influence_of_a_customer_is_the_change_of_all_others_forecasts():
    usual, found = (
        np.array([100.0, 50.0, 0.0, 10.0]),
        np.array([110.0, 45.0, 1.0, 99.0]),
    )
    there = np.array([True, True, True, False])
    rows = influence.changes("4 customers", "without one", usual, found, there)
    measured = {row.measure: row.value for row in rows}
    # The third forecast of 0 counts as a hundredth of the mean forecast, 0.4.
    assert measured["median_change_percent"] == pytest.approx(10)
    assert measured["most_change_percent"] == pytest.approx(250)
    assert measured["total_change_percent"] == pytest.approx(100 * 6 / 150)
