"""Load a shop's raw data into the warehouse, replacing what is there.

With --check it writes nothing and lists all that is in doubt at once.
"""

import argparse
import shlex
from pathlib import Path

from clv_warehouse.loading.connectors import CONNECTORS, Connector, mapped_by
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.findings import in_full, in_short
from clv_warehouse.loading.layouts import LAYOUTS
from clv_warehouse.loading.load import Loaded, link, link_tables, load
from clv_warehouse.loading.options import Options
from clv_warehouse.loading.suggesting import suggest_mapping
from clv_warehouse.privacy.compacting import compact
from clv_warehouse.privacy.keeping import VaultKeeper
from clv_warehouse.privacy.vault import read_tombstones, rewrite
from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import vault_of, warehouse_of
from clv_warehouse.project.report import Report
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.secrets import (
    NAMES,
    VAULT,
    Secret,
    make_missing,
    of_made,
    own,
    required,
    vault_key_of,
)
from clv_warehouse.project.settings import first_wrong


def main() -> int:
    """Load or check what the command line names; return the exit code."""
    arguments = _arguments()
    if arguments.suggest:
        print(suggest_mapping(Path(arguments.source), read_feeds()))
        return 0
    if arguments.check:
        return _check(arguments)
    # A secret that cannot be used is told before a large shop is read.
    own()
    made: list[Path] = []
    loaded = _load(arguments, arguments.warehouse, _say, made)
    if loaded.had_contacts:
        print("Writing the file anew: an older version had put names into it.")
        compact(arguments.warehouse)
    made += make_missing()
    if made:
        print(of_made(made))
    print(_summary(loaded, arguments.warehouse))
    return 0


def _load(
    arguments: argparse.Namespace,
    warehouse: Path,
    report: Report,
    made: list[Path] | None = None,
) -> Loaded:
    """Load; add to `made` the files of secrets that it made for the vault."""
    feeds, options = read_feeds(), _options(arguments)
    if arguments.connector == "tables":
        layout = LAYOUTS[arguments.layout]
        loaded = link_tables(
            arguments.source, layout, warehouse, feeds, report, options
        )
        if made is not None:
            _empty_vault(warehouse)
        return loaded
    if arguments.in_place:
        loaded = link(arguments.source, warehouse, feeds, report, options)
        if made is not None:
            _empty_vault(warehouse)
        return loaded
    connector, source = _connector(arguments), Path(arguments.source)
    if made is None:
        return load(connector, source, warehouse, feeds, report, options)

    def secrets() -> tuple[Secret, ...]:
        made.extend(make_missing(names=(*NAMES, VAULT)))
        return (*required(), vault_key_of("shop"))

    keeper = VaultKeeper(vault_of(warehouse), secrets)
    return load(connector, source, warehouse, feeds, report, options, keeper)


def _empty_vault(warehouse: Path) -> None:
    """Forget the contacts of an earlier load: those that count now stay in place."""
    vault = vault_of(warehouse)
    if vault.exists():
        rewrite(vault, (), read_tombstones(vault))


def _check(arguments: argparse.Namespace) -> int:
    with scratch_folder() as folder:
        scratch = folder / "check.duckdb"
        # The tables of a pipeline are in the warehouse itself.
        warehouse = arguments.warehouse if arguments.connector == "tables" else scratch
        checked = _load(arguments, warehouse, _say_percents)
    print("\n".join(in_full(checked.findings)))
    return int(bool(checked.findings.doubts))


def _connector(arguments: argparse.Namespace) -> Connector:
    if arguments.connector == "map":
        return mapped_by(arguments.mapping)
    return CONNECTORS[arguments.connector]


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        dates=tuple(arguments.dates),
        time_zone=arguments.time_zone,
        is_append=arguments.append,
        is_check=arguments.check,
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _say_percents(line: str) -> None:
    """Say how far a long check is, and nothing of rows written."""
    if line.endswith("%"):
        _say(line)


def _arguments() -> argparse.Namespace:
    known = "\n".join(
        f"  {name:<18}{connector.source}" for name, connector in CONNECTORS.items()
    )
    known += (
        f"\n  {'map':<18}a file or folder of any shape, with --mapping"
        f"\n  {'tables':<18}a schema of the warehouse of a pipeline, with --layout"
    )
    parser = argparse.ArgumentParser(
        prog="load.py",
        description=__doc__,
        epilog=f"connectors and their sources:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "connector",
        choices=[*CONNECTORS, "map", "tables"],
        help="the shape of the data",
    )
    parser.add_argument(
        "source", help="the file or folder to load; the schema that holds the tables"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; list all that is in doubt, and exit with 1 if money or "
        "customers are",
    )
    parser.add_argument(
        "--append",
        action="store_true",
        help="add the rows to what is there instead of replacing it; feeds that the "
        "source lacks stay as they are",
    )
    parser.add_argument(
        "--dates",
        action="append",
        default=[],
        metavar="FORMAT",
        help="how the source writes dates where that is not ISO 8601, such as "
        "%%d.%%m.%%Y; may be given several times",
    )
    parser.add_argument(
        "--time-zone",
        metavar="ZONE",
        type=_time_zone,
        help="the time zone of times without an offset, such as Europe/Berlin, where "
        "that is not the shop's (the var time_zone)",
    )
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="folder only: make views of its Parquet files, FEED.parquet or "
        "FEED/*.parquet, and copy nothing; an address such as s3://... will do too",
    )
    parser.add_argument(
        "--warehouse",
        type=Path,
        default=_default_warehouse(),
        help="the DuckDB file to load into (default: %(default)s)",
    )
    parser.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="map only: the YAML file that says which column of the source is which",
    )
    parser.add_argument(
        "--suggest",
        action="store_true",
        help="folder or map: load nothing, and write a first draft of a mapping file",
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        help="tables only: which pipeline wrote them; nothing is copied",
    )
    arguments = parser.parse_args()
    if arguments.in_place and arguments.connector != "folder":
        parser.error("--in-place goes with the connector folder only")
    if arguments.append and (arguments.in_place or arguments.connector == "tables"):
        parser.error("--append adds rows; what stays in place is read as it grows")
    stays = arguments.in_place or arguments.connector == "tables"
    if stays and (arguments.dates or arguments.time_zone):
        parser.error(
            "--dates and --time-zone go with rows that are loaded; what stays in place "
            "is read at each build, in the var time_zone"
        )
    if arguments.suggest and arguments.connector not in ("folder", "map"):
        parser.error("--suggest goes with folder or map")
    is_map = arguments.connector == "map" and not arguments.suggest
    if is_map != (arguments.mapping is not None):
        parser.error("map and --mapping go together: map FILE --mapping shop.yml")
    if (arguments.connector == "tables") != (arguments.layout is not None):
        parser.error("tables and --layout go together: tables SCHEMA --layout NAME")
    return arguments


def _time_zone(name: str) -> str:
    problem = first_wrong({"time_zone": name})
    if problem:
        raise argparse.ArgumentTypeError(problem)
    return name


def _default_warehouse() -> Path:
    return warehouse_of("shop")


def _summary(loaded: Loaded, warehouse: Path) -> str:
    """Say what was loaded, and what to type next."""
    lines = [f"\nLoaded into schema raw of {warehouse}:"]
    for feed in loaded.feeds:
        span = f"  {feed.first_date} to {feed.last_date}" if feed.first_date else ""
        lines.append(f"  {feed.name:<16}{feed.rows:>14,} rows{span}")
    setting = ""
    if warehouse != _default_warehouse():
        setting = f"CLV_WAREHOUSE={shlex.quote(str(warehouse))} "
    lines += ["", *in_short(loaded.findings)]
    if loaded.findings.doubts:
        lines.append("--check says more of each, and what to do about it.")
    return "\n".join([*lines, f"Next: {setting}dbt build --target shop"])


if __name__ == "__main__":
    run_main(main, stopped="stopped; the warehouse is as it was.")
