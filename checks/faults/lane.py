"""A lane: a place in which one try after another runs, each from a known state."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.secrets import PUBLIC, as_environment

WAREHOUSE, PUBLISHED, PAGE = "faults.duckdb", "published", "dashboard.html"
# By this variable a try's processes are found, also those that left their group.
MARK = "CLV_FAULTS_TRY"
# None of these may reach the tries from the person's own environment.
NOT_TAKEN = ("CLV_POSTGRES", "CLV_POSTGRES_READER", "CLV_MEMORY_LIMIT", "CLV_WAIT")
SECONDS = 300
# The smallest training that does all that a large one does.
SETTINGS = json.dumps(
    {
        "training_customers": 300,
        "training_origins": 2,
        "network": {"ensemble": 1, "epochs": 1},
    }
)
DBT_BUILD = (
    *("-m", "dbt.cli.main", "build", "--target", "shop", "--threads", "2"),
    *("--vars", SETTINGS),
)


@dataclass
class Command:
    """A command that was started.

    Attributes:
        process: the process at its head, which leads a process group.
        out: the file of its standard output.
        err: the file of its standard error.

    """

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def wait(self, seconds: float = SECONDS) -> "Done":
        """Wait for its end; raises TimeoutExpired, and kills it, if that fails."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        return Done(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))

    def wait_for(self, text: str, seconds: float = SECONDS) -> bool:
        """Wait until it has printed a text; say whether it has, and still runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if text in self.out.read_text("utf-8", errors="replace"):
                return True
            time.sleep(0.05)
        return False


@dataclass(frozen=True)
class Done:
    """What came of a command: its exit code, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The last of what it said, for a person."""
        return " / ".join((self.out + self.err).strip().splitlines()[-3:])


@dataclass
class Lane:
    """A place for tries.

    Attributes:
        folder: holds all of the lane's files; others look into it at no time.
        states: the folder of known states, each a folder of a warehouse, published
            forms and a page.
        postgres: the address of a database of its own; "" without PostgreSQL.
        mark: what marks the processes of the current try.
        count: of commands so far, for the names of their outputs.
        is_closed: whether it starts nothing more.

    """

    folder: Path
    states: Path
    postgres: str = ""
    mark: str = ""
    count: int = 0
    is_closed: bool = False

    def __post_init__(self) -> None:
        """Make the folders of what is no part of a state."""
        for name in ("place", "tmp", "said"):
            (self.folder / name).mkdir(parents=True)

    @property
    def place(self) -> Path:
        """Where the warehouse lies, and what is made of it."""
        return self.folder / "place"

    @property
    def warehouse(self) -> Path:
        """The file that loads and builds write to."""
        return self.place / WAREHOUSE

    @property
    def published(self) -> Path:
        """The folder of published forms."""
        return self.place / PUBLISHED

    @property
    def page(self) -> Path:
        """The dashboard."""
        return self.place / PAGE

    @property
    def manifest(self) -> Path:
        """What dbt wrote of the project."""
        return self.folder / "target" / "manifest.json"

    def empty(self) -> None:
        """Remove what the tries before have left."""
        for name in ("place", "tmp"):
            for each in (self.folder / name).iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()

    def restore(self, state: str) -> None:
        """Bring back a known state, and nothing of the tries before."""
        self.empty()
        # Hard links between the published copies must stay such.
        subprocess.run(
            ["cp", "-a", f"{self.states / state}/.", str(self.place)], check=True
        )
        self.mark = secrets.token_hex(8)

    def keep(self, state: str) -> None:
        """Make a known state of what is in this lane now."""
        subprocess.run(
            ["cp", "-a", str(self.place), str(self.states / state)], check=True
        )

    def start(
        self, *arguments: str | Path, under: Sequence[str] = (), **environment: str
    ) -> Command:
        """Start Python with these arguments, in a process group of its own.

        `under` is a command that starts it, such as one that sets a limit.
        """
        if self.is_closed:
            raise RuntimeError("This lane is closed.")
        self.count += 1
        out = self.folder / "said" / f"{self.count:03}.out"
        err = out.with_suffix(".err")
        kept = {
            name: text for name, text in os.environ.items() if name not in NOT_TAKEN
        }
        with out.open("w") as out_file, err.open("w") as err_file:
            process = subprocess.Popen(
                [*under, sys.executable, *map(str, arguments)],
                cwd=ROOT,
                env=kept
                | as_environment(PUBLIC)
                | {
                    "CLV_WAREHOUSE": str(self.warehouse),
                    "DBT_TARGET_PATH": str(self.folder / "target"),
                    "DBT_LOG_PATH": str(self.folder / "logs"),
                    "TMPDIR": str(self.folder / "tmp"),
                    "DO_NOT_TRACK": "1",
                    "NO_COLOR": "1",
                    MARK: self.mark,
                }
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
        return Command(process, out, err)

    def run(
        self, *arguments: str | Path, under: Sequence[str] = (), **environment: str
    ) -> Done:
        """Run Python with these arguments to its end."""
        return self.start(*arguments, under=under, **environment).wait()

    def processes(self) -> dict[int, str]:
        """The processes of this try that are there now: the program by number."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            # It may end while we look, or be another user's.
            with suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    if words != [b""]:
                        program = b" ".join(words[1:4]).decode(errors="replace")
                        found[int(folder.name)] = program
        return found

    def close(self) -> None:
        """End what runs here, by force, and start nothing more."""
        self.is_closed = True
        for number in self.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def left_files(self) -> list[str]:
        """Files that a run should not have left: half ones, spilled ones, scratch."""
        names = ("*.partial", "*.part", "*.new", "*.tmp", "*.spill", "*.wal")
        found = [each for name in names for each in self.place.rglob(name)]
        found += [
            each
            for each in (self.folder / "tmp").iterdir()
            if each.name.startswith("clv_")
        ]
        return [str(each.relative_to(self.folder)) for each in found]


def load(shop: Path) -> tuple[str | Path, ...]:
    """The command that loads a shop into the warehouse that CLV_WAREHOUSE names."""
    return ("scripts/load.py", "folder", shop)


def publish(lane: Lane, form: str = "parquet") -> tuple[str | Path, ...]:
    """The command that publishes; as form all, to PostgreSQL too if the lane has it."""
    command = ("scripts/publish.py", form, "--target", "shop", "--to", lane.published)
    is_to_postgres = form == "all" and lane.postgres
    return (*command, "--dsn", lane.postgres) if is_to_postgres else command


def draw(lane: Lane) -> tuple[str | Path, ...]:
    """The command that draws the dashboard."""
    return ("scripts/dashboard.py", "--target", "shop", "--out", lane.page)


SHOW = ("scripts/show.py", "--target", "shop")


@contextmanager
def holding(lane: Lane) -> Iterator[subprocess.Popen[str]]:
    """Hold the lane's warehouse open for writing, until standard input is closed."""
    code = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lane.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield holder
