"""Holds the estimators against sums done by hand, full worlds and simulated logs."""

import numpy as np
import pytest

from clv_warehouse.learning.off_policy import (
    Estimate,
    difference,
    doubly_robust,
    inverse_propensity,
    self_normalised,
    verdict,
)

LOGGED = np.array([0.6, 0.3, 0.1])
TARGET = np.array([0.1, 0.2, 0.7])
CHANCES = np.array([0.02, 0.05, 0.1])
TRUTH = float(TARGET @ CHANCES)
MODEL = np.array([0.04, 0.04, 0.07])  # wrong on purpose


def logs(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actions, rewards and weights of a log."""
    draw = np.random.default_rng(seed)
    action = draw.choice(3, rows, p=LOGGED)
    reward = (draw.random(rows) < CHANCES[action]).astype(float)
    return action, reward, (TARGET / LOGGED)[action]


def estimates(rows: int, seed: int) -> dict[str, Estimate]:
    action, reward, weight = logs(rows, seed)
    of_target = np.full(rows, TARGET @ MODEL)
    return {
        "inverse propensity": inverse_propensity(reward, weight),
        "self-normalised": self_normalised(reward, weight),
        "doubly robust": doubly_robust(reward, weight, MODEL[action], of_target),
    }


def test_four_rows_by_hand() -> None:
    reward, weight = np.array([1.0, 0, 1, 0]), np.array([2.0, 1, 0.5, 0])
    assert inverse_propensity(reward, weight).value == 2.5 / 4
    assert self_normalised(reward, weight).value == pytest.approx(2.5 / 3.5)
    of_logged, of_target = np.array([0.5, 0.25, 0.5, 0.25]), np.full(4, 0.4)
    # .4 + (2 x .5 - 1 x .25 + .5 x .5) / 4
    assert doubly_robust(reward, weight, of_logged, of_target).value == pytest.approx(
        0.65
    )
    # (3.5)^2 / (4 + 1 + .25)
    assert inverse_propensity(reward, weight).effective_rows == pytest.approx(7 / 3)


def test_a_policy_judged_by_its_own_log_earns_what_the_log_earned() -> None:
    _, reward, _ = logs(500, 1)
    for estimate in (inverse_propensity, self_normalised):
        found = estimate(reward, np.ones(500))
        assert found.value == pytest.approx(reward.mean())
        # The usual standard error of a share, and the reward that was not seen.
        share = reward.mean()
        usual = np.sqrt(share * (1 - share) / 499)
        assert found.error == pytest.approx(
            np.hypot(usual, 3.689 / 1.96 / 500), rel=1e-3
        )


def test_the_mean_over_all_actions_of_a_world_is_the_truth() -> None:
    """Each (action, reward) once, in proportion to its chance: no luck is left."""
    rows = 1000
    action = np.repeat([0, 0, 1, 1, 2, 2], [12, 588, 15, 285, 10, 90])
    reward = np.repeat([1.0, 0, 1, 0, 1, 0], [12, 588, 15, 285, 10, 90])
    weight = (TARGET / LOGGED)[action]
    of_target = np.full(rows, TARGET @ MODEL)
    for found in (
        inverse_propensity(reward, weight),
        self_normalised(reward, weight),
        doubly_robust(reward, weight, MODEL[action], of_target),
    ):
        assert found.value == pytest.approx(TRUTH)


@pytest.mark.parametrize(
    "name", ["inverse propensity", "self-normalised", "doubly robust"]
)
def test_intervals_hold_the_truth_in_95_of_100_logs(name: str) -> None:
    found = [estimates(4000, seed)[name] for seed in range(400)]
    held = np.mean([low <= TRUTH <= high for low, high in (e.interval for e in found)])
    # Two standard errors of a share of .95 of 400 are .022.
    assert 0.925 <= held <= 0.985
    spread = np.std([each.value for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.12)
    assert np.mean([each.value for each in found]) == pytest.approx(
        TRUTH, abs=4 * spread / np.sqrt(400)
    )


def test_a_true_model_makes_the_doubly_robust_estimate_surer() -> None:
    action, reward, weight = logs(4000, 3)
    known = doubly_robust(
        reward, weight, CHANCES[action], np.full(4000, TARGET @ CHANCES)
    )
    assert known.error < inverse_propensity(reward, weight).error


def test_two_policies_are_compared_row_by_row() -> None:
    _, reward, weight = logs(4000, 5)
    target = self_normalised(reward, weight)
    twin = self_normalised(reward, weight.copy())
    assert difference(target, twin).error == 0
    assert verdict(difference(target, twin)) == "cannot tell"
    logged = self_normalised(reward, np.ones(4000))
    found = difference(target, logged)
    assert found.value == pytest.approx(target.value - logged.value)
    assert verdict(found) == "better"
    assert verdict(difference(logged, target)) == "worse"


@pytest.mark.parametrize("mean", [0.5, 2.0, 5.0])
def test_intervals_hold_where_hardly_anybody_clicks(mean: float) -> None:
    draw = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        reward = np.zeros(300)
        reward[: draw.poisson(mean)] = 1
        low, high = inverse_propensity(reward, np.ones(300)).interval
        held += low <= mean / 300 <= high
    assert held >= 940


def test_no_click_is_no_proof_that_nobody_clicks() -> None:
    found = inverse_propensity(np.zeros(300), np.full(300, 2.0))
    # The exact bound of a Poisson count of 0, -log(.025) = 3.69, times the weight.
    assert found.interval[1] == pytest.approx(-np.log(0.025) * 2 / 300, rel=1e-4)
    # One row of 34 is the target's, and clicks are rare: nothing can be said.
    reward, weight = np.zeros(5000), np.zeros(5000)
    reward[:26], weight[26:173] = 1, 34.0
    logged = self_normalised(reward, np.ones(5000))
    assert verdict(difference(self_normalised(reward, weight), logged)) == "cannot tell"


def test_few_rows_of_weight_tell_nothing() -> None:
    weight = np.zeros(4000)
    reward = np.zeros(4000)
    weight[:20] = 200.0
    reward[:20] = 1.0
    found = inverse_propensity(reward, weight)
    assert found.interval[0] > 0
    assert found.effective_rows == pytest.approx(20)
    assert verdict(found) == "cannot tell"


def test_a_weight_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="highest inf"):
        inverse_propensity(np.ones(2), np.array([1.0, np.inf]))
    with pytest.raises(ValueError, match="shapes"):
        self_normalised(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="all weights are 0"):
        self_normalised(np.ones(2), np.zeros(2))
