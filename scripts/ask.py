"""Let a language model read the published copy: a server of the Model Context Protocol.

A client starts it and talks to it over standard input and output; docs/ask.md says how
to add it to one. It changes nothing.
"""

import argparse
import json
import sys
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.project.opening import PUBLISHED_COPY
from clv_warehouse.project.places import in_project
from clv_warehouse.project.problems import CommandError
from clv_warehouse.serving.ask.limits import NAME, Limits


def main() -> int:
    """Do what the command line says; return the exit code."""
    arguments = _arguments()
    arguments.command(arguments)
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    """Serve until the client ends."""
    try:
        from clv_warehouse.serving.ask import server
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise CommandError(
            "The package mcp is not installed. make install brings it, or "
            "pip install 'clv-warehouse[ask]'."
        ) from error
    server.run(arguments.published, Limits(arguments.seconds, arguments.memory_mb))


def _config(arguments: argparse.Namespace) -> None:
    """Print what a client's file of servers needs to start this one."""
    server = {
        "command": sys.executable,
        "args": [
            str(Path(__file__).resolve()),
            "serve",
            f"--published={arguments.published.resolve()}",
            f"--seconds={arguments.seconds:g}",
            f"--memory-mb={arguments.memory_mb}",
        ],
    }
    print(json.dumps({"mcpServers": {NAME: server}}, indent=2))


def _arguments() -> argparse.Namespace:
    limits = Limits()
    parser = argparse.ArgumentParser(prog="ask.py", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command in (("serve", _serve), ("config", _config)):
        described = commands.add_parser(name, help=command.__doc__)
        described.set_defaults(command=command)
        described.add_argument(
            "--published",
            type=Path,
            default=in_project(PUBLISHED_COPY),
            help="the published copy (default: %(default)s)",
        )
        described.add_argument(
            "--seconds",
            type=float,
            default=limits.seconds,
            help="how long the queries of a call may take (default: %(default)s)",
        )
        described.add_argument(
            "--memory-mb",
            type=int,
            default=limits.memory_mb,
            help="how much memory they may take, in MB (default: %(default)s)",
        )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
