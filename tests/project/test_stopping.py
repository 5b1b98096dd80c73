"""Tests that all work of a process learns that it is to end."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from clv_warehouse.engines.relation import in_threads
from clv_warehouse.project.stopping import StoppedError, is_stopping

# Handles what stops it, and does not end.
STUBBORN = """
import time
from clv_warehouse.project import stopping
stopping.SECONDS_TO_END = 0.5
stopping.stop_as_by_ctrl_c()
while True:
    try:
        print("here", flush=True)
        time.sleep(60)
    except KeyboardInterrupt as error:
        print(error, flush=True)
"""
# Asks where Python must find room for a tuple, so that it would collect garbage.
COLLECTING = """
import gc, sys
from clv_warehouse.project.stopping import is_stopping
kept = []
gc.callbacks.append(lambda *_: sys._current_frames())
try:
    raise ValueError
except ValueError:
    for number in range(100):
        kept += [tuple([number, [], each]) for each in range(50)]
        gc.set_threshold(1)
        is_stopping()
        gc.set_threshold(0)
"""
IGNORING = """
import signal
from clv_warehouse.project.stopping import stop_as_by_ctrl_c
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stop_as_by_ctrl_c()
raise SystemExit(signal.getsignal(signal.SIGTERM) != signal.SIG_IGN)
"""


def batches() -> list[int]:
    """The batches that work in threads still does."""
    batch = pa.record_batch({"amount": [1, 2]})
    return list(in_threads(lambda rows: rows.num_rows, [batch] * 3))


def test_asking_does_not_wait_for_a_collection_of_garbage() -> None:
    subprocess.run([sys.executable, "-c", COLLECTING], timeout=60, check=True)


def test_threads_learn_that_the_main_thread_is_ending() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(is_stopping).result()
        assert pool.submit(batches).result() == [2, 2, 2]
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert pool.submit(is_stopping).result()
            with pytest.raises(StoppedError, match="told to end"):
                pool.submit(batches).result()
        assert not pool.submit(is_stopping).result()


def test_a_process_that_does_not_end_is_ended() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert process.stdout.readline() == "Stopped by SIGTERM.\n"


def test_what_was_ignored_stays_ignored() -> None:
    assert subprocess.run([sys.executable, "-c", IGNORING], check=False).returncode == 0
