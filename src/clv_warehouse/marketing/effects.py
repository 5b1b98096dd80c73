"""Estimates what an offer does to each customer, from customers whom chance assigned.

The pseudo-outcome of a customer is an unbiased, noisy reading of the effect on them
(Kennedy 2020, "DR-learner"): what two regressions expect with and without the offer,
corrected by what really came, weighted by the chance of the arm. Because chance
assigned, it is unbiased however wrong the regressions are; good ones lessen the noise.
A regression of the pseudo-outcomes on what is known of customers ranks them.

A ranking is judged on customers from whom it was not learned: they are split into
FOLDS, SPLITS times, because one split may be lucky.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from clv_warehouse.marketing.basis import Basis
from clv_warehouse.marketing.linear import Linear
from clv_warehouse.marketing.qini import Qini, qini
from clv_warehouse.project.arrays import Bools, Floats, Ints

FOLDS, SPLITS = 5, 4
# An arm of fewer customers says too little of single ones.
LEAST = 50


@dataclass(frozen=True)
class Cases:
    """Customers of whom chance decided whether they got an offer.

    Attributes:
        known: what was known of each before, a table of n rows.
        outcome: what came, shape (n,).
        is_treated: whether they got the offer.
        chance: of getting it, above 0 and below 1.
        experiment: number of the experiment from 0; outcomes of different ones are
            never compared.
        customer: number of the customer from 0; one may be in several experiments.

    """

    known: pa.Table
    outcome: Floats
    is_treated: Bools
    chance: Floats
    experiment: Ints
    customer: Ints

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.outcome)

    def part(self, rows: Bools) -> Self:
        """Return some of the rows."""
        return replace(
            self,
            known=self.known.filter(pa.array(rows)),
            outcome=self.outcome[rows],
            is_treated=self.is_treated[rows],
            chance=self.chance[rows],
            experiment=self.experiment[rows],
            customer=self.customer[rows],
        )

    def centred(self) -> Self:
        """Take off each experiment's level, midway between the means of its arms."""
        count = int(self.experiment.max()) + 1 if len(self) else 0
        level = np.zeros(count)
        for treated in (False, True):
            side = self.is_treated == treated
            people = np.bincount(self.experiment[side], minlength=count)
            total = np.bincount(self.experiment[side], self.outcome[side], count)
            level += total / np.maximum(people, 1) / 2
        return replace(self, outcome=self.outcome - level[self.experiment])

    @property
    def arms(self) -> tuple[int, int]:
        """How many got the offer, and how many did not."""
        treated = int(self.is_treated.sum())
        return treated, len(self) - treated

    def folds(self) -> Iterator[Bools]:
        """Yield the rows that are held out, fold by fold, each row SPLITS times."""
        draw = np.random.default_rng(1)
        for _ in range(SPLITS):
            shuffled = draw.permutation(int(self.customer.max()) + 1)
            fold = shuffled[self.customer] % FOLDS
            for number in range(FOLDS):
                yield fold == number


def pseudo_outcomes(cases: Cases, basis: Basis) -> Floats:
    """Return an unbiased, noisy reading of the effect on each customer, shape (n,)."""
    columns = basis.of_customers(cases.known)
    treated = cases.is_treated
    with_it = Linear.fit(columns[treated], cases.outcome[treated]).predict(columns)
    without = Linear.fit(columns[~treated], cases.outcome[~treated]).predict(columns)
    return (
        with_it
        - without
        + np.where(treated, (cases.outcome - with_it) / cases.chance, 0.0)
        - np.where(treated, 0.0, (cases.outcome - without) / (1 - cases.chance))
    )


@dataclass(frozen=True)
class Ranking:
    """Expects an effect of each customer from what is known of them."""

    basis: Basis
    linear: Linear

    @classmethod
    def fit(cls, cases: Cases, features: Sequence[str]) -> Self:
        """Learn from some cases; `features` are columns of what is known."""
        basis = Basis.of(cases.known, features)
        effects = pseudo_outcomes(cases, basis)
        return cls(basis, Linear.fit(basis.of_customers(cases.known), effects))

    def effects(self, known: pa.Table) -> tuple[Floats, Floats]:
        """Return the expected effect on each customer, and its standard deviation."""
        columns = self.basis.of_customers(known)
        return self.linear.predict(columns), self.linear.error(columns)


@dataclass(frozen=True)
class Average:
    """An effect on average, and how sure it is."""

    effect: float
    error: float
    treated: int
    untreated: int


def average(cases: Cases, effects: Floats) -> Average:
    """Average readings of effects; those of one customer count as one reading."""
    of_customer = np.bincount(cases.customer, effects - effects.mean())
    error = float(np.sqrt((of_customer**2).sum())) / len(effects)
    return Average(float(effects.mean()), error, *cases.arms)


def shrunken(parts: dict[str, Average], whole: Average) -> dict[str, Average]:
    """Draw the averages of groups to the whole, the less sure ones further.

    How much groups really differ is what their spread has beyond chance (DerSimonian &
    Laird 1986). A group of which nothing is known has the whole's average.
    """
    effect = np.array([each.effect for each in parts.values()])
    variance = np.array([each.error**2 for each in parts.values()])
    if len(parts) < 2 or (variance <= 0).any():
        return dict.fromkeys(parts, whole)
    weight = 1 / variance
    mean = (weight * effect).sum() / weight.sum()
    beyond = (weight * (effect - mean) ** 2).sum() - (len(parts) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(0.0, beyond / scale)
    own = between / (between + variance)
    error = np.sqrt(own * variance + (1 - own) ** 2 * whole.error**2)
    return {
        name: replace(
            part,
            effect=float(share * part.effect + (1 - share) * whole.effect),
            error=float(unsure),
        )
        for (name, part), share, unsure in zip(parts.items(), own, error, strict=True)
    }


def held_out_effects(cases: Cases, features: Sequence[str]) -> Floats:
    """Return how much above average others let expect the effect to be, shape (n,).

    Where chance gave a fold large effects, the others have a low average: ranked by it,
    the fold would come last. So the averages do not count.
    """
    found = np.zeros(len(cases))
    for held_out in cases.folds():
        if held_out.any():
            ranking = Ranking.fit(cases.part(~held_out), features)
            known = cases.known.filter(pa.array(held_out))
            found[held_out] += ranking.effects(known)[0] - ranking.linear.mean
    return found / SPLITS


def judged(cases: Cases, features: Sequence[str]) -> Qini:
    """Judge the ranking of customers that it did not learn from."""
    if min(cases.arms) < LEAST:
        return Qini(0.0, 0.0, 0.0)
    cases = cases.centred()
    return qini(
        held_out_effects(cases, features),
        cases.outcome,
        cases.is_treated,
        cases.chance,
        cases.customer,
    )
