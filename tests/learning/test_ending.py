"""Tests that training ends with dbt, however dbt ends, and leaves no file behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
import yaml

HERE = Path(__file__).parent
# The warehouse of the project below, and where a training says that it has begun.
WAREHOUSE, BEGUN = "w.duckdb", "begun.json"
SECONDS = 20.0
MODEL = """
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.learning.apart import apart
from test_ending import train_for_ever


def model(dbt, session):
    dbt.config(materialized="table")
    rows = dbt.ref("customers")
    return doorway(lambda rows: apart(train_for_ever, rows=rows))(rows)
"""


def train_for_ever(rows: pa.Table) -> pa.Table:
    """Say who trains, in which folder, and go on."""
    begun = {"pid": os.getpid(), "folder": sys.argv[1]}
    Path(BEGUN).write_text(json.dumps(begun))
    while True:
        time.sleep(1)


def wait_for(condition: Callable[[], object]) -> bool:
    """Whether something comes true within some seconds."""
    end = time.monotonic() + 3 * SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def environment(folder: Path) -> dict[str, str]:
    """Its temporary folder is its own, to see what is left."""
    (folder / "tmp").mkdir(exist_ok=True)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "TMPDIR": str(folder / "tmp"),
        "DO_NOT_TRACK": "1",
    }


def dbt(folder: Path) -> list[str]:
    """The command that builds a project of one training in a folder."""
    return [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "run"),
        *("--project-dir", str(folder), "--profiles-dir", str(folder)),
    ]


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of dbt with the plugins of this one, whose only model is trained."""
    folder = tmp_path_factory.mktemp("project")
    profile = yaml.safe_load((root / "profiles.yml").read_text())["clv_warehouse"]
    sample = profile["outputs"]["sample"] | {"path": str(folder / WAREHOUSE)}
    files = {
        "profiles.yml": yaml.safe_dump(
            {"p": {"target": "t", "outputs": {"t": sample}}}
        ),
        "dbt_project.yml": yaml.safe_dump(
            {"name": "p", "profile": "p", "on-run-start": "select 1"}
        ),
        "models/customers.sql": "select 1 as customer_key",
        "models/trained.py": MODEL,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def training(project: Path) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """A dbt that trains, the process that does so, and its scratch folder."""
    (project / BEGUN).unlink(missing_ok=True)
    running = subprocess.Popen(
        dbt(project),
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert wait_for((project / BEGUN).exists)
    assert wait_for((project / BEGUN).read_text)
    begun = json.loads((project / BEGUN).read_text())
    yield running, begun["pid"], Path(begun["folder"])
    running.kill()
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_training_ends_with_dbt(training, name: str) -> None:
    running, worker, folder = training
    assert folder.stat().st_mode & 0o777 == 0o700
    began = time.monotonic()
    running.send_signal(getattr(signal, name))
    said, _ = running.communicate(timeout=3 * SECONDS)
    assert wait_for(lambda: not psutil.pid_exists(worker) and not folder.exists())
    assert time.monotonic() - began < SECONDS
    assert running.returncode
    if name != "SIGKILL":
        assert "CANCEL query model.p.trained" in said
        assert said.rstrip().endswith(f"Stopped by {name}.")
        assert "Traceback" not in said
    # dbt leaves the code of the model, if it is killed.
    assert [
        each
        for each in folder.parent.iterdir()
        if each.suffix != ".py" and each.name != "__pycache__"
    ] == []
