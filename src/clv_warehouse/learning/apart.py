"""Runs training in a process of its own, which frees TensorFlow's memory when it ends.

Keras' seeds and TensorFlow's threads and memory belong to a process. dbt runs all
models in threads of one process, so a network trained there would depend on what else
runs.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from clv_warehouse.engines.relation import Relation

CALL, ANSWER = "call.pickle", "answer.arrow"


def apart(
    function: Callable[..., pa.Table],
    *arguments: Any,
    **relations: Relation,
) -> pa.Table:
    """Call a module's function in a process of its own and return its table.

    `arguments` are pickled. `relations` reach the function as Arrow tables; this
    process never holds all of one in memory. Its standard output appears as if it ran
    here; its standard error, which has TensorFlow's notices, does not. Raises
    RuntimeError with the end of that if the process fails.
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
        ended = subprocess.run(
            [sys.executable, "-m", __name__, scratch],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if ended.returncode < 0:
            raise RuntimeError(
                f"{function.__name__} was stopped from outside, by signal "
                f"{-ended.returncode}: most often, memory ran out. Lower the var "
                "training_customers."
            )
        if ended.returncode:
            raise RuntimeError(f"{function.__name__} failed:\n{ended.stderr[-2000:]}")
        return _read(folder / ANSWER)


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
    answer(Path(sys.argv[1]))
