"""Forecasts what a new customer will spend, from what is known at the first order.

The prior knows the season and the amount. A Poisson regression learns by how much more
or less came of earlier first orders of the same product, coupon, channel or country. A
first order of yesterday counts with the one day that has passed, so the newest
customers of a shop tell something too.

A first order is forecast by a model that has seen nothing after an earlier as-of date:
neither what its customer did later nor what others did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from clv_warehouse.clv.history import History
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.clv.registry import PRIOR
from clv_warehouse.clv.scoring import fit_prior, fixed_sample
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.learning.plan import Plan
from clv_warehouse.project.arrays import Floats

ATTRIBUTES = (
    *("acquisition_channel", "country", "sales_channel", "coupon_code"),
    *("first_category", "first_product"),
)
# Rarer values of an attribute are taken together.
LEAST_OF_A_VALUE = 20
# With fewer first orders the prior stands alone.
LEAST_ORDERS = 200
# How strongly effects are held near none, as a number of customers (DECISIONS.md).
SHRINKAGE = 600
# The last as-of date at which a model learns lies so many days back, or more.
DAYS_BACK = 28
# First orders of so many days before the horizon's last start are judged.
JUDGED_DAYS = 182
LEAST_JUDGED = 50
BATCH_ROWS = 1 << 13
FIRST_ORDER, COHORT = "first_order", "cohort_mean"

SCHEMA = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("first_order_date", pa.date32()),
        ("known_until", pa.date32()),
        ("expected_spend", pa.float64()),
    ]
)
JUDGED_SCHEMA = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("model", pa.string()),
        ("customer_key", pa.string()),
        ("expected_spend", pa.float64()),
        ("actual_spend", pa.float64()),
    ]
)


@dataclass(frozen=True, eq=False)
class FirstOrders:
    """First orders, in an order of their own.

    Attributes:
        day: when each was, datetime64[D], shape (n,).
        amount: what was bought on that day, in currency, shape (n,).
        attributes: the columns ATTRIBUTES, text, shape (n, attributes).

    """

    day: NDArray[np.datetime64]
    amount: Floats
    attributes: NDArray

    @classmethod
    def from_arrow(cls, rows: pa.Table | pa.RecordBatch) -> "FirstOrders":
        """Read rows of first_orders."""
        attributes = [
            rows[name].fill_null("unknown").to_numpy(False) for name in ATTRIBUTES
        ]
        return cls(
            rows["first_order_date"].to_numpy(False).astype("datetime64[D]"),
            rows["first_amount"].cast(pa.float64()).to_numpy(False),
            np.array(attributes, dtype=object).T,
        )

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: NDArray) -> "FirstOrders":
        """Choose some by their places, or where a mask is true."""
        return FirstOrders(self.day[rows], self.amount[rows], self.attributes[rows])

    def expected_by(self, prior: Prior, days: Floats) -> Floats:
        """Spend that the prior expects within some days of each order, shape (n,)."""
        none = np.zeros(len(self))
        history = History(none, none, none, self.amount, as_of=self.day)
        return np.maximum(Prospects(prior, history).spend(days), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Later:
    """What customers spent after their first orders: rows of days.

    Attributes:
        row: which of the first orders, shape (m,).
        days_after: days from the first order to the spend, shape (m,).
        spend: net of returns, in currency, shape (m,).

    """

    row: NDArray[np.intp]
    days_after: NDArray[np.int64]
    spend: Floats

    @classmethod
    def from_arrow(cls, orders: pa.Table, days: pa.Table) -> "Later":
        """Read rows of customer_days; `orders` are rows of first_orders."""
        keys = orders["customer_key"].to_numpy()
        order = np.argsort(keys)
        found = days["customer_key"].to_numpy()
        row = order[np.searchsorted(keys, found, sorter=order)]
        first = orders["first_order_date"].to_numpy().astype("datetime64[D]")
        on = days["activity_date"].to_numpy().astype("datetime64[D]")
        after = (on - first[row]).astype(np.int64)
        spend = days["net_amount"].cast(pa.float64()).to_numpy()
        is_later = after > 0
        return cls(row[is_later], after[is_later], spend[is_later])

    def within(self, days: Floats) -> Floats:
        """Spend within so many days of each first order, shape (n,); never below 0."""
        counts = self.days_after <= days[self.row]
        spent = np.bincount(self.row[counts], self.spend[counts], len(days))
        return np.maximum(spent, 0)


@dataclass(frozen=True, eq=False)
class FirstOrderModel:
    """Expects of new customers what the prior does, times what their attributes say."""

    prior: Prior
    horizon_days: int
    regression: Any

    @classmethod
    def fit(
        cls,
        prior: Prior,
        orders: FirstOrders,
        later: Later,
        as_of: np.datetime64,
        horizon_days: int,
    ) -> "FirstOrderModel":
        """Learn from the orders before a date and what came of them up to it."""
        passed = (as_of - orders.day).astype(np.float64)
        chosen = passed >= 1
        days = np.clip(passed, 0, horizon_days)
        spent = later.within(days)[chosen]
        if chosen.sum() < LEAST_ORDERS or not spent.any():
            return cls(prior, horizon_days, None)
        known = orders.take(chosen)
        expected = known.expected_by(prior, days[chosen])
        # Spend over what was expected, weighted by that, has the likelihood of a
        # Poisson regression with the expected spend as its offset.
        # Two threads would only wait for each other at these sizes.
        with threadpool_limits(1):
            regression = _regression(len(known)).fit(
                _inputs(known, expected / days[chosen]),
                spent / expected,
                poissonregressor__sample_weight=expected / expected.mean(),
            )
        return cls(prior, horizon_days, regression)

    def spend(self, orders: FirstOrders) -> Floats:
        """Spend expected after each first order, within the horizon, shape (n,)."""
        days = np.full(len(orders), float(self.horizon_days))
        expected = orders.expected_by(self.prior, days)
        if self.regression is None or not len(orders):
            return expected
        factor = self.regression.predict(_inputs(orders, expected / self.horizon_days))
        return expected * factor


def _inputs(orders: FirstOrders, expected_a_day: Floats) -> NDArray:
    """Return what the regression reads: text, and a number in the last column."""
    number = np.log(expected_a_day)[:, None].astype(object)
    return np.hstack([orders.attributes, number])


def _regression(customers: int) -> Any:
    """A Poisson regression on attributes and the logarithm of what is expected."""
    # Imported late: whoever reads this module for its names does not wait for it.
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import PoissonRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    attributes = list(range(len(ATTRIBUTES)))
    encoder = OneHotEncoder(
        min_frequency=LEAST_OF_A_VALUE, handle_unknown="infrequent_if_exist"
    )
    return make_pipeline(
        make_column_transformer(
            (encoder, attributes), (StandardScaler(), [len(ATTRIBUTES)])
        ),
        PoissonRegressor(alpha=SHRINKAGE / customers, max_iter=1000),
    )


@dataclass(frozen=True, eq=False)
class Said:
    """What is said of the first orders after one date, and up to another.

    Attributes:
        after: the models have seen nothing after this day.
        until: the last day of the first orders that they forecast.
        models: one for each horizon.

    """

    after: np.datetime64
    until: np.datetime64
    models: Sequence[FirstOrderModel]

    def rows(self, batch: pa.RecordBatch, as_of: date) -> list[pa.RecordBatch]:
        """Forecast those of a batch of first_orders whose horizons are not over."""
        orders = FirstOrders.from_arrow(batch)
        last = np.datetime64(as_of, "D")
        is_mine = (orders.day > self.after) & (orders.day <= self.until)
        said = []
        for model in self.models:
            chosen = is_mine & (orders.day + model.horizon_days > last)
            rows = batch.filter(pa.array(chosen))
            count = rows.num_rows
            said.append(
                pa.record_batch(
                    [
                        rows["customer_key"],
                        pa.repeat(as_of, count),
                        pa.repeat(pa.scalar(model.horizon_days, pa.int32()), count),
                        rows["first_order_date"],
                        pa.repeat(self.after.item(), count),
                        pa.array(model.spend(orders.take(chosen))),
                    ],
                    schema=SCHEMA,
                )
            )
        return said


@doorway
def score_first_orders(
    features: Relation,
    first_orders: Relation,
    customer_days: Relation,
    days: Relation,
    horizons: Sequence[int],
) -> pa.Table | ByBatch:
    """Forecast the customers whose horizons are not over: rows of SCHEMA.

    Each by the newest models that were taught before the first order came. Customers
    who came before the first of these have no rows.
    """
    (as_of,) = features.aggregate("max(as_of_date)").fetchall()[0]
    if as_of is None:
        return SCHEMA.empty_table()
    last = np.datetime64(as_of, "D")
    orders, later, _ = _read(first_orders, customer_days, as_of)
    newest = last - max(horizons)
    said = []
    for after, until in pairwise(_ever_farther(_as_of_dates(features))):
        if until <= newest:
            continue
        prior, _ = fit_prior(_known(features, after), days)
        models = [
            FirstOrderModel.fit(prior, orders, later, after, horizon)
            for horizon in horizons
            if until + horizon > last
        ]
        said.append(Said(after, until, models))
    new = first_orders.filter(
        f"first_order_date > date '{newest}' and first_order_date <= date '{as_of}'"
    ).order("customer_key")

    def scored(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        return [rows for each in said for rows in each.rows(batch, as_of)]

    return ByBatch(new, scored, SCHEMA, BATCH_ROWS)


def _as_of_dates(features: Relation) -> list[np.datetime64]:
    """Days as of which there are features, the scoring date last."""
    found = features.project("as_of_date").distinct().fetchall()
    return sorted(np.datetime64(day, "D") for (day,) in found)


def _known(features: Relation, day: np.datetime64) -> Relation:
    return features.filter(f"as_of_date <= date '{day}'")


def _ever_farther(dates: Sequence[np.datetime64]) -> list[np.datetime64]:
    """Choose of rising days the last, and before each one twice as far, and the first.

    Models of older orders are older by more, because fitting priors costs most here.
    """
    chosen, apart = [dates[-1]], DAYS_BACK
    for day in reversed(dates):
        if (chosen[-1] - day).astype(int) >= apart:
            chosen.append(day)
            apart *= 2
    if dates[0] < chosen[-1]:
        chosen.append(dates[0])
    return chosen[::-1]


@doorway
def judge_first_orders(
    plan: Plan,
    features: Relation,
    first_orders: Relation,
    customer_days: Relation,
    days: Relation,
    horizons: Sequence[int],
) -> pa.Table:
    """Judge each horizon on the newest customers of whom it is over.

    Returns rows of JUDGED_SCHEMA; none if no training is due. At the origin nothing of
    these customers was known; the mean of earlier ones is what must be forecast better.
    """
    if not plan.is_due or plan.as_of_date is None:
        return JUDGED_SCHEMA.empty_table()
    orders, later, keys = _read(first_orders, customer_days, plan.as_of_date)
    dates = _as_of_dates(features)
    tables = [JUDGED_SCHEMA.empty_table()]
    for horizon in horizons:
        end = np.datetime64(plan.as_of_date, "D") - horizon
        origins = [day for day in dates if day <= end - JUDGED_DAYS]
        if not origins:
            continue
        origin = origins[-1]
        prior, _ = fit_prior(_known(features, origin), days)
        is_judged = (orders.day > origin) & (orders.day <= end)
        within = np.full(len(orders), float(horizon))
        spent = later.within(within)
        is_over = orders.day + horizon <= origin
        if is_judged.sum() < LEAST_JUDGED or not is_over.any():
            continue
        judged = orders.take(is_judged)
        model = FirstOrderModel.fit(prior, orders, later, origin, horizon)
        forecasts = {
            FIRST_ORDER: model.spend(judged),
            PRIOR: judged.expected_by(prior, within[is_judged]),
            COHORT: np.full(len(judged), spent[is_over].mean()),
        }
        for name, expected in forecasts.items():
            tables.append(
                pa.table(
                    [
                        pa.repeat(origin.item(), len(judged)),
                        pa.repeat(pa.scalar(horizon, pa.int32()), len(judged)),
                        pa.repeat(name, len(judged)),
                        keys.filter(pa.array(is_judged)),
                        pa.array(expected),
                        pa.array(spent[is_judged]),
                    ],
                    schema=JUDGED_SCHEMA,
                )
            )
    return pa.concat_tables(tables)


def _read(
    first_orders: Relation, customer_days: Relation, as_of: date
) -> tuple[FirstOrders, Later, pa.ChunkedArray]:
    """Read a fixed sample of first orders, what followed them, and their customers."""
    known = first_orders.filter(f"first_order_date <= date '{as_of}'")
    sample = fixed_sample(known)
    rows = sample.to_arrow_table()
    followed = (
        customer_days.filter(f"activity_date <= date '{as_of}'")
        .project("customer_key, activity_date, net_amount")
        .join(sample.project("customer_key"), "customer_key")
        .order("customer_key, activity_date")
        .to_arrow_table()
    )
    later = Later.from_arrow(rows, followed)
    return FirstOrders.from_arrow(rows), later, rows["customer_key"]
