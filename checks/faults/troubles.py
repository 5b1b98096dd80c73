"""Takes from commands what a machine should give: room, memory, whole files, time."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import duckdb

from checks.faults.checker import Checker
from checks.faults.hashes import hashes_of_tables
from checks.faults.lane import (
    DBT_BUILD,
    SHOW,
    Done,
    Lane,
    draw,
    holding,
    load,
    publish,
)
from checks.faults.skip import SkipError
from checks.faults.states import BUILT, LOADED, REBUILT
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING

# The sentence of scripts, and what dbt repeats of a model that failed.
IS_FULL = ("no room left", "No space left on device")
# So little room that each command needs more.
ROOM = 1 << 18
DAMAGE = b"\xa5" * 4096
# A state in which a command has something to do, by the command's name.
STATES = {
    "load.py": BUILT,
    "dbt build": LOADED,
    "publish.py": REBUILT,
    "dashboard.py": REBUILT,
}


def run(lane: Lane, shop: Path, name: str, *under: str, **environment: str) -> Done:
    """Run the command of that name."""
    commands: dict[str, tuple[str | Path, ...]] = {
        "load.py": load(shop),
        "dbt build": DBT_BUILD,
        "publish.py": publish(lane),
        "dashboard.py": draw(lane),
        "show.py": SHOW,
    }
    return lane.run(*commands[name], under=under, **environment)


def goes_on(checker: Checker, name: str) -> None:
    """Once the trouble is over, the same command does what it should have done."""
    again: dict[str, Callable[[], None]] = {
        "load.py": checker.loads,
        "dbt build": checker.builds,
        "publish.py": checker.publishes,
        "dashboard.py": checker.draws,
    }
    again[name]()
    if name == "dbt build":
        checker.publishes()
    checker.nothing_left()


def full_disk(checker: Checker, name: str) -> None:
    """On a full disk a command says so, and what was there stays."""
    lane = checker.lane
    with disk(lane):
        lane.restore(STATES[name])
        used = shutil.disk_usage(lane.place).used
        remount(lane, f"size={used + ROOM}")
        checker.refuses(name, run(lane, checker.known.shop, name), *IS_FULL)
        stays(checker)
        remount(lane, "size=2g")
        goes_on(checker, name)


def large_file(checker: Checker, name: str) -> None:
    """Where files may not grow, a command says so, and what was there stays."""
    lane = checker.lane
    lane.restore(STATES[name])
    under = ("prlimit", f"--fsize={ROOM // 8}")
    if not shutil.which(under[0]):
        raise SkipError(f"there is no {under[0]}")
    words = ("would become larger than", "File too large")
    checker.refuses(name, run(lane, checker.known.shop, name, *under), *words)
    stays(checker)
    goes_on(checker, name)


def read_only(checker: Checker) -> None:
    """On a disk that can only be read, who writes says so, and who reads works."""
    lane = checker.lane
    with disk(lane):
        lane.restore(REBUILT)
        remount(lane, "ro")
        for name in STATES:
            checker.refuses(name, run(lane, checker.known.shop, name), "only be read")
        checker.works("show.py", lane.run(*SHOW))
        stays(checker)
        remount(lane, "rw")
        checker.publishes()
        checker.draws()
        checker.nothing_left()


def little_memory(checker: Checker) -> None:
    """With too little memory a build says so; with little it makes the same."""
    lane = checker.lane
    lane.restore(LOADED)
    done = lane.run(*DBT_BUILD, CLV_MEMORY_LIMIT="1MB")
    checker.refuses("dbt build", done, "Memory", "memory")
    stays(checker)
    checker.readers_get_one_build()
    done = lane.run(*DBT_BUILD, CLV_MEMORY_LIMIT="200MB")
    if checker.works("dbt build with 200 MB", done):
        checker.built_is_new()
    checker.publishes()
    checker.nothing_left()


def locked(checker: Checker) -> None:
    """While another program has the warehouse, all say who; a build waits for it."""
    lane = checker.lane
    lane.restore(LOADED)
    with holding(lane) as holder:
        said = f"process {holder.pid}", f"PID {holder.pid}"
        for name in (*STATES, "show.py"):
            done = run(lane, checker.known.shop, name, CLV_WAIT="0")
            checker.refuses(name, done, *said)
        stays(checker)
        build = lane.start(*DBT_BUILD, CLV_WAIT="120")
        if not build.wait_for("is in use by"):
            checker.lost("dbt build does not say for whom it waits")
        assert holder.stdin
        holder.stdin.close()
        checker.works("dbt build", build.wait())
    checker.built_is_new()
    checker.publishes()
    checker.nothing_left()


def corrupt_warehouse(checker: Checker, where: str) -> None:
    """A damaged warehouse is refused by all, and what was published stays."""
    lane = checker.lane
    lane.restore(REBUILT)
    damage(lane.warehouse, where)
    for name in (*STATES, "show.py"):
        done = run(lane, checker.known.shop, name, CLV_WAIT="60")
        # What damage hits and nobody reads may go unnoticed.
        if done.code or where != "middle":
            checker.refuses(name, done)
    checker.published_is("old", *(["new"] if where == "middle" else []))
    if where == "start":
        # The way out that is said.
        lane.warehouse.unlink()
        checker.loads()
        checker.works("dbt build", lane.run(*DBT_BUILD))
        tables = [
            each
            for each in checker.known.tables
            if each.schema in ("orders", "features")
        ]
        expected = {
            each.full_name: checker.known.new.tables[each.full_name] for each in tables
        }
        checker.same(
            "the new warehouse", hashes_of_tables(lane.warehouse, tables), expected
        )
        checker.works("publish.py", lane.run(*publish(lane)))


def corrupt_copy(checker: Checker, where: str) -> None:
    """The next publication mends a damaged copy, and Parquet with a file less."""
    lane = checker.lane
    lane.restore(REBUILT)
    damage(lane.published / SERVING, where)
    next(lane.published.glob(f"{PARQUET}/orders/*/*.parquet")).unlink()
    checker.publishes()
    checker.nothing_left()


def clock_back(checker: Checker) -> None:
    """A clock that was ahead, and was put right, hides no load, build or copy."""
    lane = checker.lane
    lane.restore(LOADED)
    with duckdb.connect(str(lane.warehouse)) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "inner join duckdb_tables() using (schema_name, table_name) "
            "where column_name in ('said_at', 'loaded_at', 'trained_at')"
        ).fetchall()
        for schema, table, column in columns:
            connection.execute(
                f'update "{schema}"."{table}" '
                f"set {column} = cast({column} as timestamp) + interval 400 days"
            )
    for number, version in enumerate(sorted(lane.published.glob("versions/*Z"))):
        later = version.with_name(f"2099010{number + 1}T000000.000000Z")
        version.rename(later)
        link = lane.published / PARQUET
        if link.resolve().parent == version:
            link.unlink()
            link.symlink_to(Path("versions", later.name, PARQUET))
    checker.readers_get_one_build()
    checker.builds()
    for _ in range(3):
        checker.publishes()
    checker.draws()
    checker.nothing_left()


def stays(checker: Checker) -> None:
    """What was published and drawn is as it was, and nothing half lies there."""
    checker.published_is("old")
    checker.page_is("old")
    left = [each for each in checker.lane.left_files() if not each.endswith(".wal")]
    if left:
        checker.lost(f"a command that failed has left: {', '.join(left)}")


def damage(path: Path, where: str) -> None:
    """Overwrite a file at its start or in its middle, or cut it off."""
    path.chmod(0o644)
    size = path.stat().st_size
    with path.open("r+b") as file:
        if where == "end":
            file.truncate(size // 2)
        else:
            file.seek(0 if where == "start" else size // 2)
            file.write(DAMAGE)


@contextmanager
def disk(lane: Lane) -> Iterator[None]:
    """Give the lane's place a disk of its own; raises SkipError if it may not."""
    if os.geteuid() or "CLV_FAULTS_MOUNTS" not in os.environ:
        raise SkipError("only root may mount a disk")
    lane.empty()
    command = ["mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", str(lane.place)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SkipError(made.stderr.strip())
    try:
        yield
    finally:
        with suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "--lazy", str(lane.place)], check=True)


def remount(lane: Lane, option: str) -> None:
    """Change the disk of the lane's place."""
    options = ["-o", f"remount,{option}"]
    subprocess.run(["mount", *options, str(lane.place)], check=True)


TRIES: dict[str, Callable[[Checker], None]] = {
    **{f"full disk, {name}": partial(full_disk, name=name) for name in STATES},
    # A build in which files may not grow cannot even write dbt's own.
    **{
        f"limit of files, {name}": partial(large_file, name=name)
        for name in STATES
        if name != "dbt build"
    },
    "disk that can only be read": read_only,
    "little memory": little_memory,
    "locked warehouse": locked,
    **{
        f"damaged warehouse, {where}": partial(corrupt_warehouse, where=where)
        for where in ("start", "middle", "end")
    },
    **{
        f"damaged copy, {where}": partial(corrupt_copy, where=where)
        for where in ("start", "end")
    },
    "clock that was ahead": clock_back,
}
