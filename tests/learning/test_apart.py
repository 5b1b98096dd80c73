"""Tests work in a process of its own: arguments, results and failures."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pytest

from clv_warehouse.learning.apart import WORKERS, apart

HERE = str(Path(__file__).parent)


def totals(factor: int, sales: pa.Table, names: pa.Table) -> pa.Table:
    amount = sum(sales["amount"].to_pylist()) * factor
    return pa.table({"amount": [amount], "name": names["name"], "pid": [os.getpid()]})


def fail(rows: pa.Table) -> pa.Table:
    raise ValueError(f"{len(rows)} rows are too many")


def end_by_force(rows: pa.Table) -> pa.Table:
    os.kill(os.getpid(), signal.SIGKILL)
    return rows


@pytest.fixture
def sales():
    with duckdb.connect() as connection:
        yield connection.sql("select unnest(range(300000)) as amount")


def test_tables_reach_it_and_come_back(sales):
    names = duckdb.sql("select 'all' as name")
    found = apart(totals, 2, sales=sales, names=names)
    assert found["amount"][0].as_py() == 300_000 * 299_999
    assert found["name"][0].as_py() == "all"
    assert found["pid"][0].as_py() != os.getpid()


def test_a_failure_is_told(sales):
    with pytest.raises(
        RuntimeError, match=r"fail failed:(.|\n)*300000 rows are too many"
    ):
        apart(fail, rows=sales)


def test_being_stopped_from_outside_says_what_to_do(sales):
    with pytest.raises(
        RuntimeError, match=r"signal 9.*Lower the var training_customers"
    ):
        apart(end_by_force, rows=sales)


def test_one_worker_does_one_call_after_another_until_it_is_idle(sales, monkeypatch):
    names = duckdb.sql("select 'all' as name")
    first, second = (
        apart(totals, factor, sales=sales, names=names)["pid"][0].as_py()
        for factor in (1, 2)
    )
    assert first == second
    # An idle worker ends, and a later call gets another.
    monkeypatch.setattr("clv_warehouse.learning.apart.IDLE_SECONDS", 0)
    apart(totals, 3, sales=sales, names=names)
    WORKERS.timer.join()
    assert not psutil.pid_exists(first)
    assert apart(totals, 4, sales=sales, names=names)["pid"][0].as_py() != first


def test_a_worker_ends_with_its_process():
    code = (
        "import duckdb; from clv_warehouse.learning.apart import apart; "
        "from test_apart import totals; rows = duckdb.sql('select 1 as amount'); "
        "names = duckdb.sql('select 1 as name'); "
        "print(apart(totals, 1, sales=rows, names=names)['pid'][0].as_py())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([HERE, *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not psutil.pid_exists(int(ran.stdout))


def test_the_calling_process_imports_no_tensorflow(tmp_path):
    code = (
        "import sys, clv_warehouse.clv.backtest, clv_warehouse.clv.retraining; "
        "print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
