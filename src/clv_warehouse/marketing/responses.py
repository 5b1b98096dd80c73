"""How new customers of a budget follow the money that is spent, week by week.

A budget (a campaign of a channel) brings customers whom its money wins, and is credited
with others who would have come anyway. In week t it is expected to have

    level * trend_t * season_t * (1 - share + share * hill(x_t) / hill(1))

new customers, where x_t is the week's spend over its mean, both over the trend (a
market twice as large takes twice the money), and hill(x) = x ** slope / (x ** slope +
half ** slope): returns diminish. The trend and the season are those of customers whom
no spend claims. `share`, `half` and `slope` lie on a grid, and each cell of it has a
probability: the likelihood of the weeks (Poisson, widened by how much weeks scatter),
times what the other budgets of the shop say of the cell. So a budget that says little
has the shape of the others (empirical Bayes).

Sources: Jin et al. (2017), "Bayesian Methods for Media Mix Modeling with Carryover
and Shape Effects", for the Hill curve; Efron (2010), "Large-Scale Inference", chapter
1, for the shared prior.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.project.arrays import Floats

SHARES = np.linspace(0, 1, 11)
HALVES = np.geomspace(0.2, 5, 8)
SLOPES = np.array([1.0, 1.5, 2.0])
# How strongly the prior over cells is held near an even one, as a number of budgets.
EVEN_BUDGETS = 2.0
ITERATIONS = 30
DAYS_A_YEAR = 365.25
# So many weeks tell a season from a trend.
LEAST_WEEKS_OF_SEASON = 78
LEAST_WEEKS = 13
RECENT_WEEKS = 13


@dataclass(frozen=True, eq=False)
class Demand:
    """How many customers came whatever was spent, shape (weeks,) each.

    Attributes:
        trend: 1 on average of the last weeks.
        season: 1 on average of all weeks.

    """

    trend: Floats
    season: Floats


@dataclass(frozen=True, eq=False)
class Responses:
    """Curves of what money brings; each draw of them may be the truth.

    Attributes:
        mean_spend: weekly spend at today's size of the market, shape (budgets,).
        level: customers of a usual week at that spend, shape (draws, budgets).
        share: of them, the part that the money brings, shape (draws, budgets).
        half, slope: the shape of the curve, shape (draws, budgets).
        scatter: variance of a week's customers over their mean, at least 1.

    """

    mean_spend: Floats
    level: Floats
    share: Floats
    half: Floats
    slope: Floats
    scatter: float

    def customers(self, spend: Floats) -> Floats:
        """New customers of a usual week, (draws, budgets, n) for spend (budgets, n)."""
        ratio = spend / self.mean_spend[:, None]
        half, slope = self.half[..., None], self.slope[..., None]
        brought = _hill(ratio[None], half, slope) / _hill(1.0, half, slope)
        share = self.share[..., None]
        return self.level[..., None] * (1 - share + share * brought)


def demand(week: NDArray[np.datetime64], customers: Floats) -> Demand:
    """Tell trend from season in the customers of each week.

    A Poisson regression on time and two harmonics of the year, fitted by iterated
    weighted least squares with a slight ridge.
    """
    weeks = len(week)
    years = (week - week[0]).astype("timedelta64[D]").astype(float) / DAYS_A_YEAR
    columns = [years - years.mean()]
    if weeks >= LEAST_WEEKS_OF_SEASON:
        for harmonic in (1, 2):
            angle = 2 * np.pi * harmonic * years
            columns += [np.sin(angle), np.cos(angle)]
    inputs = np.column_stack([np.ones(weeks), *columns])
    ridge = np.eye(inputs.shape[1])
    ridge[0, 0] = 0
    weights = np.zeros(inputs.shape[1])
    weights[0] = np.log(max(customers.mean(), 1e-9))
    for _ in range(25):
        mean = np.exp(np.clip(inputs @ weights, -20, 20))
        gradient = inputs.T @ (customers - mean) - ridge @ weights
        weights += np.linalg.solve((inputs.T * mean) @ inputs + ridge, gradient)
    trend = np.exp(inputs[:, 1] * weights[1])
    season = np.exp(inputs[:, 2:] @ weights[2:])
    return Demand(trend / trend[-RECENT_WEEKS:].mean(), season / season.mean())


def fit_responses(
    known: Demand,
    spend: Floats,
    customers: Floats,
    draws: int,
    generator: np.random.Generator,
) -> Responses:
    """Learn the budgets' curves; shapes are (budgets, weeks), spend is 0 or more.

    Raises ValueError if a budget spent nothing in all, or there are no weeks.
    """
    size = spend / known.trend
    mean_spend = size.mean(axis=1)
    if not (spend.size and (mean_spend > 0).all()):
        raise ValueError("each budget needs weeks, and spend above 0 in all of them")
    share, half, slope = (
        cell.ravel() for cell in np.meshgrid(SHARES, HALVES, SLOPES, indexing="ij")
    )
    ratio = size / mean_spend[:, None]
    brought = _hill(ratio[:, None], half[:, None], slope[:, None])
    brought /= _hill(1.0, half, slope)[:, None]
    # (budgets, cells, weeks), but for the level.
    shape = (1 - share[:, None]) + share[:, None] * brought
    shape = np.maximum(shape * (known.trend * known.season), 1e-9)
    total = customers.sum(axis=1)
    fitted = np.einsum("bw,bcw->bc", customers, np.log(shape))
    exposure = shape.sum(axis=2)
    fitted -= total[:, None] * np.log(exposure)
    scatter = _scatter(customers, shape, exposure, fitted)
    chance = _chances(fitted / scatter)
    cells = np.stack(
        [generator.choice(len(share), draws, p=each) for each in chance], axis=1
    )
    budgets = np.arange(len(total))
    level = generator.gamma((total + 0.5) / scatter, 1.0, (draws, len(total)))
    level *= scatter / exposure[budgets, cells]
    return Responses(
        mean_spend, level, share[cells], half[cells], slope[cells], scatter
    )


def _hill(ratio: Floats | float, half: Floats, slope: Floats) -> Floats:
    lifted = ratio**slope
    return np.asarray(lifted / (lifted + half**slope))


def _scatter(
    customers: Floats, shape: Floats, exposure: Floats, fitted: Floats
) -> float:
    """Pearson's dispersion of weeks around each budget's likeliest curve."""
    budgets = np.arange(len(customers))
    best = fitted.argmax(axis=1)
    mean = (
        shape[budgets, best]
        * (customers.sum(axis=1) / exposure[budgets, best])[:, None]
    )
    mean = np.maximum(mean, 1e-9)
    freedom = max(customers.size - 4 * len(customers), 1)
    return float(max(1.0, ((customers - mean) ** 2 / mean).sum() / freedom))


def _chances(fitted: Floats) -> Floats:
    """Probability of each cell, shape (budgets, cells), with a prior of all budgets.

    The prior is a product of one for each of share, half and slope.
    """
    sizes = (len(SHARES), len(HALVES), len(SLOPES))
    parts = [np.full(size, 1 / size) for size in sizes]
    chance = fitted
    for _ in range(ITERATIONS):
        prior = np.einsum("i,j,k->ijk", *parts).ravel()
        weight = fitted + np.log(prior)
        chance = np.exp(weight - weight.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        grid = chance.sum(axis=0).reshape(sizes)
        for place, size in enumerate(sizes):
            others = tuple(axis for axis in range(3) if axis != place)
            counts = grid.sum(axis=others) + EVEN_BUDGETS / size
            parts[place] = counts / counts.sum()
    return chance
