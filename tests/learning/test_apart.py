"""Tests work in a process of its own: arguments, results and failures."""

import os
import signal
import subprocess
import sys

import duckdb
import pyarrow as pa
import pytest

from clv_warehouse.learning.apart import apart


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


def test_the_calling_process_imports_no_tensorflow(tmp_path):
    code = (
        "import sys, clv_warehouse.clv.backtest, clv_warehouse.clv.retraining; "
        "print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
