"""Reads the published copy, whatever the queries are."""

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Lock

from clv_warehouse.serving.ask import worker
from clv_warehouse.serving.ask.limits import Limits
from clv_warehouse.serving.ask.worker import Query, RefusedError, Rows


class Reader:
    """Runs queries in a process of their own, one call after the other.

    The process starts with the first call. If it ends in a query that takes too long or
    too much, the next call starts another.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._context = multiprocessing.get_context("spawn")
        self._running: tuple[SpawnProcess, Connection] | None = None
        self._turn = Lock()

    def read(self, queries: Sequence[Query]) -> list[Rows]:
        """Run the queries in one connection, so that all are of one publication.

        Raises RefusedError, with a sentence, if one does more than read, or fails.
        """
        with self._turn:
            pipe = self._pipe()
            try:
                pipe.send(list(queries))
                answer = pipe.recv()
            except (EOFError, OSError) as error:
                self._end()
                raise RefusedError(
                    f"The query was stopped: it did not end after "
                    f"{self._limits.seconds:g} seconds, or took too much memory. Ask "
                    "for less at a time."
                ) from error
        if isinstance(answer, str):
            raise RefusedError(answer)
        return answer

    def close(self) -> None:
        """End the process of the queries."""
        with self._turn:
            self._end()

    def _pipe(self) -> Connection:
        if self._running is None:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=worker.serve,
                args=(theirs, self._path, self._limits),
                daemon=True,
            )
            process.start()
            # The pipe then ends with the process.
            theirs.close()
            self._running = process, ours
        return self._running[1]

    def _end(self) -> None:
        if self._running is not None:
            process, pipe = self._running
            pipe.close()
            process.kill()
            process.join()
            self._running = None
