"""Tests that the order of products is judged by what is true."""

import numpy as np
import pytest

from benchmarks.display import SYSTEM, Log, _of_shop, judged


@pytest.fixture
def log() -> Log:
    """A log of a policy that prefers item 2, which is clicked most."""
    draw = np.random.default_rng(1)
    rows, chance = 20_000, np.array([0.2, 0.2, 0.6])
    item = draw.choice(3, rows, p=chance)
    click = draw.random(rows) < np.array([0.02, 0.04, 0.1])[item]
    return Log(
        {
            "item_id": item,
            "position": draw.integers(1, 4, rows),
            "click": click,
            "propensity_score": chance[item],
        },
        slice(None),
    )


def test_a_policy_by_chance_is_judged_on_a_log_that_is_not(log: Log) -> None:
    policy, model = np.full((3, 4), 1 / 3), np.full((3, 4), 0.05)
    for estimate in judged(log, policy, model).values():
        low, high = estimate.interval
        assert low <= (0.02 + 0.04 + 0.1) / 3 <= high < log.click.mean()
        assert estimate.value == pytest.approx(0.16 / 3, abs=0.006)


def test_no_order_is_worth_more_than_the_best_one() -> None:
    shares = _of_shop(600, 1)
    assert all(0 < share <= 1 for share in shares.values())
    assert shares[SYSTEM] > shares["random"] + 0.1
