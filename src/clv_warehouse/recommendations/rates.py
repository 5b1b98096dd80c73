"""How often a product is clicked or bought if people look at it, from few looks.

Counts are Poisson around a rate times the chances there were, and the rates of alike
things are gamma distributed around their common mean. So a product with few looks has
the rate of its category, one with many looks has its own, and the counts themselves say
how much products differ (empirical Bayes; Clayton & Kaldor 1987). Products lie below
categories, categories below the shop, and a segment's rate of a product lies below the
product's, times the segment's liking of the product's price level.

A product high up is seen by more people than one below. The chance that people look at
the place times the product's own rate is the chance of a click (the position-based
model; Richardson, Dominowska & Ragno 2007). Both are fitted in turn until together they
explain the clicks.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from clv_warehouse.project.arrays import Floats, Ints

# How many responses a prior mean may be worth, from the loosest to the tightest.
STRENGTHS = np.geomspace(0.1, 10_000, 61)
# Rounds until places and products explain the clicks; they hardly move after ten.
ROUNDS = 30
# Clicks of an average place, by which a place with few clicks is like the others.
PLACE_CLICKS = 5.0
# Responses by which a segment with few of them is like the whole shop.
SEGMENT_RESPONSES = 20.0


@dataclass(frozen=True)
class Rates:
    """What is believed of some rates: gamma distributions, arrays of one shape.

    Attributes:
        mean: the expected rates.
        shape: how sure; the standard deviation is the mean over its root.

    """

    mean: Floats
    shape: Floats

    def draw(self, generator: np.random.Generator, times: int) -> Floats:
        """Draw rates that may be true, shape (times, n)."""
        draws = generator.standard_gamma(self.shape, (times, *self.mean.shape))
        return draws / self.shape * self.mean


def shrunken(responses: Floats, chances: Floats, prior_mean: Floats) -> Rates:
    """Rates of things that are alike, each drawn to its prior mean; shapes (n,)."""
    expected = prior_mean * chances
    strength = _strength(responses, expected)
    shape = strength + responses
    return Rates(shape / (strength + expected) * prior_mean, shape)


def _strength(responses: Floats, expected: Floats) -> float:
    """Shape of the gamma prior that makes the counts likeliest (negative binomial)."""
    told = expected > 0
    if not told.any():
        return float(STRENGTHS[0])
    responses, expected = responses[told], expected[told]
    likelihoods = [
        (
            gammaln(strength + responses)
            - gammaln(strength)
            - responses * np.log(strength)
            - (strength + responses) * np.log1p(expected / strength)
        ).sum()
        for strength in STRENGTHS
    ]
    return float(STRENGTHS[int(np.argmax(likelihoods))])


def looked_at(
    product: Ints, position: Ints, shown: Floats, clicks: Floats
) -> dict[int, float]:
    """By position, the chance that people look there, beside the first position's.

    One entry per product and position, shapes (n,); position 0 means not known.
    Products must have changed places, for otherwise nobody can tell a good place from a
    good product.
    """
    positions, place = np.unique(position, return_inverse=True)
    effect = np.ones(len(positions))
    clicks_of = np.bincount(product, clicks)
    clicks_at = np.bincount(place, clicks)
    for _ in range(ROUNDS):
        seen = np.bincount(product, shown * effect[place])
        rate = np.divide(clicks_of, seen, out=np.zeros_like(seen), where=seen > 0)
        expected = np.bincount(place, shown * rate[product])
        effect = (clicks_at + PLACE_CLICKS) / (expected + PLACE_CLICKS)
    first = int(np.argmax(positions > 0))
    return dict(zip(positions.tolist(), (effect / effect[first]).tolist(), strict=True))


def by_product(responses: Floats, chances: Floats, category: Ints) -> Rates:
    """Rates of products, each below its category, shapes (n,)."""
    count = int(category.max(initial=0)) + 1
    shop = responses.sum() / max(chances.sum(), 1e-12)
    of_category = shrunken(
        np.bincount(category, responses, count).astype(np.float64),
        np.bincount(category, chances, count).astype(np.float64),
        np.full(count, shop),
    )
    return shrunken(responses, chances, of_category.mean[category])


def by_segment(
    responses: Floats, chances: Floats, products: Rates, level: Ints
) -> Rates:
    """Rates of products in segments, shape (segments, n), each below the product's.

    `level` is each product's price level, shape (n,). A segment that clicks or buys
    more of everything, or of what is dear, does so by one factor per level. The shape
    covers both how unsure the product's rate is and how unsure the segment's taste is.
    """
    expected = products.mean * chances
    factor = (responses.sum(1) + SEGMENT_RESPONSES) / (
        expected.sum(1) + SEGMENT_RESPONSES
    )
    of_level = np.eye(int(level.max(initial=0)) + 1)[level]
    done, due = responses @ of_level, expected @ of_level
    levels = shrunken(done.ravel(), due.ravel(), np.repeat(factor, of_level.shape[1]))
    prior = levels.mean.reshape(done.shape)[:, level] * products.mean
    own = shrunken(responses.ravel(), chances.ravel(), np.ravel(prior))
    mean, shape = own.mean.reshape(prior.shape), own.shape.reshape(prior.shape)
    return Rates(mean, 1 / (1 / products.shape + 1 / shape))
