"""The schedules of docs/operations.md run the night on a small shop.

`make test-schedules` sets SCHEDULES, for each takes a minute. Airflow and Dagster run
where `airflow` or `dagster` is in the PATH, from an environment of its own.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from clv_warehouse.project.places import ROOT
from linked import linked_project

PAGE = ROOT / "docs" / "operations.md"
FENCE = re.compile(r"^```([a-z ]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NIGHTLY = "scripts/run.py --target shop --publish -- folder /srv/exports"
# What cron gives a job.
CRON = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}

runs_the_night = pytest.mark.skipif(
    "SCHEDULES" not in os.environ, reason="each takes a minute: make test-schedules"
)


def schedule(kind: str, place: int = 0) -> str:
    """The text of a schedule, by the language of its fence."""
    found = [text for each, text in FENCE.findall(PAGE.read_text("utf-8"))]
    kinds = [each for each, _ in FENCE.findall(PAGE.read_text("utf-8"))]
    return [text for each, text in zip(kinds, found, strict=True) if each == kind][
        place
    ]


def cron_line() -> str:
    """The line of the crontab that has the command."""
    return schedule("cron").splitlines()[-1]


def unit(place: int) -> configparser.ConfigParser:
    """A file of systemd: the service or the timer."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(schedule("ini", place))
    return parser


@pytest.mark.parametrize(
    "text",
    [
        cron_line(),
        unit(0)["Service"]["ExecStart"],
        schedule("yaml"),
        schedule("python airflow"),
        schedule("python dagster"),
    ],
    ids=["cron", "systemd", "actions", "airflow", "dagster"],
)
def test_every_schedule_runs_the_same_night(text: str) -> None:
    # Python joins two texts that follow each other.
    assert NIGHTLY in re.sub(r'"\s*"', "", text)


def test_all_run_at_the_same_time() -> None:
    assert cron_line().startswith("30 3 * * * ")
    assert unit(1)["Timer"]["OnCalendar"] == "*-*-* 03:30:00"
    # YAML 1.1 reads the key `on` as true.
    (at,) = yaml.safe_load(schedule("yaml"))[True]["schedule"]
    assert at == {"cron": "30 3 * * *"}
    for name in ("airflow", "dagster"):
        assert '"30 3 * * *"' in schedule(f"python {name}")


@pytest.fixture(scope="module")
def srv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project, its environment, and the export of a small shop."""
    srv = tmp_path_factory.mktemp("srv")
    project = srv / "clv"
    linked_project(project)
    # The environment imports the project from where it is installed; not here.
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"#!/bin/sh\nPYTHONPATH='{project / 'src'}' exec '{sys.executable}' \"$@\"\n"
    )
    python.chmod(0o755)
    made = [sys.executable, "scripts/make_shop.py", "--customers", "300"]
    subprocess.run([*made, srv / "exports"], cwd=ROOT, check=True, capture_output=True)
    return srv


@pytest.fixture
def here(srv: Path) -> Iterator[Path]:
    """The same without a warehouse and published copies."""
    yield srv
    shutil.rmtree(srv / "clv" / "data")
    (srv / "clv" / "data").mkdir()


def moved(text: str, srv: Path) -> str:
    """A schedule whose folders are where the test has them."""
    return text.replace("/srv/", f"{srv}/")


def run(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run what a scheduler would, in its environment."""
    return subprocess.run(
        command,
        cwd=folder,
        env={"HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_published(srv: Path) -> None:
    """Assert that the night has published a complete build."""
    copy = srv / "clv" / "data" / "published" / "serving.duckdb"
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute(
            "select is_complete from monitoring.publication"
        ).fetchall() == [(True,)]


@runs_the_night
def test_cron_mails_only_what_failed(here: Path) -> None:
    command = moved(cron_line().split(maxsplit=5)[5], here)
    done = run(["/bin/sh", "-c", command], CRON, here)
    assert (done.stdout, done.stderr) == ("", "")
    assert_published(here)
    (here / "exports").rename(here / "away")
    try:
        done = run(["/bin/sh", "-c", command], CRON, here)
    finally:
        (here / "away").rename(here / "exports")
    assert "step 1 of 5: load failed" in done.stdout
    assert_published(here)


@runs_the_night
def test_systemd_runs_the_service(here: Path, tmp_path: Path) -> None:
    service = unit(0)["Service"]
    folder = moved(service["WorkingDirectory"], here)
    command = moved(service["ExecStart"], here).split()
    done = run(command, {"PATH": "/usr/bin:/bin"}, Path(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_published(here)
    if shutil.which("systemd-analyze"):
        for place, name in enumerate(("clv.service", "clv.timer")):
            text = moved(schedule("ini", place), here).replace("User=clv\n", "")
            (tmp_path / name).write_text(text)
        checked = run(
            ["systemd-analyze", "verify", str(tmp_path / "clv.timer")], CRON, tmp_path
        )
        assert "clv" not in checked.stderr, checked.stderr


@runs_the_night
def test_github_actions_runs_the_steps(here: Path) -> None:
    (job,) = yaml.safe_load(moved(schedule("yaml"), here))["jobs"].values()
    environment = {"PATH": "/usr/bin:/bin"} | job["env"]
    environment |= {
        "CLV_KEY": "key" * 11,
        "CLV_SALT": "salt" * 8,
        "CLV_VAULT": "vault" * 7,
    }
    (here / "clv-data").mkdir()
    for step in job["steps"]:
        # The environment is there, and so is the project.
        if "run" in step and step["run"] != "make install":
            done = run(["bash", "-e", "-c", step["run"]], environment, here / "clv")
            assert done.returncode == 0, done.stdout + done.stderr
    assert (here / "clv-data" / "warehouse.duckdb").exists()
    assert_published(here)


@runs_the_night
@pytest.mark.skipif(not shutil.which("airflow"), reason="no airflow in the PATH")
def test_airflow_runs_the_dag(here: Path, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "clv.py").write_text(moved(schedule("python airflow"), here))
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    }
    for command in (
        ["db", "migrate"],
        ["dags", "reserialize"],
        ["dags", "test", "clv"],
    ):
        done = run(["airflow", *command], environment, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert_published(here)


@runs_the_night
@pytest.mark.skipif(not shutil.which("dagster"), reason="no dagster in the PATH")
def test_dagster_runs_the_job(here: Path, tmp_path: Path) -> None:
    file = tmp_path / "clv.py"
    file.write_text(moved(schedule("python dagster"), here))
    environment = {"PATH": os.environ["PATH"], "DAGSTER_HOME": str(tmp_path)}
    done = run(
        ["dagster", "job", "execute", "-f", str(file), "-j", "nightly"],
        *(environment, tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_published(here)
