"""Tests the list of faults that `make mutants` plants."""

from pathlib import Path

import pytest

from checks.mutants import FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_its_file(root: Path, tmp_path: Path, fault: Fault) -> None:
    right = (root / fault.path).read_text("utf-8")
    planted = tmp_path / fault.path
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(right, "utf-8")
    assert fault.plant(tmp_path) == right
    assert planted.read_text("utf-8") != right


@pytest.mark.parametrize("text", ["nothing of the kind", "one two one"])
def test_a_fault_that_is_out_of_date_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "rule.sql").write_text(text)
    fault = Fault("stale", "rule.sql", "one", "two", ("tests/test_rule.py",))
    with pytest.raises(ValueError, match=r"fault stale: rule\.sql has 'one'"):
        fault.plant(tmp_path)
    assert (tmp_path / "rule.sql").read_text() == text


def test_no_two_faults_have_one_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
