"""What alarms do: a fault is found, stops publication, reaches a pager."""

import json
import subprocess
import sys

import duckdb
import pytest

from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.project.builds import StoppedBuildError, complete_build
from clv_warehouse.project.problems import UNTRUSTED

# All that stands between the facts and the alarms of their quality.
WATCH = (
    *(
        "watched_days",
        "watched_shares",
        "watched_amounts",
        "loaded_days",
        "arrival_lags",
    ),
    *("data_quality", "alarms"),
)
INPUTS = (
    *("features.as_of_dates", "reference.alarm_limits", "monitoring.feature_drift"),
    *("monitoring.prediction_drift", "monitoring.calibration_over_time"),
    "monitoring.feed_changes",
    *(
        f"orders.{name}"
        for name in (
            *("fct_orders", "fct_order_lines", "fct_events", "fct_reviews"),
            *("fct_campaign_sends", "fct_redemptions", "fct_refunds"),
            *("dim_customers", "money_checks", "checked_orders", "checked_events"),
            "checked_reviews",
        )
    ),
)
LAST_WEEKS = "ordered_date > date '2025-12-31' - 28"
FAULTS = {
    "amounts": "update orders.fct_orders set total_amount = total_amount * 100 "
    f"where {LAST_WEEKS}",
    "groups": "update orders.fct_orders set sales_channel = 'telephone' "
    f"where sales_channel = 'app' and {LAST_WEEKS}",
    "statuses": "update orders.fct_orders set status = 'fulfilled' "
    f"where status = 'completed' and {LAST_WEEKS}",
    "missing_values": "update orders.fct_orders set currency = null "
    f"where {LAST_WEEKS}",
    "distinct_values": "update orders.fct_order_lines set product_id = "
    "(select min(product_id) from orders.fct_order_lines) "
    f"where product_id is not null and {LAST_WEEKS}",
    "repeats": "insert into orders.fct_orders by name select * replace "
    "('again ' || order_id as order_id) from orders.fct_orders "
    "where ordered_date between date '2025-12-10' and date '2025-12-12'",
}


@pytest.fixture(scope="module")
def faulty(sample, root, warehouse_in, tmp_path_factory):
    """The sample shop with faults in its last four weeks, watched."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("faulty"))
    text = f"attach '{root / 'data' / 'sample.duckdb'}' as sample (read_only);"
    for table in INPUTS:
        text += f"create schema if not exists {table.split('.')[0]};"
        text += f"create table {table} as from sample.{table};"
    # In a process of its own: one process has a file open in one way only.
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"
    text += ";".join(FAULTS.values())
    text += (
        "; create schema raw; create table raw.loads as "
        "select 7::bigint as number, timestamp '2026-01-01 06:00' as loaded_at"
    )
    subprocess.run([sys.executable, "-c", code, warehouse.path, text], check=True)
    done = warehouse.dbt("run", "--select", *WATCH)
    assert done.returncode == 0, done.stdout
    return warehouse


def test_the_sample_shop_has_no_alarm(sample):
    # But where it was built over that of a version whose tables had other columns.
    alarms = sample.sql("from monitoring.alarms where check_name <> 'schema'")
    assert alarms.fetchall() == []
    checks = sample.sql("select distinct check_name from monitoring.data_quality")
    assert len(checks.fetchall()) >= 10


def test_each_fault_raises_its_alarm(faulty):
    loud = faulty.query("select * from monitoring.alarms where severity <> 'say'")
    assert set(loud.check_name) == set(FAULTS)
    stopping = loud[loud.severity == "stop"]
    assert {"amounts", "missing_values"} <= set(stopping.check_name)
    assert (loud.since_date == loud.as_of_date).all()
    amounts = faulty.query(
        "select figure / expected as times from monitoring.data_quality "
        "where check_name = 'amounts'"
    )
    assert 90 < amounts.times.item() < 110


def test_what_a_load_brought_is_remembered(faulty):
    (told,) = faulty.query(
        "select count(distinct activity_date) as days, min(load_number) as first_load, "
        "sum(row_count) as orders from monitoring.loaded_days where feed = 'orders'"
    ).to_dict("records")
    assert told["days"] == 35
    assert told["first_load"] == 7
    (there,) = faulty.query(
        "select count(*) as n from orders.fct_orders "
        "where ordered_date between date '2025-12-31' - 34 and date '2025-12-31'"
    ).n
    assert told["orders"] == there
    # With one load nobody can say how late its rows are.
    assert faulty.query("from monitoring.arrival_lags").empty


def test_every_feed_is_looked_at_for_what_it_has_lost(sample):
    told = sample.sql("select distinct feed from staging.stg_feed_columns").fetchall()
    assert {name for (name,) in told} == {feed.name for feed in read_feeds()}
    assert (
        sample.sql(
            "select filled_count from staging.stg_feed_columns "
            "where feed = 'orders' and column_name = 'customer_id'"
        ).fetchall()
        == sample.sql("select count(customer_id) from raw.orders").fetchall()
    )


def test_what_stops_is_not_published_and_the_exit_code_says_so(faulty):
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{faulty.path}' as faulty (read_only)")
        connection.execute("create schema monitoring")
        connection.execute(
            "create table monitoring.builds as select 'b' as build_id, "
            "1 as build_number, 'build' as command, now() as ended_at, "
            "null as load_number, null as why_incomplete"
        )
        connection.execute(
            "create table monitoring.alarms as from faulty.monitoring.alarms"
        )
        with pytest.raises(StoppedBuildError, match="cannot be trusted") as raised:
            complete_build(connection)
        assert raised.value.exit_code == UNTRUSTED
        assert complete_build(connection, is_forced=True).build_id == "b"
        connection.execute("delete from monitoring.alarms where severity = 'stop'")
        assert complete_build(connection).build_id == "b"


@pytest.mark.parametrize("option", ["--json", "--prometheus"])
def test_alarms_reach_a_pager(faulty, root, option):
    done = subprocess.run(
        [
            *(sys.executable, root / "scripts" / "alarms.py", option),
            *("--warehouse", faulty.path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNTRUSTED, done.stderr
    if option == "--json":
        alarms = json.loads(done.stdout)
        assert alarms[0]["severity"] == "stop"
        assert alarms[0]["what_to_do"]
    else:
        lines = [line for line in done.stdout.splitlines() if line[0] != "#"]
        assert 'clv_alarms{severity="stop"} 0' not in lines
        assert any(line.startswith('clv_alarm_size{severity="stop"') for line in lines)
