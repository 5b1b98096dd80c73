"""Heads: what an encoder adds to rules that say whether and what customers will buy.

A rule is a logistic regression on habits.py, which needs no encoder. A head is one on
what the rule says and what the encoder says. Both learn what happened in the window
after a day from numbers as of that day, by an encoder that knows nothing later. There
are four pairs of them:

    purchase        whether customers who have bought buy again,
    first_purchase  whether customers who have only looked around buy,
    category        from which categories customers buy,
    first_product   which products those buy first who have only looked around.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from clv_warehouse.encoder.habits import habits, has_bought, has_visited
from clv_warehouse.encoder.histories import PURCHASE, Histories
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.seen import MOST_CUSTOMERS, Catalogue, Pairs, Seen, softmax
from clv_warehouse.learning.logistic import Logistic
from clv_warehouse.project.arrays import Bools, Floats, Ints

REPEAT, FIRST, CATEGORY, PRODUCT = HEADS = (
    "purchase",
    "first_purchase",
    "category",
    "first_product",
)
# How strongly weights of standardised numbers are drawn to 0. With 30, those who have
# only looked around are judged better than with 1 where thirty of them buy in a window
# (log loss .0951 and .0952), and those of Online Retail II hardly worse (.3143, .3136).
RIDGE = 30.0
# A head is learned and judged only where so many customers bought.
FEWEST_BUYERS = 20
# Of so many customers items are learned and judged.
MOST_OF_ITEMS = 4_000
# Products beside those bought that are drawn for each buyer to learn from.
OTHERS = 200
# How many categories and products of a customer are said, and judged.
LENGTHS = {CATEGORY: 3, PRODUCT: 10}
# The longer time for which the chance of a first purchase is said.
LONG_DAYS = 91


@dataclass(frozen=True)
class Head:
    """A rule, and what reads the encoder beside it.

    Attributes:
        rule: reads habits, or the numbers of pairs.
        head: reads what the rule says, and then what the encoder says.
        is_accepted: whether the head speaks, or the rule alone.

    """

    rule: Logistic
    head: Logistic
    is_accepted: bool = False

    @classmethod
    def fit(cls, rule: Floats, encoder: Floats, happened: Bools) -> Self:
        """Fit both to numbers of shapes (n, k) and (n, j), and what happened, (n,)."""
        first = Logistic.fit(rule, happened, RIDGE)
        both = np.column_stack([log_odds_of(first, rule), encoder])
        return cls(first, Logistic.fit(both, happened, RIDGE))

    def log_odds(
        self, rule: Floats, encoder: Floats, reads_encoder: bool | None = None
    ) -> Floats:
        """Return log-odds, of the numbers' shape but for the last axis."""
        found = log_odds_of(self.rule, rule)
        if self.is_accepted if reads_encoder is None else reads_encoder:
            both = np.concatenate([found[..., None], encoder], -1)
            found = log_odds_of(self.head, both)
        return found


def log_odds_of(model: Logistic, numbers: Floats) -> Floats:
    """Return the log-odds of numbers (..., k)."""
    # Sum by sum, so that the last digit does not depend on the batch.
    return (numbers * model.weights).sum(-1) + model.intercept


@dataclass(frozen=True)
class Heads:
    """What customers are asked by, as it is stored with the encoders.

    Attributes:
        by_name: the heads that there was enough to learn from.
        categories: names of the categories that count.
        long_rule: of a first purchase within LONG_DAYS; None if nobody had only looked
            around so long ago.

    """

    by_name: Mapping[str, Head]
    categories: tuple[str, ...]
    long_rule: Logistic | None = None

    @classmethod
    def fit(
        cls,
        encoder: Encoder,
        histories: Histories,
        products: pa.Table,
        window: int,
        accepted: Collection[str] = (),
    ) -> Self:
        """Learn from the window after the encoder's last day.

        `products` are rows of product_popularity, and `accepted` names heads that may
        speak.
        """
        day = encoder.end
        catalogue = Catalogue.of(products, histories.until(day))
        seen = Seen.at(encoder, histories, day, catalogue.at(histories, day, window))
        # A head that had too little to learn from says what its rule says.
        by_name = {
            name: replace(
                head, is_accepted=name in accepted and bool(head.head.weights[1:].any())
            )
            for name, head in fit(seen, histories, window).items()
        }
        long = None
        if FIRST in by_name and window < LONG_DAYS:
            long = _long_rule(histories, day + window - LONG_DAYS)
        return cls(by_name, catalogue.names, long)

    def to_json(self) -> str:
        """Write them."""
        return json.dumps(
            {
                "heads": {
                    name: {
                        "rule": _told(head.rule),
                        "head": _told(head.head),
                        "is_accepted": head.is_accepted,
                    }
                    for name, head in sorted(self.by_name.items())
                },
                "categories": self.categories,
                "long_rule": self.long_rule and _told(self.long_rule),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read them; raises ValueError or KeyError if they cannot be read."""
        told = json.loads(text)
        return cls(
            {
                name: Head(
                    _read(each["rule"]), _read(each["head"]), each["is_accepted"]
                )
                for name, each in told["heads"].items()
            },
            tuple(told["categories"]),
            _read(told["long_rule"]) if told["long_rule"] else None,
        )


def _told(model: Logistic) -> dict[str, Any]:
    return {"weights": model.weights.tolist(), "intercept": model.intercept}


def _read(told: dict[str, Any]) -> Logistic:
    return Logistic(np.array(told["weights"]), told["intercept"])


def _long_rule(histories: Histories, day: int) -> Logistic | None:
    known = histories.until(day)
    customers = np.flatnonzero(~has_bought(known) & has_visited(known))
    customers = customers[:MOST_CUSTOMERS]
    later = (histories.day > day) & (histories.day <= day + LONG_DAYS)
    bought = histories.customer[later & (histories.numbers[:, PURCHASE] > 0)]
    happened = np.isin(customers, bought)
    if not len(customers):
        return None
    numbers = habits(known, customers, day)
    if not _is_enough(happened):
        return rate(happened, numbers.shape[1])
    return Logistic.fit(numbers, happened, RIDGE)


def fit(seen: Seen, histories: Histories, window: int) -> dict[str, Head]:
    """Learn rules and heads from what customers did in the window after a day.

    Where too few bought, the rule of a purchase is their share, and those of categories
    and products are not there.
    """
    found: dict[str, Head] = {}
    happened, bought = seen.happened(histories, window)
    for name, kept in ((REPEAT, seen.has_bought), (FIRST, ~seen.has_bought)):
        if _is_enough(happened[kept]):
            found[name] = Head.fit(
                seen.habits[kept], seen.log_odds[kept], happened[kept]
            )
        elif kept.any():
            # The head says what the rule says.
            rule = rate(happened[kept], seen.habits.shape[1])
            weights = np.r_[1.0, np.zeros(seen.log_odds.shape[1])]
            found[name] = Head(rule, Logistic(weights, 0.0))
    draw = np.random.default_rng(1)
    for name in LENGTHS:
        some = [
            (pairs.rule[kept], pairs.encoder[kept], wanted[kept])
            for _, pairs, wanted in _of_items(name, seen, bought, found)
            for share in [OTHERS / wanted.shape[1] if name == PRODUCT else 1.0]
            for kept in [wanted | (draw.random(wanted.shape) < share)]
        ]
        if some:
            found[name] = Head.fit(*map(np.concatenate, zip(*some, strict=True)))
    return found


def judge(
    heads: Mapping[str, Head], seen: Seen, histories: Histories, window: int
) -> Iterator["Case"]:
    """Yield the cases by which heads are judged in the window after a day.

    A head is judged only where enough customers bought.
    """
    happened, bought = seen.happened(histories, window)
    for name, kept in ((REPEAT, seen.has_bought), (FIRST, ~seen.has_bought)):
        if name in heads and _is_enough(happened[kept]):
            losses = [
                log_loss(
                    heads[name].log_odds(seen.habits[kept], seen.log_odds[kept], each),
                    happened[kept],
                )
                for each in (False, True)
            ]
            yield from _cases(name, seen.customers[kept], losses)
    for name in LENGTHS:
        if name not in heads:
            continue
        for block, pairs, wanted in _of_items(name, seen, bought, heads):
            scores = [
                heads[name].log_odds(pairs.rule, pairs.encoder, each)
                for each in (False, True)
            ]
            losses = [
                log_loss(each, wanted).sum(1)
                if name == CATEGORY
                else -(np.log(softmax(each)) * wanted).sum(1) / wanted.sum(1)
                for each in scores
            ]
            yield from _cases(name, block.customers, losses, scores, wanted)


def _is_enough(happened: Bools) -> bool:
    return bool(happened.sum() >= FEWEST_BUYERS and not happened.all())


def rate(happened: Bools, numbers: int) -> Logistic:
    """Return the rule that everybody is as likely to buy."""
    bought, others = happened.sum() + 0.5, (~happened).sum() + 0.5
    return Logistic(np.zeros(numbers), float(np.log(bought / others)))


def _of_items(
    name: str, seen: Seen, bought: sp.csr_matrix, heads: Mapping[str, Head]
) -> Iterator[tuple[Seen, Pairs, Bools]]:
    """Customers of whom a head says items, block by block, and what they bought.

    Nobody where too few bought.
    """
    if name == CATEGORY:
        chosen = np.arange(min(len(seen.customers), MOST_OF_ITEMS))
        wanted = sp.csr_matrix(bought @ seen.catalogue.categories)
    else:
        wanted = bought[:, seen.catalogue.places_of(seen.encoder)]
        chosen = np.flatnonzero(~seen.has_bought & (np.diff(wanted.indptr) > 0))
        chosen = chosen[:MOST_OF_ITEMS]
    wanted = wanted[chosen]
    if wanted.shape[1] < 2 or (np.diff(wanted.indptr) > 0).sum() < FEWEST_BUYERS:
        return
    start = 0
    for block in seen.where(chosen).blocks(wanted.shape[1]):
        end = start + len(block.customers)
        yield block, pairs_of(name, block, heads), wanted[start:end].toarray() > 0
        start = end


def pairs_of(name: str, seen: Seen, heads: Mapping[str, Head]) -> Pairs:
    """Return the numbers of pairs that a head of items reads."""
    if name == CATEGORY:
        return Pairs.of_categories(seen, any_purchase(heads, seen))
    return Pairs.of_products(seen)


def any_purchase(heads: Mapping[str, Head], seen: Seen) -> Floats:
    """Return log-odds of a purchase in the window as rules say them, shape (c,)."""
    found = np.zeros(len(seen.customers))
    for name, kept in ((REPEAT, seen.has_bought), (FIRST, ~seen.has_bought)):
        if name in heads:
            found[kept] = log_odds_of(heads[name].rule, seen.habits[kept])
    return found


@dataclass(frozen=True)
class Case:
    """How one customer judges a head: what the rule and the head lose, and find.

    Attributes:
        head: which.
        customer: the customer's place.
        losses: -log of the chance of what happened, by the rule and by the head; the
            sum over categories, the mean over products bought.
        recalls: share of what they bought that was in the list of each; None where
            there is no list, or nothing was bought.

    """

    head: str
    customer: int
    losses: tuple[float, float]
    recalls: tuple[float, float] | None


def _cases(
    name: str,
    customers: Ints,
    losses: Sequence[Floats],
    scores: Sequence[Floats] = (),
    wanted: Bools | None = None,
) -> Iterator[Case]:
    hits: list[Floats] = []
    if wanted is not None:
        length = min(LENGTHS[name], wanted.shape[1])
        for each in scores:
            top = np.argsort(-each, 1, kind="stable")[:, :length]
            hit = np.take_along_axis(wanted, top, 1).sum(1)
            hits.append(hit / np.maximum(np.minimum(wanted.sum(1), length), 1))
    for row, customer in enumerate(customers.tolist()):
        rule, head = (float(each[row]) for each in losses)
        told = None
        if wanted is not None and wanted[row].any():
            told = (float(hits[0][row]), float(hits[1][row]))
        yield Case(name, customer, (rule, head), told)


def log_loss(log_odds: Floats, happened: Bools) -> Floats:
    """Return -log of the chance of what happened."""
    return np.logaddexp(0, np.where(happened, -log_odds, log_odds))
