"""What several test files share."""

from pathlib import Path

import pytest

from warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]


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
