"""Build a warehouse and show it, in one command: load, build, publish, page, result.

A build prints one line of progress; its log has all lines. `dbt build` does the same
build and prints every model and test.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from clv_warehouse.project.child import run_to_its_end, running
from clv_warehouse.project.command import STOPPED, run_main
from clv_warehouse.project.places import ROOT, WAREHOUSES, in_project

LOG = "build.log"
SECONDS_BETWEEN_LINES = 10.0
WIDTH = 79


def main() -> int:
    """Run all steps; return the exit code of the one that failed, or 0."""
    arguments = _arguments()
    steps = _steps(arguments)
    for number, (name, run) in enumerate(steps, start=1):
        title = f"step {number} of {len(steps)}: {name}"
        print(f"\n{title} ...", flush=True)
        try:
            code = run(title)
        except KeyboardInterrupt:
            print(f"run.py: stopped in {title}.", file=sys.stderr)
            return STOPPED
        if code:
            print(
                f"run.py: {title} failed. Mend what is said above, then give the same "
                "command again.",
                file=sys.stderr,
            )
            return code
    return 0


def _steps(arguments: argparse.Namespace) -> list[tuple[str, Callable[[str], int]]]:
    target = arguments.target
    named = ["--target", target]
    steps: list[tuple[str, Callable[[str], int]]] = []
    if arguments.load:
        steps.append(("load", lambda _: _script("load.py", *arguments.load)))
    dbt = [*named, *(["--vars", arguments.vars] if arguments.vars else [])]
    publish = [("publish", lambda _: _script("publish.py", "all", *dbt))]
    page = ["--out", str(arguments.page)] if arguments.page else []
    return [
        *steps,
        ("build", lambda title: _build(dbt, title)),
        *(publish if arguments.publish else []),
        ("page", lambda _: _script("dashboard.py", *named, *page)),
        ("result", lambda _: _script("show.py", *named)),
    ]


def _script(name: str, *arguments: str) -> int:
    return run_to_its_end([sys.executable, ROOT / "scripts" / name, *arguments])


def _build(arguments: list[str], title: str) -> int:
    """Run `dbt build` and follow it; return its exit code."""
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors"),
        *("--log-format", "json", "--log-format-file", "text"),
        *("build", *arguments),
    ]
    folder = os.environ.get("DBT_LOG_PATH")
    log_file = (Path(folder) if folder else in_project("logs")) / LOG
    log_file.parent.mkdir(exist_ok=True, parents=True)
    with (
        log_file.open("w", encoding="utf-8") as log,
        running(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Whoever names folders of their own is heard.
            environment={"DBT_PROJECT_DIR": str(ROOT), "DBT_PROFILES_DIR": str(ROOT)}
            | os.environ,
        ) as dbt,
    ):
        assert dbt.stdin is not None and dbt.stdout is not None
        follower = _Follower(title, log)
        try:
            for line in dbt.stdout:
                follower.take(line.rstrip("\n"))
        finally:
            # If this is being stopped, so is dbt, and says a last word.
            dbt.stdin.close()
            for line in dbt.stdout:
                follower.take(line.rstrip("\n"))
            follower.end()
            code = dbt.wait()
    print(f"{follower.summary()} All that dbt said is in {log_file}.", flush=True)
    return code


@dataclass
class _Follower:
    """Takes the lines of a dbt that logs JSON: logs them, and shows what matters.

    That is how many models are done, what a training says of itself, warnings, and
    errors in full.
    """

    title: str
    log: TextIO
    is_terminal: bool = field(default_factory=lambda: sys.stdout.isatty())
    started: float = field(default_factory=time.monotonic)
    models: int = 0
    done: int = 0
    tests: int = 0
    running: dict[str, float] = field(default_factory=dict)
    shown_at: float = 0.0

    def take(self, line: str) -> None:
        """Take one line of dbt's output, without its end."""
        try:
            event = json.loads(line)
            info, data = event["info"], event["data"]
        except (ValueError, KeyError, TypeError):
            # A training prints how far it is.
            self._write(line)
            self._progress(line)
            return
        self._write(info["msg"])
        self._count(info["name"], data)
        # What dbt says of a node at its end, it says again in full at the end of all.
        if info["level"] in ("warn", "error") and not info["name"].startswith("Log"):
            self._show(info["msg"])
        else:
            self._progress(next(iter(self.running), ""))

    def end(self) -> None:
        """Leave the line of progress behind."""
        if self.is_terminal:
            self._clear()

    def summary(self) -> str:
        """What was done, and how long it took."""
        seconds = time.monotonic() - self.started
        if not self.models:
            return "Nothing was built."
        return (
            f"{self.done} of {self.models} models built, {self.tests} tests run, "
            f"in {seconds:.0f} s."
        )

    def _count(self, name: str, data: dict[str, Any]) -> None:
        if name == "FoundStats":
            found = re.match(r"(\d+) models?", data["stat_line"])
            self.models = int(found[1]) if found else 0
        node = data.get("node_info", {}).get("node_name", "")
        if name == "LogStartLine":
            self.running[node] = time.monotonic()
        elif name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            self.running.pop(node, None)
            self.done += name == "LogModelResult" and data.get("status") != "ERROR"
            self.tests += name == "LogTestResult"

    def _write(self, text: str) -> None:
        self.log.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self.log.flush()

    def _show(self, text: str) -> None:
        self.end()
        print(text, flush=True)

    def _progress(self, doing: str) -> None:
        now = time.monotonic()
        if not self.is_terminal and now - self.shown_at < SECONDS_BETWEEN_LINES:
            return
        self.shown_at = now
        line = (
            f"{self.title}: {self.done} of {self.models} models, "
            f"{now - self.started:.0f} s"
        )
        line = f"{line}, {doing}" if doing else line
        if self.is_terminal:
            self._clear()
            print(line[:WIDTH], end="", flush=True)
        elif self.models:
            print(line, flush=True)

    def _clear(self) -> None:
        print(f"\r{' ' * WIDTH}\r", end="", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="publish too: serving copy, Parquet, and PostgreSQL if CLV_POSTGRES "
        "names a database",
    )
    parser.add_argument("--vars", metavar="YAML", help="settings, as dbt takes them")
    parser.add_argument(
        "--page", type=Path, help="the page to write (default: data/dashboard.html)"
    )
    parser.add_argument(
        "load",
        nargs="*",
        metavar="LOAD",
        help="after --: what load.py takes, such as folder exports/; loads it first",
    )
    arguments = parser.parse_args()
    if arguments.load and arguments.target == "sample":
        parser.error("the sample shop is part of the project: load into --target shop")
    return arguments


if __name__ == "__main__":
    run_main(main)
