"""Starts a PostgreSQL server on loopback for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The server refuses to be root's.
UNPRIVILEGED = "nobody"
SECONDS_TO_START = 30


def find_programs() -> Path | None:
    """Find the newest folder of PostgreSQL's programs, if there is one."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2])
    )
    if found := shutil.which("postgres"):
        folders.insert(0, Path(found).resolve().parent)
    return folders[-1] if folders else None


@contextmanager
def running_server(programs: Path, *settings: str) -> Iterator[str]:
    """Start a server with an empty database on a free port; yield its address.

    `settings` are those of postgresql.conf, such as fsync=off. Raises RuntimeError
    with what the server said if it does not start.
    """
    user = UNPRIVILEGED if os.name == "posix" and os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="clv_postgres_"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        made = subprocess.run(
            [
                programs / "initdb",
                *("--pgdata", data, "--username=clv", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            user=user,
            cwd=folder,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [f"--{setting}" for setting in settings]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres",
                    *("-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""),
                    *options,
                ],
                stdout=log,
                stderr=log,
                user=user,
                cwd=folder,
            )
        try:
            _wait_until_ready(programs, port, server, folder / "log")
            yield f"postgresql://clv@127.0.0.1:{port}/postgres"
        finally:
            # Ends sessions, then the server.
            server.send_signal(2)
            server.wait()
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(
    programs: Path, port: int, server: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        ready = subprocess.run(
            [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)],
            check=False,
        )
        if ready.returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()[-2000:]}")
