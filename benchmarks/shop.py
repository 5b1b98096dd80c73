"""Makes and loads the made-up shop that benchmarks run on."""

import hashlib
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.harness import Run, run
from clv_warehouse.project.places import ROOT

# What is reported is measured on another shop than those that methods are tuned on.
REPORTED_SEED = 101


def make_shop(people: int, cache: Path) -> Path:
    """Make the orders of a shop of so many people, once; return its folder."""
    options = ("--customers", str(people), "--feeds", "orders,order_lines")
    return _make(cache / f"shop_of_{people}", options)


def make_shop_with_accounts(people: int, cache: Path) -> Path:
    """Make the orders and customers of a shop of so many people, once; its folder."""
    feeds = "orders,order_lines,customers"
    options = ("--customers", str(people), "--feeds", feeds)
    return _make(cache / f"shop_with_accounts_of_{people}", options)


def make_known_shop(
    people: int,
    start: date,
    days: int,
    truth_at: date,
    cache: Path,
    seed: int = REPORTED_SEED,
) -> Path:
    """Make all feeds of a shop, and its true customer values, once; its folder."""
    options = {
        "--seed": seed,
        "--customers": people,
        "--start": start,
        "--days": days,
        "--truth-at": truth_at,
    }
    return _make(
        cache / f"known_shop_{seed}_of_{people}_at_{truth_at}",
        [str(each) for option in options.items() for each in option],
    )


def make_watched_shop(people: int, seed: int, truth_at: date, cache: Path) -> Path:
    """Make what the encoder and heads read of so many people, once; its folder."""
    feeds = "orders,order_lines,products,events,reviews,refunds,campaign_sends,truth"
    options = {
        "--seed": seed,
        "--customers": people,
        "--feeds": feeds,
        "--truth-at": truth_at,
    }
    return _make(
        cache / f"watched_shop_{seed}_of_{people}_at_{truth_at}",
        [str(each) for option in options.items() for each in option],
    )


def _make(folder: Path, options: Sequence[str]) -> Path:
    """Make a shop with these options, unless the same code has made it before."""
    folder = folder.with_name(f"{folder.name}_{_process()}")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "shop"
            run("scripts/make_shop.py", made, *options)
            made.rename(folder)
    return folder


def _process() -> str:
    """Fingerprint of the code that makes shops; other code makes other shops."""
    files = sorted((ROOT / "src" / "clv_warehouse" / "shop").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def load_shop(source: Path, warehouse: Path, connector: str = "folder") -> Run:
    """Load a shop into a warehouse as a person would."""
    return run("scripts/load.py", connector, source, "--warehouse", warehouse)
