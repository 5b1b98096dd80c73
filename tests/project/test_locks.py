"""Each package of a lock has the hashes of its files, and no lock has an address."""

import re
from pathlib import Path

import pytest

from clv_warehouse.project.places import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PACKAGE = re.compile(r"^\S+==.*(?:\n +--hash=sha256:[0-9a-f]{64}.*)*", re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_package_has_hashes(lock: Path) -> None:
    text = lock.read_text("utf-8")
    packages = PACKAGE.findall(text)
    assert len(packages) > 50
    assert [each for each in packages if "--hash=sha256:" not in each] == []
    assert "://" not in text
    # A lock holds nothing else.
    assert PACKAGE.sub("", text).strip() == ""
