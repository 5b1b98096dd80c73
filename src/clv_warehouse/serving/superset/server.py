"""Runs a Superset on this machine, in its own environment and folder."""

import hashlib
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clv_warehouse.project.child import running
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.problems import CommandError
from clv_warehouse.serving.superset.bundle import FOLDER

PROJECT = ROOT
USER = "admin"
LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 180
SECONDS_BETWEEN_TRIES = 0.5


class SupersetError(CommandError):
    """Superset failed; the message says at what, and where its log is."""


@dataclass(frozen=True)
class Superset:
    """A Superset that can be set up and started.

    Attributes:
        environment: the virtual environment in which it is installed.
        folder: the folder in which it starts; its database's address is relative to it.
        home: the folder that holds its own database, key, password and log.
        port: its port on loopback.

    """

    environment: Path
    folder: Path
    home: Path
    port: int

    @property
    def address(self) -> str:
        """The address at which a browser finds it."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def password(self) -> str:
        """The password of its user."""
        return (self.home / "password").read_text().strip()

    @property
    def log(self) -> Path:
        """What it said."""
        return self.home / "superset.log"

    def set_up(self, bundle: Path = PROJECT / FOLDER) -> None:
        """Create its database if there is none, and import the bundle.

        Raises SupersetError if it fails.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        for name in ("secret_key", "password"):
            _keep_secret(self.home / name)
        installed = PROJECT / "requirements" / "superset.txt"
        version = hashlib.sha256(installed.read_bytes()).hexdigest()
        made = self.home / "made_by"
        if not made.exists() or made.read_text() != version:
            self._run("superset", "db", "upgrade")
            self._run("superset", "init")
            made.write_text(version)
        script = PROJECT / "bi/superset/set_up.py"
        self._run("python", str(script), str(bundle), USER)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen]:
        """Run it while the context lasts.

        Raises SupersetError if it does not start.
        """
        if _is_taken(self.port):
            raise SupersetError(
                f"Port {self.port} is taken. Stop what uses it, or give --port."
            )
        command: list[str | Path] = [
            self.environment / "bin" / "gunicorn",
            f"--bind={LOOPBACK}:{self.port}",
            "--workers=1",
            "--worker-class=gthread",
            "--threads=8",
            "--timeout=120",
            "--no-control-socket",
            "superset.app:create_app()",
        ]
        with (
            self.log.open("a") as log,
            running(command, log, log, self.folder, self._variables()) as server,
        ):
            self._wait_for(server)
            yield server

    def _wait_for(self, server: subprocess.Popen) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return
            except (urllib.error.URLError, TimeoutError):
                time.sleep(SECONDS_BETWEEN_TRIES)
        raise SupersetError(f"Superset did not start; {self.log} says why.")

    def _run(self, program: str, *arguments: str) -> None:
        with self.log.open("a") as log:
            ended = subprocess.run(
                [self.environment / "bin" / program, *arguments],
                cwd=self.folder,
                env=self._variables(),
                stdout=log,
                stderr=log,
                check=False,
            )
        if ended.returncode:
            raise SupersetError(
                f"{program} {arguments[0]} failed; {self.log} says why."
            )

    def _variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "SUPERSET_HOME": str(self.home.resolve()),
            "SUPERSET_CONFIG_PATH": str(PROJECT / "bi/superset/superset_config.py"),
            "PYTHONUNBUFFERED": "1",
        }


def environment() -> Path:
    """Return the environment that `make install-superset` makes.

    Raises SupersetError if it is missing.
    """
    found = PROJECT / ".venv-superset"
    if not (found / "bin" / "superset").exists():
        raise SupersetError(
            f"No Superset in {found}. Install it: make install-superset"
        )
    return found


def free_port() -> int:
    """Return a port of loopback that nothing uses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _keep_secret(path: Path) -> None:
    """Make a secret that only this user can read, unless there is one."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
