"""Make up a shop of any size as Parquet files, with the true value of each customer.

Load it with: python scripts/load.py folder OUT
"""

import argparse
import datetime as dt
import sys
import time
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.writing import write_shop


def main() -> int:
    """Make the shop that the command line describes; return the exit code."""
    arguments = _arguments()
    began = time.monotonic()

    def report(people: int, rows: int) -> None:
        seconds = time.monotonic() - began
        print(
            f"{people:,} of {arguments.customers:,} customers, {rows:,} rows, "
            f"{seconds:.0f} s, {seconds / people * (arguments.customers - people):.0f}"
            " s left",
            flush=True,
        )

    try:
        settings = Settings(
            seed=arguments.seed, start=arguments.start, days=arguments.days
        )
        last = arguments.start + dt.timedelta(days=settings.last_day)
        dates = arguments.truth_at or [last]
        if not all(arguments.start <= date <= last for date in dates):
            raise ValueError(
                f"--truth-at: the shop's days are {arguments.start} to {last}"
            )
        rows = write_shop(
            settings,
            arguments.customers,
            arguments.out,
            arguments.feeds,
            [settings.day_of(date) for date in dates],
            report,
        )
    except (ValueError, OSError) as error:
        print(f"make_shop.py: {error}", file=sys.stderr)
        return 1
    for feed, count in rows.items():
        print(f"  {arguments.out / feed}.parquet{count:>14,} rows")
    return 0


def _arguments() -> argparse.Namespace:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="make_shop.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="the folder to write into")
    parser.add_argument(
        "--customers", type=_count, default=20_000, help="people who buy, with guests"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument(
        "--start", type=dt.date.fromisoformat, default=defaults.start, metavar="DATE"
    )
    parser.add_argument("--days", type=_count, default=defaults.days)
    parser.add_argument(
        "--feeds",
        type=_feeds,
        default=tuple(SCHEMAS),
        help=f"comma-separated, of {','.join(SCHEMAS)} (default: all)",
    )
    parser.add_argument(
        "--truth-at",
        type=dt.date.fromisoformat,
        action="append",
        metavar="DATE",
        help="as-of date of the true values; may be repeated (default: the last day)",
    )
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text.replace("_", ""))
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


def _feeds(text: str) -> tuple[str, ...]:
    unknown = set(text.split(",")) - set(SCHEMAS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no feed {', '.join(sorted(unknown))}")
    return tuple(text.split(","))


if __name__ == "__main__":
    run_main(main)
