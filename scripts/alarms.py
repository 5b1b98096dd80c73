"""Show what raises an alarm in a built warehouse, for people, a pager or Prometheus.

Without an option a person reads it. --json gives a list for a pager, --prometheus lines
for the textfile collector of Prometheus' node exporter. It ends with 3 if there is an
alarm that stops the publication, with --fail-on warn also if there is a louder one than
`say`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from clv_warehouse.project.command import DONE, run_main
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, warehouse_of
from clv_warehouse.project.problems import UNTRUSTED

SEVERITIES = ("say", "warn", "stop")
QUERY = """
    select
        severity, check_name, subject, group_name, size,
        cast(since_date as varchar) as since_date,
        cast(as_of_date as varchar) as as_of_date,
        statement, look_at, what_to_do, owner
    from monitoring.alarms
    order by
        case severity when 'stop' then 0 when 'warn' then 1 else 2 end,
        check_name, subject, group_name
"""


def main() -> int:
    """Print the alarms; return the exit code."""
    arguments = _arguments()
    with opened(arguments.warehouse or warehouse_of(arguments.target)) as connection:
        found = connection.sql(QUERY)
        alarms = [
            dict(zip(found.columns, row, strict=True)) for row in found.fetchall()
        ]
    if arguments.json:
        print(json.dumps(alarms, indent=2, ensure_ascii=False))
    elif arguments.prometheus:
        print("\n".join(prometheus_lines(alarms)))
    else:
        print("\n\n".join(map(_in_words, alarms)) or "No alarm.")
    loud = SEVERITIES[SEVERITIES.index(arguments.fail_on) :]
    is_loud = any(alarm["severity"] in loud for alarm in alarms)
    return UNTRUSTED if is_loud else DONE


def prometheus_lines(alarms: list[dict[str, Any]]) -> list[str]:
    """The alarms as Prometheus' text: how many by severity, and the size of each."""
    counts = [
        f'clv_alarms{{severity="{severity}"}} '
        f"{sum(alarm['severity'] == severity for alarm in alarms)}"
        for severity in SEVERITIES
    ]
    sizes = [
        "clv_alarm_size{"
        + ",".join(
            f'{label}="{_escaped(alarm[column])}"'
            for label, column in (
                ("severity", "severity"),
                ("check", "check_name"),
                ("subject", "subject"),
                ("group", "group_name"),
                ("owner", "owner"),
            )
        )
        + f"}} {alarm['size']:.6g}"
        for alarm in alarms
    ]
    return [
        "# HELP clv_alarms Alarms of the last build.",
        "# TYPE clv_alarms gauge",
        *counts,
        "# HELP clv_alarm_size Size of each alarm, on the scale of its check.",
        "# TYPE clv_alarm_size gauge",
        *sizes,
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _in_words(alarm: dict[str, Any]) -> str:
    return (
        f"{alarm['severity'].upper()}, since {alarm['since_date']}: "
        f"{alarm['statement']}\n"
        f"  Look at: {alarm['look_at']}\n"
        f"  Do: {alarm['what_to_do']}\n"
        f"  Owner: {alarm['owner']}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="alarms.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    parser.add_argument(
        "--warehouse", type=Path, help="another file, such as a published copy"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of JSON objects")
    form.add_argument(
        "--prometheus", action="store_true", help="lines as Prometheus reads them"
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="stop",
        help="the least severity with which it ends with 3 (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
