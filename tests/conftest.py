"""What several test files share."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import psutil
import pytest

from benchmarks.data import DATA, absent
from clv_warehouse.project.disk import lock
from clv_warehouse.project.secrets import PUBLIC, PUBLIC_VAULT, as_environment
from forked_dbt import ForkedDbt
from warehouse import Warehouse, environment

# Scratch shops have the secrets of the sample shop, and no load makes any in data/.
os.environ.update(as_environment((*PUBLIC, PUBLIC_VAULT)))

ROOT = Path(__file__).resolve().parents[1]


# Files that need no sample shop: `make test` runs them while it builds that.
EARLY = (
    *("cases/test_cases.py", "project/test_real_shops.py", "monitoring/test_builds.py"),
    *("orders/test_reload.py", "staging/test_nothing_personal.py"),
    *("loading/test_examples.py", "orders/test_bad_input.py"),
)
# Files that take half a minute or more on one core, the longest first.
LONGEST = (
    *("serving/test_dashboard.py", "project/test_snippets.py"),
    *("serving/test_publish_postgres.py", "serving/test_publish.py"),
    *("test_unit_tests.py", "learning/test_training_plan.py"),
    *("privacy/test_erasure.py", "clv/test_training.py", "encoder/test_encoder.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that no worker ends with one alone."""
    first = {ROOT / "tests" / name: at for at, name in enumerate((*EARLY, *LONGEST))}
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> int:
        return first.get(item.path, len(first) + (item.path not in slow))

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for the build of the sample shop that `make test` has begun, if any."""
    if item.path.relative_to(ROOT / "tests").as_posix() not in EARLY:
        with suppress(KeyError, psutil.NoSuchProcess):
            build = int(os.environ["SAMPLE_BUILD"])
            while "build" in psutil.Process(build).cmdline():
                time.sleep(0.5)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def public_data() -> Callable[[str], Path]:
    """Where a public data set is, by its name in benchmarks.data.

    The test skips where the data set is absent.
    """

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(absent(path))
        return path

    return find


@pytest.fixture(scope="session")
def forked(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedDbt]:
    """Runs dbt of the project."""
    started = ForkedDbt.start(root, tmp_path_factory.mktemp("dbt"), environment())
    yield started
    started.end()


@pytest.fixture(scope="session")
def warehouse_in(root: Path, forked: ForkedDbt) -> Callable[[Path], Warehouse]:
    """Makes an empty scratch warehouse in a folder."""
    return lambda folder: Warehouse(root, folder, forked)


@pytest.fixture
def warehouse(warehouse_in: Callable[[Path], Warehouse], tmp_path: Path) -> Warehouse:
    """An empty scratch warehouse."""
    return warehouse_in(tmp_path)


@pytest.fixture(scope="session")
def sample(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sample shop's warehouse, built by `make test`; skips where it is absent."""
    path = root / "data" / "sample.duckdb"
    if not path.is_file():
        pytest.skip("no data/sample.duckdb: dbt build --target sample")
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def parsed(
    root: Path, forked: ForkedDbt, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with what dbt has read of the project: its manifests.

    A warning of dbt is an error here. All workers of a run share the folder.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "parsed"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as file:
        while not lock(file):
            time.sleep(0.1)
        if not (folder / "manifest.json").exists():
            parse(root, forked, folder)
    return folder


def parse(root: Path, forked: ForkedDbt, folder: Path) -> None:
    done = forked.run(
        *("parse", "--warn-error", "--write-json"),
        *("--target", "sample", "--target-path", str(folder)),
        settings={},
        folder=root,
        environment=os.environ,
        reads=True,
    )
    assert done.returncode == 0, done.stdout
