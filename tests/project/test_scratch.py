"""Tests that scratch folders are private, and gone when their process is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clv_warehouse.project.scratch import PREFIX, remove_left_over, scratch_folder

OWNER = """
import time
from clv_warehouse.project.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "features.arrow").write_text("0.5")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this test and its processes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_only_this_user_may_read_it_and_it_goes(temporary: Path) -> None:
    with scratch_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "sub").mkdir()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(
    temporary: Path,
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    # One whose process ended between the folder and its lock, and ones of others.
    (temporary / f"{PREFIX}begun").mkdir()
    (temporary / "other").mkdir()
    elsewhere = temporary / "other" / "elsewhere"
    elsewhere.mkdir()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    remove_left_over()
    assert (folder / "features.arrow").exists()
    assert not (temporary / f"{PREFIX}begun").exists()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert folder.exists()
    with scratch_folder() as mine:
        assert mine.exists()
        assert not folder.exists()
    assert elsewhere.exists()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root gives files away"
)
def test_folders_of_other_users_stay(temporary: Path) -> None:
    theirs = temporary / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    remove_left_over()
    assert theirs.exists()
