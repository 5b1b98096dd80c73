"""What several test files share."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public data beside the checkout; the test skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data sets are not beside this checkout")
    return folder


@pytest.fixture
def warehouse(root: Path, tmp_path: Path) -> Warehouse:
    """An empty scratch warehouse."""
    return Warehouse(root, tmp_path)


@pytest.fixture(scope="session")
def sample(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sample shop's warehouse, built by `make test`; skips where it is absent."""
    path = root / "data" / "sample.duckdb"
    if not path.is_file():
        pytest.skip("no data/sample.duckdb: dbt build --target sample")
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def parsed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what dbt has read of the project: its manifests.

    A warning of dbt is an error here.
    """
    folder = tmp_path_factory.mktemp("parsed")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--warn-error", "parse"),
            *("--target", "sample", "--target-path", str(folder)),
            *("--log-path", str(folder / "logs")),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder
