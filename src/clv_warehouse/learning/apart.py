"""Runs training in a process of its own, the worker, which keeps TensorFlow to itself.

Keras' seeds and TensorFlow's threads and memory belong to a process. dbt runs all
models in threads of one process, so a network trained there would depend on what else
runs. The worker waits a while for more to do: importing TensorFlow and tracing a model
take about six CPU seconds, which a training after a backtest then saves.

The worker's standard input is a pipe from this process. The system closes it when this
process ends, however it ends, and the worker ends at once. What passes between the two
is in a scratch folder.
"""

import atexit
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread, Timer
from typing import Any

import pyarrow as pa

from clv_warehouse.engines.relation import Relation
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.stopping import SECONDS_TO_END, raise_if_stopping

CALL, ANSWER, ERRORS = "call.pickle", "answer.arrow", "errors.txt"
# The line by which a worker says that the answer is there; others are for a person.
DONE = "\0done"
# A worker that has nothing to do for so long ends, and its memory is free.
IDLE_SECONDS = 60.0
# How often a model that waits for the worker asks whether dbt is ending.
SECONDS_BETWEEN_LOOKS = 0.5


def apart(
    function: Callable[..., pa.Table],
    *arguments: Any,
    **relations: Relation,
) -> pa.Table:
    """Call a module's function in the worker and return its table.

    `arguments` are pickled. `relations` reach the function as Arrow tables; this
    process never holds all of one in memory. Its standard output appears as if it ran
    here; its standard error, which has TensorFlow's notices, does not. Raises
    RuntimeError with the end of that if the worker fails, and StoppedError if this
    process is ending.
    """
    with WORKERS.lock:
        raise_if_stopping()
        worker = WORKERS.take()
        is_done = False
        try:
            folder = worker.folder
            for name, relation in relations.items():
                reader = relation.to_arrow_reader()
                path = str(folder / f"{name}.arrow")
                with pa.ipc.new_file(path, reader.schema) as file:
                    for batch in reader:
                        file.write_batch(batch)
            call = pickle.dumps((function, arguments, tuple(relations)))
            (folder / CALL).write_bytes(call)
            is_done = worker.does()
            if not is_done:
                raise RuntimeError(worker.why_it_ended(function.__name__))
            found = _read(folder / ANSWER)
            worker.forget()
            return found
        finally:
            if is_done:
                WORKERS.keep(worker)
            else:
                worker.end()


@dataclass(frozen=True)
class Worker:
    """A process that does one call after another, until its standard input ends.

    Attributes:
        process: with pipes for standard input and output.
        folder: where a call and its answer lie, and whatever the process leaves.
        lines: what it says, line by line, and None at its end.
        resources: removes the folder.

    """

    process: subprocess.Popen[str]
    folder: Path
    lines: "SimpleQueue[str | None]"
    resources: ExitStack

    @classmethod
    def start(cls) -> "Worker":
        """Start one, which imports what this process can import."""
        with ExitStack() as resources:
            folder = resources.enter_context(scratch_folder())
            errors = resources.enter_context((folder / ERRORS).open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, folder],
                # TensorFlow puts files of its own into the temporary folder.
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "PYTHONIOENCODING": "utf-8",
                    "TMPDIR": str(folder),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                errors="replace",
            )
            worker = cls(process, folder, SimpleQueue(), resources.pop_all())
        Thread(target=worker._listen, daemon=True).start()
        return worker

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def does(self) -> bool:
        """Let it do the call in its folder; say whether the answer is there.

        Raises StoppedError if this process is ending.
        """
        assert self.process.stdin
        try:
            print(CALL, file=self.process.stdin, flush=True)
        except OSError:
            return False
        while True:
            try:
                line = self.lines.get(timeout=SECONDS_BETWEEN_LOOKS)
            except Empty:
                raise_if_stopping()
                continue
            if line is None or line == DONE:
                return line == DONE
            print(line, flush=True)

    def forget(self) -> None:
        """Remove the last call and its answer, which may be large."""
        for path in self.folder.iterdir():
            if path.suffix in (".arrow", ".pickle"):
                path.unlink()

    def end(self) -> int:
        """Let it end, wait for that, and remove its folder; return its exit code."""
        assert self.process.stdin
        # It may be gone before it has read all.
        with suppress(OSError):
            self.process.stdin.close()
        try:
            code = self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.resources.close()
        return code

    def why_it_ended(self, name: str) -> str:
        """Say why it ended while it worked on the function of that name."""
        code = self.process.wait()
        if code < 0:
            return (
                f"{name} was stopped from outside, by signal {-code}: most often, "
                "memory ran out. Lower the var training_customers."
            )
        said = (self.folder / ERRORS).read_text("utf-8", errors="replace")
        return f"{name} failed:\n{said[-2000:]}"


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
        # A worker that is busy when this process ends will end by itself.
        atexit.register(self._end_idle, blocking=False)

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

    def _end_idle(self, blocking: bool = True) -> None:
        if not self.lock.acquire(blocking):
            return
        try:
            worker, self._idle = self._idle, None
            if worker:
                worker.end()
        finally:
            self.lock.release()


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


def work(folder: Path) -> None:
    """Answer one call after another, until standard input ends: then end at once."""
    # Ctrl-C in a terminal reaches the worker too; the process that started it decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            calls.put(line)
        # A process that was killed cannot remove the folder.
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    Thread(target=listen, daemon=True).start()
    while calls.get():
        answer(folder)
        print(DONE, flush=True)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
