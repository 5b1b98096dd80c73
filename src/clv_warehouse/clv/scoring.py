"""Forecasts every customer at the scoring date, batch by batch, without TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from clv_warehouse.clv.feature_set import FeatureSet, current_features
from clv_warehouse.clv.network import QUANTILES, Forecast, Outlook
from clv_warehouse.clv.observations import Customers, calendar_shares
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.clv.registry import Accepted, last_accepted
from clv_warehouse.clv.rhythm import WINDOW_DAYS, Window
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.spread import Spread
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.project.arrays import Floats

# With so many customers a hidden layer fits into a processor's cache.
BATCH_ROWS = 1 << 13
# The prior has few parameters: more customers than this do not make it better.
SAMPLE_CUSTOMERS = 25_000
DAYS_PER_YEAR = 365

SCHEMA = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("is_longest_horizon", pa.bool_()),
        ("is_extrapolated", pa.bool_()),
        ("predicted_spend", pa.float64()),
        ("chance_of_buying", pa.float64()),
        ("expected_orders", pa.float64()),
        ("spend_p10", pa.float64()),
        ("spend_p50", pa.float64()),
        ("spend_p90", pa.float64()),
        ("prior_spend", pa.float64()),
        ("next_order_days", pa.float64()),
        ("scored_by", pa.string()),
        ("network_version", pa.string()),
    ]
)


@doorway
def score(
    networks: Relation,
    features: Relation,
    days: Relation,
    horizons: Sequence[int],
    lifetime_years: int,
) -> pa.Table | ByBatch:
    """Forecast all customers at the last as-of date, for each horizon.

    The last accepted network in `networks`, rows of clv_network, makes the forecasts.
    If there is none, the prior makes them, fitted on the customers themselves and on
    `days`, rows of shop_days. For the later years of a lifetime there is only what the
    prior expects.
    """
    scorer = Scorer.find(networks, features, days, horizons, lifetime_years)
    if scorer is None:
        return SCHEMA.empty_table()
    # Customers are put in order, because the last bit of a float32 product depends on
    # which customers share a batch.
    today = (
        features.filter(f"as_of_date = date '{scorer.as_of_date}'")
        .project(", ".join(scorer.reads.columns))
        .order("customer_key")
    )
    return ByBatch(today, scorer, SCHEMA, BATCH_ROWS)


@dataclass(frozen=True)
class Scorer:
    """Forecasts batches of customers, with what scores at a date.

    Attributes:
        as_of_date: the scoring date.
        reads: the features that it reads.
        accepted: the network; None if the prior forecasts.
        prior: the prior.
        spread: that of the prior; None if a network forecasts.
        horizons: the horizons, the shortest first.
        later: days to the ends of the later years.

    """

    as_of_date: date
    reads: FeatureSet
    accepted: Accepted | None
    prior: Prior
    spread: Spread | None
    horizons: Sequence[int]
    later: Sequence[int]

    @classmethod
    def find(
        cls,
        networks: Relation,
        features: Relation,
        days: Relation,
        horizons: Sequence[int],
        lifetime_years: int,
    ) -> "Scorer | None":
        """Find what scores at the last as-of date of `features`; None without one."""
        (day,) = features.aggregate("max(as_of_date)").fetchall()[0]
        if day is None:
            return None
        accepted = last_accepted(networks, day)
        reads = (
            accepted.network.features
            if accepted
            else current_features().without_sequences
        )
        prior, spread = (
            (accepted.prior, None) if accepted else fit_prior(features, days)
        )
        rising = sorted(horizons)
        later = later_horizons(rising[-1], lifetime_years)
        return cls(day, reads, accepted, prior, spread, rising, later)

    def __call__(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Forecast customers as of one date: a batch of SCHEMA per horizon."""
        return score_batch(
            *(batch, self.reads, self.accepted, self.prior, self.spread),
            *(self.horizons, self.later),
        )


def later_horizons(longest: int, lifetime_years: int) -> list[int]:
    """Days to the end of each year of a lifetime that ends after the longest horizon.

    >>> later_horizons(365, 3)
    [730, 1095]
    """
    ends = (DAYS_PER_YEAR * year for year in range(1, lifetime_years + 1))
    return [end for end in ends if end > longest]


def fit_prior(features: Relation, days: Relation) -> tuple[Prior, Spread]:
    """Fit the prior and its spread on customers as of the last date, or a sample.

    `features` are rows of customer_features, `days` those of shop_days.
    """
    (today,) = features.aggregate("max(as_of_date)").fetchall()[0]
    rows = fixed_sample(_of_date(features, today)).to_arrow_table()
    history = Customers.from_arrow(rows).history
    known = ShopDays.from_arrow(days.to_arrow_table()).until(np.datetime64(today, "D"))
    prior = Prior.fit(history, known, lambda: past_window(features, today))
    return prior, Spread.fit(history)


def past_window(features: Relation, today: date) -> Window | None:
    """Find the customers of a past date, and who of them has bought since.

    The date is that at which about WINDOW_DAYS had still to come.
    """
    dates = features.project("as_of_date").distinct().fetchall()
    begins = [day for (day,) in dates if day < today]
    if not begins:
        return None
    begin = min(begins, key=lambda day: (abs((today - day).days - WINDOW_DAYS), day))
    then = fixed_sample(_of_date(features, begin)).to_arrow_table()
    now = _of_date(features, today).project("customer_key, frequency").to_arrow_table()
    place = pc.index_in(then["customer_key"], now["customer_key"])
    then, place = then.filter(place.is_valid()), place.drop_null()
    bought = now["frequency"].take(place).to_numpy() > then["frequency"].to_numpy()
    history = Customers.from_arrow(then).history
    return Window(history, (today - begin).days, bought)


def _of_date(features: Relation, day: date) -> Relation:
    """Choose the rows of a date, and the columns that the prior may read."""
    columns = ", ".join(current_features().without_sequences.columns)
    return features.filter(f"as_of_date = date '{day}'").project(columns)


def fixed_sample(customers: Relation) -> Relation:
    """Return enough customers for the prior, always the same ones."""
    return customers.order("md5(customer_key), customer_key").limit(SAMPLE_CUSTOMERS)


def score_batch(
    batch: pa.RecordBatch,
    reads: FeatureSet,
    accepted: Accepted | None,
    prior: Prior,
    spread: Spread | None,
    rising: Sequence[int],
    later: Sequence[int] = (),
) -> list[pa.RecordBatch]:
    """Return one batch of forecasts for each horizon, in rising order of horizons.

    A longer horizon never has less expected spend than a shorter one. Then come batches
    of what the prior alone expects within each of the days `later`.
    `spread` gives the prior's quantiles, if no network is accepted.
    """
    customers = Customers.from_arrow(batch, reads)
    prospects = Prospects(prior, customers.history)
    if accepted:
        first_layer = accepted.network.customer_layer(
            customers.inputs, customers.sequences
        )
    so_far = np.zeros((len(customers), 3 + len(QUANTILES)))
    scored = []
    for horizon in rising:
        orders, chance = prospects.purchases(horizon), prospects.chance(horizon)
        prior_spend = orders * prospects.amount_ahead(horizon)
        values = np.full(so_far.shape, np.nan)
        if accepted:
            days = np.array([horizon])
            outlook = Outlook.bounded(
                prior_spend,
                chance,
                days,
                calendar_shares(customers.as_of_date[:1], days),
                accepted.network.scale,
            )
            forecast = accepted.network.forecast(first_layer, outlook)
            values[:, 0], values[:, 1] = forecast.spend, forecast.chance
            values[:, 2] = corrected_orders(orders, outlook, forecast)
            values[:, 3:] = forecast.quantiles
        else:
            values[:, 0], values[:, 1], values[:, 2] = prior_spend, chance, orders
        if spread:
            values[:, 3:] = spread.quantiles(
                customers.history, prior_spend, orders, chance
            )
        # A missing forecast stays missing.
        so_far = np.maximum(so_far, values)
        is_longest = horizon == rising[-1]
        next_days = prospects.days_to_next if is_longest else None
        scored.append(
            _rows(batch, horizon, is_longest, so_far, prior_spend, next_days, accepted)
        )
    for horizon in later:
        prior_spend = prospects.spend(horizon)
        scored.append(_rows(batch, horizon, False, None, prior_spend, None, accepted))
    return scored


def corrected_orders(orders: Floats, outlook: Outlook, forecast: Forecast) -> Floats:
    """Correct the prior's expected orders as the network corrects it, shape (n,).

    The network forecasts spend and chance, not orders. The prior's orders are taken
    times the geometric mean of both corrections, which forecast them better than either
    correction alone (DECISIONS.md). There are at least as many as the chance of one.
    """
    of_chance = forecast.chance / outlook.chance
    of_spend = forecast.spend / outlook.spend
    return np.maximum(orders * np.sqrt(of_chance * of_spend), forecast.chance)


def _rows(
    batch: pa.RecordBatch,
    horizon: int,
    is_longest: bool,
    values: NDArray | None,
    prior_spend: NDArray,
    next_days: NDArray | None,
    accepted: Accepted | None,
) -> pa.RecordBatch:
    """Return the forecasts of one horizon as they are stored.

    Without `values` the horizon is a later one, of which only the prior has a forecast.
    """
    count = batch.num_rows
    version = accepted.version if accepted else None
    return pa.record_batch(
        [
            batch["customer_key"],
            batch["as_of_date"],
            pa.repeat(pa.scalar(horizon, pa.int32()), count),
            pa.repeat(is_longest, count),
            pa.repeat(values is None, count),
            *(
                pa.nulls(count, pa.float64())
                if values is None
                else pa.array(np.ascontiguousarray(values[:, column]), from_pandas=True)
                for column in range(3 + len(QUANTILES))
            ),
            pa.array(prior_spend),
            pa.nulls(count, pa.float64()) if next_days is None else pa.array(next_days),
            pa.repeat("network" if accepted else "prior", count),
            pa.repeat(pa.scalar(version, pa.string()), count),
        ],
        schema=SCHEMA,
    )
