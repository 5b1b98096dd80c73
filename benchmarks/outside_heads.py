"""Heads beside those of the library, learned at one day and judged at another.

They are models of scikit-learn, and say who buys and who spends how much. Each is
learned from features alone and from features with the encoder's numbers, so that what
these add can be seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clv_warehouse.clv.history import History
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.encoder.histories import (
    AMOUNT,
    MODALITIES,
    NUMBERS,
    PURCHASE,
    RETURNED,
    Histories,
)
from clv_warehouse.project.arrays import Bools, Floats, Ints

RECENT = (14, 28, 56, 91, 182, 365, 5_000)
RECENTLY_SEEN = (7, 28, 91, 365)
RESAMPLES = 1_000
BROWSED = ("views", "carts", "searches")
TOLD = ("reviews", "contacts")


@dataclass(frozen=True)
class Before:
    """What customers were like as of a day, and what a head is to say of them.

    Attributes:
        numbers: what is known, shape (n, k).
        wanted: what they then did, shape (n,).

    """

    numbers: Floats
    wanted: Floats


def chances_of(before: Before, asked: Floats) -> Floats:
    """Chances of what happened before, of those asked for, shape (m,).

    The mean of a logistic regression and of boosted trees.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    heads: tuple[Any, ...] = (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=500)),
        HistGradientBoostingClassifier(
            max_iter=60,
            learning_rate=0.06,
            max_leaf_nodes=8,
            min_samples_leaf=60,
            l2_regularization=10,
            random_state=0,
        ),
    )
    fitted = [each.fit(before.numbers, before.wanted > 0) for each in heads]
    return np.mean([each.predict_proba(asked)[:, 1] for each in fitted], axis=0)


def spends_of(before: Before, asked: Floats) -> Floats:
    """What those asked for will spend, shape (m,), up to a factor.

    The geometric mean of a generalised linear model and of boosted trees.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import TweedieRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    heads: tuple[Any, ...] = (
        make_pipeline(
            StandardScaler(), TweedieRegressor(power=1.5, alpha=0.03, max_iter=300)
        ),
        HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=80,
            learning_rate=0.06,
            max_leaf_nodes=15,
            min_samples_leaf=60,
            l2_regularization=5,
            random_state=0,
        ),
    )
    # What few customers are must not explode in the exponent.
    low, high = np.quantile(before.numbers, [0.001, 0.999], axis=0)
    learned, asked = (np.clip(each, low, high) for each in (before.numbers, asked))
    wanted = before.wanted / before.wanted.mean()
    fitted = [each.fit(learned, wanted) for each in heads]
    logs = [np.log(np.maximum(each.predict(asked), 1e-9)) for each in fitted]
    return np.exp(np.mean(logs, axis=0))


def spent(histories: Histories, after: int, until: int) -> Floats:
    """What each customer spent after a day and up to another, less what came back."""
    within = (histories.day > after) & (histories.day <= until)
    numbers = histories.numbers[within].astype(np.float64)
    net = numbers[:, AMOUNT] - numbers[:, RETURNED]
    count = len(histories.start) - 1
    return np.maximum(np.bincount(histories.customer[within], net, count), 0)


def features(histories: Histories, customers: Ints, day: int) -> Floats:
    """Recency, frequency, amounts and gaps of customers as of a day."""
    known = histories.until(day)
    place = known.customer
    age = (day - known.day).astype(float)
    count = len(known.start) - 1
    first, last = np.zeros(count), np.full(count, np.inf)
    np.maximum.at(first, place, age)
    np.minimum.at(last, place, age)
    gap = known.gap.astype(float)
    columns = [np.log1p(first), np.log1p(np.where(np.isfinite(last), last, 0))]
    for days in RECENT:
        recent = age < days
        columns.append(np.log1p(np.bincount(place[recent], minlength=count)))
        columns.append(
            np.log1p(np.bincount(place[recent], known.numbers[recent, AMOUNT], count))
        )
    times = np.maximum(np.bincount(place, minlength=count), 1)
    mean_gap = np.bincount(place, gap, count) / np.maximum(times - 1, 1)
    columns += [
        np.log1p(mean_gap),
        np.log1p(np.where(np.isfinite(last), last, 0)) - np.log1p(mean_gap),
        np.log1p(np.bincount(place, np.diff(known.bought.indptr), count) / times),
    ]
    return np.column_stack(columns)[customers]


def all_features(histories: Histories, customers: Ints, day: int) -> Floats:
    """The features of days of purchases, and counts of what else was seen of them."""
    known = histories.until(day)
    of_purchases = features(only_purchases(known), customers, day)
    age = (day - known.day).astype(float)
    count = len(known.start) - 1
    last = np.full(count, 2_000.0)
    np.minimum.at(last, known.customer, age)
    columns = [np.log1p(last)]
    for name in (*BROWSED, *TOLD, "returned_amount"):
        each = known.numbers[:, NUMBERS.index(name)]
        for days in RECENTLY_SEEN:
            recent = age < days
            sums = np.bincount(known.customer[recent], each[recent], count)
            columns.append(np.log1p(np.maximum(sums, 0)))
    return np.hstack([of_purchases, np.column_stack(columns)[customers]])


def of_prior(
    histories: Histories, customers: Ints, day: int, horizons: Sequence[int]
) -> Floats:
    """What the prior of a forecast says as of a day, (c, 1 + 2 * horizons).

    The chance of being a customer still, and by horizon the log of the expected spend
    and the chance of a purchase. Whoever has not bought yet has the least of all.
    """
    known = histories.until(day)
    bins = len(known.start) - 1
    is_purchase = known.numbers[:, PURCHASE] > 0
    who, when = known.customer[is_purchase], known.day[is_purchase]
    count = np.bincount(who, minlength=bins)
    has_any = count > 0
    first, last = np.full(bins, day), np.zeros(bins, np.int64)
    np.minimum.at(first, who, when)
    np.maximum.at(last, who, when)
    gross = known.numbers[:, AMOUNT].astype(np.float64)
    mean = np.bincount(who, gross[is_purchase], bins) / np.maximum(count, 1)
    history = History(
        count[has_any] - 1.0,
        (last - first)[has_any],
        day - first[has_any],
        mean[has_any],
        as_of=np.datetime64(day, "D"),
    )
    begin, span = int(when.min()), day - int(when.min()) + 1
    new = np.bincount(first[has_any] - begin, minlength=span).astype(np.float64)
    inside = known.day >= begin
    at, net = known.day[inside] - begin, gross - known.numbers[:, RETURNED]
    days = ShopDays(
        np.arange(begin, day + 1).astype("datetime64[D]"),
        new,
        np.bincount(when - begin, minlength=span) - new,
        np.bincount(at, gross[inside], span).astype(np.float64),
        np.bincount(at, net[inside], span).astype(np.float64),
    )
    prior = Prior.fit(history, days)
    parts = [prior.p_alive(history)]
    for horizon in horizons:
        spend = prior.expected_spend(history, horizon)
        parts.append(np.log(np.maximum(spend, 1e-6)))
        parts.append(prior.chance_of_buying(history, horizon))
    found = np.column_stack(parts)
    every = np.broadcast_to(found.min(0), (bins, len(parts))).copy()
    every[has_any] = found
    return every[customers]


def only_purchases(histories: Histories) -> Histories:
    """The days on which customers bought anything, and nothing else of them."""
    return histories.without(tuple(MODALITIES))


def area(happened: Bools, chance: Floats) -> float:
    """Area under the ROC curve: the chance that a buyer is ranked above another."""
    from scipy.stats import rankdata

    ranks = rankdata(chance)
    buyers = happened.sum()
    others = len(happened) - buyers
    return float(
        (ranks[happened].sum() - buyers * (buyers + 1) / 2) / (buyers * others)
    )


def gini(spend: Floats, forecast: Floats) -> float:
    """Gini of the spend in order of a forecast, over that in order of itself."""

    def of(order: Ints) -> float:
        sorted_spend = spend[order]
        places = 2 * np.arange(1, len(spend) + 1) - len(spend) - 1
        return float(places @ sorted_spend / (len(spend) * spend.sum()))

    best = of(np.argsort(spend, kind="stable"))
    return of(np.argsort(forecast, kind="stable")) / best


def gini_lead(
    spend: Floats, forecast: Floats, rival: Floats
) -> tuple[float, float, float]:
    """Lead of a forecast's Gini over another's, and its 95 % interval."""
    draw, leads = np.random.default_rng(1), []
    for _ in range(400):
        drawn = draw.integers(0, len(spend), len(spend))
        each = spend[drawn]
        leads.append(gini(each, forecast[drawn]) - gini(each, rival[drawn]))
    low, high = np.percentile(leads, [2.5, 97.5])
    return gini(spend, forecast) - gini(spend, rival), float(low), float(high)


def of_customers(values: Sequence[Floats]) -> tuple[float, float, float]:
    """Mean of what differs by customer, over seeds, and its 95 % interval."""
    each = np.mean(values, axis=0)
    return float(each.mean()), *interval(each)


def interval(values: Floats) -> tuple[float, float]:
    """95 % interval of the mean of customers' values."""
    draw = np.random.default_rng(1)
    means = [draw.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
