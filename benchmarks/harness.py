"""What all benchmarks share: rows of results, and the cost of a process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.secrets import PUBLIC, as_environment

FOLDER = ROOT / "data" / "benchmarks"
# Of ru_maxrss, which macOS counts in bytes and others in kilobytes.
PEAK_UNITS_PER_MB = 1 << (20 if sys.platform == "darwin" else 10)


@dataclass(frozen=True)
class Row:
    """One measured value of a system in a case."""

    case: str
    system: str
    measure: str
    value: float


@dataclass(frozen=True)
class Run:
    """What a process printed, and what it cost.

    Attributes:
        output: what it printed.
        seconds: wall-clock time from its start to its end.
        cpu_seconds: CPU time of all its threads, which hardly depends on other work.
        peak_mb: the most memory that it held at once, in MB of 2^20 bytes.

    """

    output: str
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def value(self) -> Any:
        """What the function returned that `call` ran."""
        return json.loads(self.output.splitlines()[-1])

    @property
    def cost(self) -> dict[str, float]:
        """What the whole process took, its start included, by measure."""
        return {
            "process_seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_mb": self.peak_mb,
        }


def rows(case: str, system: str, measures: Mapping[str, float]) -> list[Row]:
    """One row per measure."""
    return [Row(case, system, name, value) for name, value in measures.items()]


def run(*command: str | Path, **environment: str) -> Run:
    """Run Python with these arguments until it ends, in the project's folder.

    Shops have the secrets of the sample shop: figures depend on who is sampled.

    Raises RuntimeError with the end of its output if it fails. Keep the calling
    process small: a process counts as no smaller than the one that started it.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            env=os.environ | as_environment(PUBLIC) | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(map(str, command))} ended with {process.returncode}:\n"
            f"{text[-4000:]}"
        )
    return Run(
        text,
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / PEAK_UNITS_PER_MB,
    )


def call(function: Callable[..., Any], *arguments: str | int | Path | list[str]) -> Run:
    """Call a module's function in a process of its own.

    Paths reach it as text; what it returns comes back as JSON.
    """
    code = (
        "import json, sys; "
        f"from {function.__module__} import {function.__name__} as function; "
        "print(json.dumps(function(*json.loads(sys.argv[1]))))"
    )
    return run("-c", code, json.dumps(arguments, default=str))


@dataclass(frozen=True)
class Dbt:
    """The project's dbt on a warehouse of its own.

    Attributes:
        warehouse: its file; what dbt writes beside it goes there too.
        target: of profiles.yml.
        memory_limit: what DuckDB may take.

    """

    warehouse: Path
    target: str = "shop"
    memory_limit: str = "80%"

    def __call__(self, *arguments: str) -> Run:
        """Run a dbt command."""
        code = "import sys; from dbt.cli.main import cli; cli(sys.argv[1:])"
        places = {"--target-path": "target", "--log-path": "logs"}
        return run(
            *("-c", code, *arguments, "--target", self.target, "--threads", "2"),
            *(each for flag, name in places.items() for each in (flag, self._in(name))),
            CLV_WAREHOUSE=str(self.warehouse),
            CLV_MEMORY_LIMIT=self.memory_limit,
            DO_NOT_TRACK="1",
            NO_COLOR="1",
        )

    def models(self) -> list[dict[str, Any]]:
        """The models that the last command ran: entries of dbt's run_results.json."""
        results = self._read("run_results")["results"]
        return [each for each in results if each["unique_id"].startswith("model.")]

    def nodes(self) -> list[tuple[Path, float]]:
        """File and seconds of each model, seed and test that the last command ran."""
        manifest = self._read("manifest")
        known = manifest["nodes"] | manifest["unit_tests"]
        return [
            (
                Path(known[each["unique_id"]]["original_file_path"]),
                each["execution_time"],
            )
            for each in self._read("run_results")["results"]
            if each["unique_id"] in known
        ]

    def elapsed(self) -> float:
        """Seconds from the first node of the last command to the last."""
        return self._read("run_results")["elapsed_time"]

    def slowest_models(self) -> dict[str, float]:
        """Seconds of the five models of the last command that took longest."""
        seconds = {
            f"seconds of {model['unique_id'].split('.')[-1]}": model["execution_time"]
            for model in self.models()
        }
        return dict(sorted(seconds.items(), key=lambda pair: -pair[1])[:5])

    def _read(self, artifact: str) -> dict[str, Any]:
        """Read a file that dbt wrote about its last command."""
        return json.loads((self._in("target") / f"{artifact}.json").read_text("utf-8"))

    def _in(self, name: str) -> Path:
        """Where dbt writes, beside the warehouse."""
        return self.warehouse.parent / name


def measured(name: str, folder: Path = FOLDER) -> list[Row]:
    """Read what the last run of a benchmark has measured."""
    return [Row(**row) for row in json.loads((folder / f"{name}.json").read_text())]


def write_between_marks(page: Path, name: str, text: str) -> None:
    """Put `text` between the comments <!-- NAME --> and <!-- /NAME --> of a page."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, rest = page.read_text("utf-8").split(start)
    _, tail = rest.split(end)
    page.write_text(f"{head}{start}\n{text}\n{end}{tail}", "utf-8")


def report(name: str, found: Iterable[Row], folder: Path = FOLDER) -> Path:
    """Print rows as they come and write them to NAME.json in `folder`; return its path.

    Rows of systems that were not measured this time stay in the file.
    """
    written: list[dict[str, Any]] = []
    for row in found:
        text = f"{row.case:<24}  {row.system:<13}  {row.measure:<34}"
        print(f"{text}  {row.value:>16,.4f}", flush=True)
        written.append(asdict(row))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    systems = {row["system"] for row in written}
    earlier = measured(name, folder) if path.exists() else []
    written += [asdict(row) for row in earlier if row.system not in systems]
    path.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
    return path
