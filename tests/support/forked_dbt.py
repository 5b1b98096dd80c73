"""Runs dbt in forks of one process that has read the project.

To start dbt takes 2 CPU seconds and to read the project 7, more than most tests build.
A fork has both from the start, and the templates that forks before it have compiled.
What it changes ends with it, so that a run of dbt in a fork is as good as one in a
process of its own.
"""

import atexit
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cheaper_dbt import (
    Graphs,
    Templates,
    Views,
    ask_once,
    bind_macros_fast,
    find_relations_fast,
    inject_fast,
    link_selected_fast,
    parse_templates_once,
    read_locale_once,
    read_yaml_once,
    select_once,
    skip_debug_events,
    taking_it_as_valid,
    use_one_thread,
)

# The file in which dbt keeps what it has read.
READ = "partial_parse.msgpack"
# What dbt imports when it runs, beside what it has imported to read the project.
IMPORTED = (
    *("dbt.task.build", "dbt.task.list", "dbt_common.clients.agate_helper"),
    *("multiprocessing.dummy", "daff", "clv_warehouse.engines.secrets"),
    *("clv_warehouse.engines.opening", "clv_warehouse.engines.ending"),
)
# Vars that only the text of models reads, as dbt compiles it: what dbt reads of the
# project is the same for all their values, as test_settings holds. Others may change
# how a model is materialized, as reload_days does, or what a Python model is told.
COMPILED = {
    "as_of_date": "2024-03-01",
    "currency": "EUR",
    "min_history_days": 395,
    "time_zone": "Asia/Tokyo",
}


@dataclass(frozen=True)
class ForkedDbt:
    """The process that has read the project.

    Attributes:
        process: runs `main` of this module until its standard input ends.
        scratch: where it writes what it needs.

    """

    process: subprocess.Popen[str]
    scratch: Path

    @classmethod
    def start(
        cls, project: Path, scratch: Path, environment: Mapping[str, str]
    ) -> "ForkedDbt":
        """Start the process.

        No file of the project may change while it runs. What dbt writes beside the
        warehouse goes to `scratch`. The environment is what the profile reads.
        """
        process = subprocess.Popen(
            [sys.executable, __file__, project, scratch],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return cls(process, scratch)

    def lend(self, target: Path) -> None:
        """Write what was read without vars to the target folder of another dbt.

        A dbt of target shop with the same environment need not read the project then.
        Some command without vars must have run here.
        """
        target.mkdir(exist_ok=True)
        shutil.copy(_folder(self.scratch, "{}") / READ, target)

    def run(
        self,
        *arguments: str,
        settings: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        reads: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of dbt with these vars in a folder, and wait for its end.

        The fork reads the project by itself where `reads` says so, which costs half of
        what it costs a process of its own. Its options may be any then.
        """
        assert self.process.stdin and self.process.stdout
        with tempfile.TemporaryDirectory() as said:
            out, err = Path(said) / "out", Path(said) / "err"
            streams = str(out), str(err)
            given = arguments, settings, str(folder), dict(environment)
            self.process.stdin.write(json.dumps((*given, streams, reads)) + "\n")
            self.process.stdin.flush()
            status = self.process.stdout.readline()
            assert status, "the process that runs dbt has ended; see its standard error"
            return subprocess.CompletedProcess(
                arguments, int(status), out.read_text("utf-8"), err.read_text("utf-8")
            )

    def end(self) -> None:
        """End the process."""
        self.process.communicate()


def _folder(scratch: Path, read: str) -> Path:
    """Where dbt writes what it has read with these vars."""
    return scratch / f"read_{zlib.crc32(read.encode())}"


def read_manifest(common: list[str], scratch: Path, read: str, views: Views) -> Any:
    """Read the project with these vars; None where dbt refuses a value."""
    from dbt.cli.main import dbtRunner

    folder = str(_folder(scratch, read))
    command = ["parse", *common, "--quiet", "--vars", read, "--target-path", folder]
    # The collector need not look at 500,000 objects that stay.
    gc.disable()
    with taking_it_as_valid():
        manifest = dbtRunner().invoke(command).result
    gc.enable()
    gc.collect()
    gc.freeze()
    if manifest:
        # Comments on tables and columns are a fifth of a build, and change no row.
        for node in manifest.nodes.values():
            node.config.persist_docs = {}
        views.hold(manifest)
    return manifest


def end(status: int) -> NoReturn:
    """End a fork as Python does, but leave its memory to the system."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main(project: str, scratch: str) -> None:
    """Fork for each run that a line of the standard input asks for.

    Each line is JSON; see `ForkedDbt.run`. The answer is a line with the exit status.
    """
    read_locale_once()
    from dbt import deprecations
    from dbt.cli.main import dbtRunner

    for module in IMPORTED:
        importlib.import_module(module)
    skip_debug_events()
    bind_macros_fast()
    select_once()
    ask_once()
    link_selected_fast()
    parse_templates_once()
    read_yaml_once()
    find_relations_fast()
    inject_fast()
    templates, graphs, views = Templates(scratch), Graphs(), Views()
    # What dbt says of reading the project is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    common = [
        *("--target", "shop", "--project-dir", project, "--profiles-dir", project),
        *("--target-path", f"{scratch}/target", "--log-path", f"{scratch}/logs"),
        *("--log-level-file", "none", "--no-write-json", "--no-use-colors"),
        # The static parser starts threads, and a process with threads cannot fork.
        "--no-static-parser",
    ]
    # A worker builds sooner or later. To read again costs half when it has read before.
    reads_first = "PYTEST_XDIST_WORKER" in os.environ
    manifests: dict[str, Any] = {}
    for line in sys.stdin:
        arguments, settings, folder, environment, streams, reads = json.loads(line)
        names = set() if reads else settings.keys() - COMPILED
        read = json.dumps({name: settings[name] for name in names})
        if read not in manifests and (reads_first or not reads):
            # If there is none, the fork reads the project again and says what is wrong.
            manifests[read] = read_manifest(common, Path(scratch), read, views)
        if manifest := manifests.get(read):
            templates.compile(manifest)
            graphs.make(manifest, with_tests=arguments[0] == "build")
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
            continue
        for stream, path in zip((1, 2), streams, strict=True):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        graphs.use()
        use_one_thread()
        # A build of a few rows is over before there is much to collect.
        gc.disable()
        command = [arguments[0], *common, "--vars", json.dumps(settings)]
        if arguments[0] not in ("list", "ls"):
            # The other core has another worker.
            command += ["--threads", "1"]
        if reads:
            # What has been said of the project is said again.
            deprecations.active_deprecations.clear()
            manifest = None
        else:
            views.leave()
            command += ["--no-partial-parse"]
        done = dbtRunner(manifest=manifest).invoke([*command, *arguments[1:]])
        templates.tell()
        # The exit statuses of dbt's own command.
        end(2 if done.exception else 0 if done.success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
