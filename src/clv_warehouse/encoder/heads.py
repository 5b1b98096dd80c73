"""Heads: what an encoder adds to rules that say whether and what customers will buy.

A rule is a logistic regression on habits.py, which needs no encoder. A head is one on
what the rule says and what the encoder says. Both learn what happened in the window
after a day from numbers as of that day, by an encoder that knows nothing later. There
are six pairs of them:

    purchase        whether customers who have bought buy again,
    first_purchase  whether customers who have only looked around buy,
    category        from which categories customers buy,
    first_product   which products those buy first who have only looked around,

and of 91 days, in a shop that is old enough,

    churn           whether customers who have bought buy nothing,
    first_purchase  as above.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from scipy.special import expit

from clv_warehouse.encoder.habits import habits, has_bought, has_visited
from clv_warehouse.encoder.histories import PURCHASE, Histories
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.seen import MOST_CUSTOMERS, Catalogue, Pairs, Seen, softmax
from clv_warehouse.learning.logistic import Logistic
from clv_warehouse.project.arrays import Bools, Floats, Ints

REPEAT, FIRST, CATEGORY, PRODUCT, CHURN = HEADS = (
    "purchase",
    "first_purchase",
    "category",
    "first_product",
    "churn",
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
# The longer time, for which churn and the chance of a first purchase are said.
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

    @classmethod
    def of_rule(cls, rule: Logistic, numbers: int) -> Self:
        """Return one that says what its rule says, whatever numbers the encoder has."""
        return cls(rule, Logistic(np.r_[1.0, np.zeros(numbers)], 0.0))

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
        long: those of LONG_DAYS; no first purchase if nobody had only looked around so
            long ago, and no churn in a shop that is too young.

    """

    by_name: Mapping[str, Head]
    categories: tuple[str, ...]
    long: Mapping[str, Head]

    @classmethod
    def fit(
        cls,
        encoder: Encoder,
        histories: Histories,
        products: pa.Table,
        window: int,
        before: Encoder | None = None,
        accepted: Collection[tuple[str, int]] = (),
    ) -> Self:
        """Learn from the window after the encoder's last day.

        And from LONG_DAYS after the last day of `before`, an encoder that ends earlier,
        or None if the shop is too young for one. `products` are rows of
        product_popularity, and `accepted` are names and days of heads that may speak.
        """
        day = encoder.end
        catalogue = Catalogue.of(products, histories.until(day))
        seen = Seen.at(encoder, histories, day, catalogue.at(histories, day, window))
        by_name = fit(seen, histories, window)
        long: dict[str, Head] = {}
        if before:
            long = fit_long(
                Seen.at(before, histories, before.end, catalogue), histories
            )
        elif window < LONG_DAYS:
            rule = _long_rule(histories, day + window - LONG_DAYS)
            if rule:
                long = {FIRST: Head.of_rule(rule, seen.log_odds.shape[1])}
        return cls(
            _accepting(by_name, window, accepted),
            catalogue.names,
            _accepting(long, LONG_DAYS, accepted),
        )

    def to_json(self) -> str:
        """Write them."""
        return json.dumps(
            {
                "heads": _told_of(self.by_name),
                "categories": self.categories,
                "long": _told_of(self.long),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read them; raises ValueError or KeyError if they cannot be read."""
        told = json.loads(text)
        return cls(
            _read_heads(told["heads"]),
            tuple(told["categories"]),
            _read_heads(told["long"]),
        )


def _accepting(
    heads: Mapping[str, Head], days: int, accepted: Collection[tuple[str, int]]
) -> dict[str, Head]:
    # A head that had too little to learn from says what its rule says.
    return {
        name: replace(
            head,
            is_accepted=(name, days) in accepted and bool(head.head.weights[1:].any()),
        )
        for name, head in heads.items()
    }


def _told_of(heads: Mapping[str, Head]) -> dict[str, Any]:
    return {
        name: {
            "rule": _told(head.rule),
            "head": _told(head.head),
            "is_accepted": head.is_accepted,
        }
        for name, head in sorted(heads.items())
    }


def _read_heads(told: dict[str, Any]) -> dict[str, Head]:
    return {
        name: Head(_read(each["rule"]), _read(each["head"]), each["is_accepted"])
        for name, each in told.items()
    }


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
    happened, bought = seen.happened(histories, window)
    found = _fit_purchases(seen, happened, REPEAT)
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


def fit_long(seen: Seen, histories: Histories) -> dict[str, Head]:
    """Learn rules and heads from who bought in the LONG_DAYS after a day.

    Where too few did, the rule is their share.
    """
    happened, _ = seen.happened(histories, LONG_DAYS)
    return _fit_purchases(seen, happened, CHURN)


def _fit_purchases(seen: Seen, bought: Bools, of_buyers: str) -> dict[str, Head]:
    found: dict[str, Head] = {}
    for name, some, happened, is_enough in _groups(seen, bought, of_buyers):
        if is_enough:
            found[name] = Head.fit(some.habits, some.log_odds, happened)
        elif len(happened):
            rule = rate(happened, some.habits.shape[1])
            found[name] = Head.of_rule(rule, some.log_odds.shape[1])
    return found


def _groups(
    seen: Seen, bought: Bools, of_buyers: str
) -> Iterator[tuple[str, Seen, Bools, bool]]:
    """Yield the head that is asked, whom it is asked of, what happened, and if enough.

    Of who has bought, `of_buyers` is asked, and of the others FIRST.
    """
    for name, kept in ((of_buyers, seen.has_bought), (FIRST, ~seen.has_bought)):
        happened = ~bought[kept] if name == CHURN else bought[kept]
        yield name, seen.where(kept), happened, _is_enough(bought[kept])


def judge(
    heads: Mapping[str, Head], seen: Seen, histories: Histories, window: int
) -> Iterator["Case"]:
    """Yield the cases by which heads are judged in the window after a day.

    A head is judged only where enough customers bought.
    """
    happened, bought = seen.happened(histories, window)
    yield from _judge_purchases(heads, seen, happened, REPEAT, log_loss)
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


def judge_long(
    heads: Mapping[str, Head], seen: Seen, histories: Histories
) -> Iterator["Case"]:
    """Yield the cases by which heads are judged in the LONG_DAYS after a day.

    In so long a time a season passes, and all buy more or fewer than before. Which of
    rule and head is nearer to that says nothing of the next season, so neither is
    judged by it.
    """
    happened, _ = seen.happened(histories, LONG_DAYS)
    yield from _judge_purchases(heads, seen, happened, CHURN, levelled_loss)


def _judge_purchases(
    heads: Mapping[str, Head],
    seen: Seen,
    bought: Bools,
    of_buyers: str,
    loss: Callable[[Floats, Bools], Floats],
) -> Iterator["Case"]:
    for name, some, happened, is_enough in _groups(seen, bought, of_buyers):
        if name in heads and is_enough:
            losses = [
                loss(heads[name].log_odds(some.habits, some.log_odds, each), happened)
                for each in (False, True)
            ]
            yield from _cases(name, some.customers, losses)


def _is_enough(bought: Bools) -> bool:
    return bool(bought.sum() >= FEWEST_BUYERS and not bought.all())


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


def levelled_loss(log_odds: Floats, happened: Bools) -> Floats:
    """Return log_loss once all log-odds are shifted alike, to the share that happened.

    Something happened to some and not to others.
    """
    # Imported late: what scores does not judge.
    from scipy.optimize import brentq

    share = happened.mean()
    shift = brentq(lambda by: expit(log_odds + by).mean() - share, -30, 30)
    return log_loss(log_odds + shift, happened)
