"""Tests that each kind of shop is what its name says."""

from dataclasses import dataclass

import numpy as np
import pytest
from pyarrow import csv

from benchmarks.kinds import KINDS, Log, write_orders


@dataclass(frozen=True)
class Shape:
    """What a log looks like: customers, who came back, and how even gaps are."""

    customers: int
    returned: float
    gap_variation: float


def shape_of(log: Log) -> Shape:
    """Measure a log; gaps of customers of at least eight purchases."""
    order = np.lexsort([log.day, log.customer])
    customer, day = log.customer[order], log.day[order]
    _, count = np.unique(customer, return_counts=True)
    parts = np.split(day, np.cumsum(count)[:-1])
    gaps = [np.diff(part) for part in parts if len(part) >= 8]
    variation = [each.std(ddof=1) / each.mean() for each in gaps if each.mean() > 0]
    return Shape(len(count), (count > 1).mean(), float(np.median(variation)))


@pytest.mark.parametrize("name", KINDS)
def test_purchases_are_within_the_shops_days(name):
    kind = KINDS[name]
    log = kind.make(np.random.default_rng(1), kind.days)
    assert (log.day >= 0).all()
    assert (log.day < kind.days).all()
    assert (log.amount > 0).all()


def test_kinds_are_what_their_names_say():
    shapes = {
        name: shape_of(kind.make(np.random.default_rng(1), kind.days))
        for name, kind in KINDS.items()
    }
    assert 0.04 < shapes["rare"].returned < 0.07
    assert shapes["wholesale"].customers < 200
    assert shapes["subscriptions"].gap_variation < 0.3
    assert shapes["coffee"].gap_variation == pytest.approx(3**-0.5, abs=0.1)
    assert shapes["young"].gap_variation > 0.75


def test_a_seed_makes_the_same_orders_again(tmp_path):
    folders = [tmp_path / name for name in ("one", "again", "other")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        write_orders("wholesale", folder, seed)
    one, again, other = (csv.read_csv(folder / "orders.csv") for folder in folders)
    assert one.equals(again)
    assert not one.equals(other)
    assert one.column_names == ["order_id", "customer_id", "ordered_at", "amount"]
