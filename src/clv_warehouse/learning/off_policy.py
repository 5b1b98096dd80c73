"""What another policy would have earned, from what the logged one showed and earned.

A policy shows an action (a product, a message) with a chance that it knows, its
propensity. A logged row counts with the target policy's chance of the same action over
the logged chance, its weight. Estimators of the mean reward under the target:

- inverse propensity (Horvitz & Thompson 1952): unbiased if every action that the target
  may show was shown, however rarely; one rare row with a large weight can decide it;
- self-normalised (Swaminathan & Joachims 2015): the weighted mean, steadier and hardly
  biased;
- doubly robust (Dudik, Langford & Li 2011): what a model of the reward expects,
  corrected by inverse propensity where rewards differ from it; unbiased even if the
  model is wrong, and steadier if it is good.

An estimate keeps what each row adds to it. So two policies judged on the same log are
compared row by row, and what they share cancels out.

By the spread of the rows alone, a policy whose rows had no reward would surely earn
nothing. So an error also has the reward that was not seen: with no reward among n rows
of one weight, the true mean may still be 3.69 rewards over n (the exact bound of a
Poisson count of 0), and the interval reaches as far.
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Floats

# Half the width of a 95 % interval, in standard errors.
Z = 1.959964
# Half the 97.5 % point of chi-squared with two degrees of freedom: the mean number of
# rewards that may be true where none was seen.
UNSEEN = 3.688879
# Below so many rows of equal weight an interval by the normal law is too narrow.
FEWEST_ROWS = 30


@dataclass(frozen=True)
class Estimate:
    """A mean reward and how sure it is.

    Attributes:
        value: the estimate.
        parts: what each logged row adds, shape (n,); their mean is the value.
        weights: what a reward of each row would add, shape (n,).
        largest_reward: the largest of the log; 1 where there was none.
        effective_rows: how many rows of equal weight would be as sure
            (Kish 1965: the squared sum of the weights over the sum of their squares).

    """

    value: float
    parts: Floats
    weights: Floats
    largest_reward: float
    effective_rows: float

    @property
    def error(self) -> float:
        """Standard error, of independent rows and of the reward that was not seen."""
        rows = len(self.parts)
        seen = self.parts.std(ddof=1) / np.sqrt(rows)
        largest = float(np.abs(self.weights).max()) * self.largest_reward
        return float(np.hypot(seen, UNSEEN / Z * largest / rows))

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds that hold the true mean in 95 of 100 logs, or more."""
        return self.value - Z * self.error, self.value + Z * self.error


def inverse_propensity(rewards: Floats, weights: Floats) -> Estimate:
    """Mean of weight times reward; both of shape (n,)."""
    _check(rewards, weights)
    parts = weights * rewards
    return _estimate(float(parts.mean()), parts, weights, rewards)


def self_normalised(rewards: Floats, weights: Floats) -> Estimate:
    """Mean of the rewards, weighted. Raises ValueError if all weights are 0.

    The error is that of a ratio of means, by its linear terms.
    """
    _check(rewards, weights)
    total = weights.mean()
    if total <= 0:
        raise ValueError("the target never does what the log shows: all weights are 0")
    value = float((weights * rewards).mean() / total)
    parts = value + weights * (rewards - value) / total
    return _estimate(value, parts, weights / total, rewards)


def doubly_robust(
    rewards: Floats, weights: Floats, of_logged: Floats, of_target: Floats
) -> Estimate:
    """Mean of what a model expects of the target, corrected by what it missed.

    `of_logged` is what the model expects of each row's own action, `of_target` what it
    expects of the target's actions in its place, on average by the target's chances;
    all of shape (n,). The model must not have learned from these rows.
    """
    _check(rewards, weights, of_logged, of_target)
    parts = of_target + weights * (rewards - of_logged)
    return _estimate(float(parts.mean()), parts, weights, rewards)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Estimate by how much one policy earns more than another on the same log."""
    return Estimate(
        one.value - other.value,
        one.parts - other.parts,
        one.weights - other.weights,
        max(one.largest_reward, other.largest_reward),
        min(one.effective_rows, other.effective_rows),
    )


def verdict(estimate: Estimate) -> str:
    """What a difference between two policies says: better, worse or cannot tell."""
    low, high = estimate.interval
    if estimate.effective_rows < FEWEST_ROWS or low <= 0 <= high:
        return "cannot tell"
    return "better" if low > 0 else "worse"


def _estimate(
    value: float, parts: Floats, weights: Floats, rewards: Floats
) -> Estimate:
    squares = float((weights**2).sum())
    return Estimate(
        value=value,
        parts=parts,
        weights=weights,
        largest_reward=float(np.abs(rewards).max()) or 1.0,
        effective_rows=float(weights.sum()) ** 2 / squares if squares else 0.0,
    )


def _check(rewards: Floats, weights: Floats, *others: Floats) -> None:
    shapes = {each.shape for each in (rewards, weights, *others)}
    if len(shapes) > 1 or rewards.ndim != 1 or len(rewards) < 2:
        raise ValueError(
            f"rewards and weights have the shapes {sorted(shapes)}; give one "
            "number per logged row, of two rows at least"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(
            f"the lowest weight is {weights.min()}, the highest {weights.max()}; a "
            "weight is a chance over a logged propensity above 0"
        )
