"""Tests that programs end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from clv_warehouse.project.child import run_to_its_end, running

SECONDS = 30.0
# A parent that runs a program, which says its process id.
PARENT = """
import sys
from clv_warehouse.project.child import run_to_its_end
from clv_warehouse.project.stopping import stop_as_by_ctrl_c
stop_as_by_ctrl_c()
program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
run_to_its_end([sys.executable, "-c", program])
"""


def wait_for(condition: Callable[[], object]) -> bool:
    """Whether something comes true within some seconds."""
    end = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def test_a_program_runs_to_its_end() -> None:
    assert run_to_its_end([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    says = [sys.executable, "-c", "print('said', input() if False else '')"]
    with running(says, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read().strip() == "said"


def test_a_program_ends_with_the_context() -> None:
    began = time.monotonic()
    with running([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        pass
    assert child.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])
def test_a_program_ends_with_its_parent(name: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    program = int(parent.stdout.readline())
    parent.send_signal(getattr(signal, name))
    assert wait_for(lambda: not psutil.pid_exists(program))
    parent.communicate(timeout=SECONDS)
    assert parent.returncode


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_build_ends_with_the_command_that_started_it(
    root: Path, tmp_path: Path, name: str
) -> None:
    command = subprocess.Popen(
        [sys.executable, root / "scripts" / "run.py", "--target", "shop"],
        cwd=root,
        env=os.environ
        | {
            "CLV_WAREHOUSE": str(tmp_path / "w.duckdb"),
            "DBT_TARGET_PATH": str(tmp_path / "target"),
            "DBT_LOG_PATH": str(tmp_path / "logs"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    this = psutil.Process(command.pid)
    assert wait_for((tmp_path / "logs" / "dbt.log").exists)
    started = this.children(recursive=True)
    assert any("dbt.cli.main" in process.cmdline() for process in started)
    command.send_signal(getattr(signal, name))
    assert not psutil.wait_procs(started, SECONDS)[1]
    _, said = command.communicate(timeout=SECONDS)
    if name == "SIGTERM":
        assert said == "run.py: stopped in step 1 of 3: build.\n"
