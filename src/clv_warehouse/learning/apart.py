"""Runs training in a process of its own, the worker, which keeps TensorFlow to itself.

Keras' seeds and TensorFlow's threads and memory belong to a process. dbt runs all
models in threads of one process, so a network trained there would depend on what else
runs. The worker waits a while for more to do: importing TensorFlow and tracing a model
take about six CPU seconds, which a training after a backtest then saves.
"""

import atexit
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any

import pyarrow as pa

from clv_warehouse.engines.relation import Relation

CALL, ANSWER = "call.pickle", "answer.arrow"
# The line by which a worker says that the answer is there; others are for a person.
DONE = "\0done"
# A worker that has nothing to do for so long ends, and its memory is free.
IDLE_SECONDS = 60.0


def apart(
    function: Callable[..., pa.Table],
    *arguments: Any,
    **relations: Relation,
) -> pa.Table:
    """Call a module's function in the worker and return its table.

    `arguments` are pickled. `relations` reach the function as Arrow tables; this
    process never holds all of one in memory. Its standard output appears as if it ran
    here; its standard error, which has TensorFlow's notices, does not. Raises
    RuntimeError with the end of that if the worker fails.
    """
    with tempfile.TemporaryDirectory(prefix="clv_") as scratch:
        folder = Path(scratch)
        for name, relation in relations.items():
            reader = relation.to_arrow_reader()
            with pa.ipc.new_file(str(folder / f"{name}.arrow"), reader.schema) as file:
                for batch in reader:
                    file.write_batch(batch)
        call = pickle.dumps((function, arguments, tuple(relations)))
        (folder / CALL).write_bytes(call)
        with WORKERS.lock:
            worker = WORKERS.take()
            if worker.does(folder):
                WORKERS.keep(worker)
            else:
                raise RuntimeError(worker.why_it_ended(function.__name__))
        return _read(folder / ANSWER)


@dataclass(frozen=True)
class Worker:
    """A process that does one call after another, until its standard input ends.

    Attributes:
        process: with pipes for standard input and output.
        errors: the file of its standard error.

    """

    process: subprocess.Popen[str]
    errors: IO[str]

    @classmethod
    def start(cls) -> "Worker":
        """Start one, which imports what this process can import."""
        # Open as long as the worker is there.
        errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        return cls(process, errors)

    def does(self, folder: Path) -> bool:
        """Let it do the call in a folder; say whether the answer is there."""
        assert self.process.stdin and self.process.stdout
        try:
            print(folder, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return False
        for line in self.process.stdout:
            if line.rstrip("\n") == DONE:
                return True
            print(line, end="", flush=True)
        return False

    def end(self) -> int:
        """Let it end, and wait for that; return its exit code."""
        self.process.communicate()
        return self.process.returncode

    def why_it_ended(self, name: str) -> str:
        """Say why it ended while it worked on the function of that name."""
        code = self.end()
        if code < 0:
            return (
                f"{name} was stopped from outside, by signal {-code}: most often, "
                "memory ran out. Lower the var training_customers."
            )
        self.errors.seek(0)
        return f"{name} failed:\n{self.errors.read()[-2000:]}"


class Workers:
    """The one worker of this process, while there is one.

    Attributes:
        lock: held by the thread whose call the worker does.
        timer: of the worker that waits, if one does.

    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._idle: Worker | None = None
        self.timer: Timer | None = None
        atexit.register(self._end_idle)

    def take(self) -> Worker:
        """Return the idle worker, or a new one."""
        if self.timer:
            self.timer.cancel()
        worker, self._idle = self._idle, None
        return worker or Worker.start()

    def keep(self, worker: Worker) -> None:
        """Let a worker wait for more to do."""
        self._idle = worker
        self.timer = Timer(IDLE_SECONDS, self._end_idle)
        self.timer.daemon = True
        self.timer.start()

    def _end_idle(self) -> None:
        with self.lock:
            worker, self._idle = self._idle, None
            if worker:
                worker.end()


WORKERS = Workers()


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def answer(folder: Path) -> None:
    """Do what `apart` asked for in a folder."""
    function, arguments, names = pickle.loads((folder / CALL).read_bytes())
    tables = {name: _read(folder / f"{name}.arrow") for name in names}
    found = function(*arguments, **tables)
    with pa.ipc.new_file(str(folder / ANSWER), found.schema) as file:
        file.write_table(found)


if __name__ == "__main__":
    for line in sys.stdin:
        answer(Path(line.rstrip("\n")))
        print(DONE, flush=True)
