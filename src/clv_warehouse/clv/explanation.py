"""Why a customer is expected to spend that much: contributions of reasons, in money.

Integrated gradients (Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep
Networks") of the predicted spend f, along the straight line x(t) from the shop's
typical customer, x(0), to the customer, x(1):

    contribution of input j = (x_j(1) - x_j(0)) * integral from 0 to 1 of df/dx_j dt

so that all contributions add up to f(x(1)) - f(x(0)). The whole prediction is
explained: the prior moves along the line, with the network that reads and corrects it,

    log f = kept * log of the prior's spend + output 1 of the network
            + level + t * season

where kept is the share of the prior's view that the network keeps, level is what all
customers share at this horizon, and season the part of it that the time of year has;
the typical customer, alone, knows no season.
The line is straight in the network's inputs, that is in logs of counts, days and
amounts, those of the last purchases too where the network reads them; the typical
customer is the mean of these over the shop's customers. Two things are by definition:
the network sees the line between what it sees of the two customers, each cut off at
the range of training; and the prior, which knows only whole repeat purchases, has its
odds of having stopped rise evenly from none to the first.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from clv_warehouse.clv.network import (
    LEAST_CHANCE,
    LEAST_SHARE_OF_MEAN_SPEND,
    OUTPUTS,
    PAIR_INPUTS,
    Network,
    NetworkConfig,
    Outlook,
)
from clv_warehouse.clv.observations import (
    CHANNEL,
    CUSTOMER_INPUTS,
    Customers,
    Inputs,
    calendar_shares,
)
from clv_warehouse.clv.prior import BgNbd, Floats, History, Prior
from clv_warehouse.clv.registry import last_accepted
from clv_warehouse.clv.scoring import fit_prior, fixed_sample
from clv_warehouse.clv.training import untrained
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation, in_threads
from clv_warehouse.learning.encoders import Singles

# What the shop calls what the network calls inputs; seed clv_reasons words them.
REASONS = (
    "how_often",
    "how_recently",
    "how_much",
    "rhythm",
    "returns",
    "breadth",
    "season",
    "channel",
    "browsing",
    "reviews",
)
SEASON = "season"
REASON_OF = {
    "frequency": "how_often",
    "tenure_days": "how_often",
    "orders": "how_often",
    "purchases_180d": "how_often",
    "purchases_365d": "how_often",
    "recency_days": "how_recently",
    "purchases_30d": "how_recently",
    "purchases_90d": "how_recently",
    "amount_mean": "how_much",
    "amount_sd": "how_much",
    "amount_last": "how_much",
    "amount_max": "how_much",
    "past_spend": "how_much",
    "spend_30d": "how_much",
    "spend_90d": "how_much",
    "spend_180d": "how_much",
    "spend_365d": "how_much",
    "last_to_mean_amount": "how_much",
    "max_to_mean_amount": "how_much",
    "amount_variation": "how_much",
    "spend_rate_365d": "how_much",
    "spend_rate": "how_much",
    "recency_to_cycle": "how_recently",
    "recency_to_tenure": "how_recently",
    "spend_trend_30d": "how_recently",
    "spend_trend_90d": "how_recently",
    "spend_trend_180d": "how_recently",
    "cycle_variation": "rhythm",
    "returned_share": "returns",
    "items_per_purchase": "breadth",
    "products_per_purchase": "breadth",
    "cycle_days": "rhythm",
    "cycle_sd_days": "rhythm",
    "returned_amount": "returns",
    "return_days": "returns",
    "items": "breadth",
    "distinct_products": "breadth",
    "views_30d": "browsing",
    "carts_30d": "browsing",
    "sessions_30d": "browsing",
    "days_since_seen": "browsing",
    "reviews": "reviews",
    "rating_mean": "reviews",
    "rating_last": "reviews",
    "purchase_days_before": "rhythm",
    "purchase_amounts": "how_much",
    CHANNEL: "channel",
    SEASON: SEASON,
}
# The inputs that the prior reads.
PRIOR_INPUTS = ("frequency", "recency_days", "tenure_days", "amount_mean")
PRIOR_PLACES = [CUSTOMER_INPUTS.index(name) for name in PRIOR_INPUTS]
# Points at which the line is looked at; the gradients of a network jump, so that more
# of them gain little: what they miss is measured by the tests.
NODES, MASSES = legendre.leggauss(16)
NODES, MASSES = (NODES + 1) / 2, MASSES / 2
# Of the polynomials that stand for the prior's expected purchases.
DEGREE = 15
# Less than this is nothing; its log is still a number.
LEAST_SPEND = 1e-12
# Few enough that a hidden layer of them stays in a processor's cache.
BATCH_ROWS = 1 << 11

CONTRIBUTIONS = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("baseline", pa.float64()),
        *((reason, pa.float64()) for reason in REASONS),
        ("network_version", pa.string()),
    ]
)
IMPORTANCE = pa.schema(
    [
        ("feature", pa.string()),
        ("reason", pa.string()),
        ("as_of_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("customers", pa.int64()),
        ("mean_contribution", pa.float64()),
        ("mean_absolute_contribution", pa.float64()),
        ("network_version", pa.string()),
    ]
)


def feature_of(name: str) -> str:
    """Return an input's feature: what is missing, the one that is hashed, or itself."""
    if name.startswith(f"{CHANNEL}_"):
        return CHANNEL
    return name.removesuffix("_is_missing")


def reason_of(name: str) -> str:
    """Return the reason that an input belongs to; KeyError if it has none."""
    return REASON_OF[feature_of(name)]


def attributed(config: NetworkConfig) -> tuple[str, ...]:
    """Return what contributes where such a network scored, in the order of columns."""
    return *CUSTOMER_INPUTS, *config.sequences, SEASON


@dataclass(frozen=True)
class ExpectedPurchases:
    """Log of the purchases expected of who is still a customer, as a polynomial.

    BG/NBD's integral has no cheap gradient, and along a line no two customers share
    a point of it. At one horizon it depends on repeat purchases x and age T alone, so
    that polynomials of log(1 + x) and log(alpha + T) can stand for it.

    Attributes:
        alpha: BG/NBD's.
        low, high: (2,) the range of the two logs.
        coefficients: (3, DEGREE + 1, DEGREE + 1) of the value and its two slopes, in
            Chebyshev polynomials of the logs, brought to [-1, 1].

    """

    alpha: float
    low: Floats
    high: Floats
    coefficients: Floats

    @classmethod
    def fit(
        cls, model: BgNbd, horizon_days: float, repeats: float, age: float
    ) -> "ExpectedPurchases":
        """Interpolate up to so many repeat purchases and so many days of age."""
        low = np.array([0.0, np.log(model.alpha)])
        high = np.array([np.log1p(max(repeats, 1)), np.log(model.alpha + max(age, 1))])
        points = chebyshev.chebpts1(DEGREE + 1)
        logs = low + (points[:, None] + 1) / 2 * (high - low)
        x, days = np.expm1(logs[:, 0]), np.exp(logs[:, 1]) - model.alpha
        x, days = (grid.ravel() for grid in np.meshgrid(x, days, indexing="ij"))
        history = History(x, days, days, np.ones_like(x))
        purchases = model.expected_purchases(history, horizon_days)
        purchases /= model.p_alive(history)
        to_coefficients = np.linalg.inv(chebyshev.chebvander(points, DEGREE))
        values = np.log(purchases).reshape(DEGREE + 1, DEGREE + 1)
        value = to_coefficients @ values @ to_coefficients.T
        slopes = [
            np.insert(
                chebyshev.chebder(value, axis=axis, scl=2 / (high - low)[axis]),
                DEGREE,
                0,
                axis=axis,
            )
            for axis in (0, 1)
        ]
        return cls(model.alpha, low, high, np.stack([value, *slopes]))

    def __call__(self, repeats: Floats, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log and its slopes in `repeats` and `age`, shape (n,) each."""
        logs = np.stack([np.log1p(repeats), np.log(self.alpha + age)], axis=-1)
        places = 2 * (logs - self.low) / (self.high - self.low) - 1
        of_repeats, of_age = (
            np.ascontiguousarray(chebyshev.chebvander(place, DEGREE))
            for place in places.T
        )
        value, by_repeats, by_age = (
            ((of_repeats @ matrix) * of_age).sum(axis=1) for matrix in self.coefficients
        )
        return value, by_repeats / (1 + repeats), by_age / (self.alpha + age)


@dataclass(frozen=True)
class View:
    """What the prior says of n points of the line, and how that changes.

    Attributes:
        log_spend: (n,)
        log_spend_slopes: (n, 4) in the inputs PRIOR_INPUTS, which are logs.
        logit_chance: (n,)
        logit_chance_slopes: (n, 4) likewise.

    """

    log_spend: Floats
    log_spend_slopes: Floats
    logit_chance: Floats
    logit_chance_slopes: Floats


@dataclass(frozen=True)
class SmoothPrior:
    """The prior at one horizon, between whole numbers of purchases too.

    Attributes:
        prior: the same where repeat purchases are whole.
        horizon_days: days looked ahead.
        purchases: expected of who is still a customer.
        least_spend: the network takes less than that for as much, see Outlook.

    """

    prior: Prior
    horizon_days: int
    purchases: ExpectedPurchases
    least_spend: float

    def __call__(self, inputs: Floats) -> View:
        """Look at points, their inputs PRIOR_INPUTS having shape (n, 4)."""
        model, amounts = self.prior.bgnbd, self.prior.gamma_gamma
        frequency, since_last, age, amount = np.expm1(inputs.T)
        # Rounding may put a last purchase before the first, or none below one.
        repeats = np.maximum(frequency - 1, 1e-9)
        recency = np.maximum(age - since_last, 0)
        shape = model.r + repeats
        log_ratio = np.log((model.alpha + age) / (model.alpha + recency))
        before = model.b + np.maximum(repeats, 1) - 1
        odds = np.minimum(repeats, 1) * model.a / before * np.exp(shape * log_ratio)
        stopped = odds / (1 + odds)
        by_repeats = log_ratio + np.where(repeats < 1, 1 / repeats, -1 / before)
        by_recency = -shape / (model.alpha + recency)
        by_age = shape / (model.alpha + age)
        # In frequency, recency_days, tenure_days and amount_mean, as they are.
        nothing = np.zeros_like(odds)
        alive_slopes = -stopped * np.stack(
            [by_repeats, -by_recency, by_age + by_recency, nothing]
        )
        bought, bought_by_repeats, bought_by_age = self.purchases(repeats, age)
        evidence = amounts.gamma + frequency * amount
        weight = amounts.p * frequency + amounts.q - 1
        log_spend = bought - np.log1p(odds) + np.log(amounts.p * evidence / weight)
        spend_slopes = alive_slopes + np.stack(
            [
                bought_by_repeats + amount / evidence - amounts.p / weight,
                nothing,
                bought_by_age,
                frequency / evidence,
            ]
        )
        stretch = self.horizon_days / (model.alpha + age)
        log_none = -shape * np.log1p(stretch)
        any_if_alive = -np.expm1(log_none)
        chance = any_if_alive / (1 + odds)
        odds_none = np.exp(log_none) / any_if_alive
        chance_slopes = alive_slopes + odds_none * np.stack(
            [
                np.log1p(stretch),
                nothing,
                -shape * stretch / (1 + stretch) / (model.alpha + age),
                nothing,
            ]
        )
        kept = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
        is_enough = np.exp(log_spend) > self.least_spend
        by_log = np.exp(inputs)
        return View(
            np.where(is_enough, log_spend, np.log(self.least_spend)),
            spend_slopes.T * by_log * is_enough[:, None],
            np.log(kept / (1 - kept)),
            (chance_slopes / (1 - kept) * (chance == kept)).T * by_log,
        )


@dataclass(frozen=True)
class Explainer:
    """What it takes to explain the forecasts of one date and horizon.

    Attributes:
        network: that scored; where the prior did, one that corrects nothing.
        prior: along the line.
        typical: (1, F) the inputs of the typical customer.
        typical_sequences: (1, PURCHASES, 2) likewise; None where not read.
        calendar: (1, 12) of the horizon.

    """

    network: Network
    prior: SmoothPrior
    typical: Inputs
    typical_sequences: Inputs | None
    calendar: Inputs

    @classmethod
    def of(
        cls,
        network: Network,
        prior: Prior,
        sample: Customers,
        as_of_date: np.datetime64,
        horizon_days: int,
        most: tuple[float, float],
    ) -> "Explainer":
        """Prepare for customers of at most so many purchases and days of tenure.

        The mean of `sample` is the typical one.
        """
        smooth = SmoothPrior(
            prior,
            horizon_days,
            ExpectedPurchases.fit(prior.bgnbd, horizon_days, *most),
            LEAST_SHARE_OF_MEAN_SPEND * network.scale,
        )
        calendar = calendar_shares(np.array([as_of_date]), np.array([horizon_days]))
        sequences = sample.sequences
        return cls(
            network,
            smooth,
            typical_of(sample.inputs),
            None if sequences is None else typical_of(sequences),
            calendar,
        )

    def explain(self, customers: Customers, predicted: Floats) -> Floats:
        """Return the contributions to what was predicted, a column per `attributed`.

        Each row adds up, with the baseline, to `predicted`, shape (m,). What the
        integration misses is shared out by the size of the contributions. Where the
        prediction is above the forecast of its horizon, since a shorter one had more,
        the difference goes to season.
        """
        above = np.log(np.maximum(predicted, LEAST_SPEND) / self.forecast(customers))
        contributions = self.integrate(
            customers.inputs, customers.sequences, self.season + above
        )
        missed = predicted - self.baseline - contributions.sum(axis=1)
        size = np.abs(contributions)
        # Who is typical in everything has nothing to share it out by.
        size[:, -1] += np.finfo(np.float64).tiny
        return contributions + size * (missed / size.sum(axis=1))[:, None]

    @cached_property
    def season(self) -> float:
        """What the months of the horizon add to the log of everybody's spend."""
        return float((self.calendar @ self.network.level.by_month)[0, 1])

    @cached_property
    def level(self) -> float:
        """What the horizon, whatever its months, adds to that log."""
        days, no_month = np.array([self.prior.horizon_days]), 0 * self.calendar
        return float(self.network.level(days, no_month)[0, 1])

    @cached_property
    def baseline(self) -> float:
        """Spend expected of the typical customer, whatever the season."""
        view = self.prior(self.typical[:, PRIOR_PLACES].astype(np.float64))
        first = self.network.customer_layer(self.typical, self.typical_sequences)
        output = self.network.forward(first, self._pair_inputs(view))[0, 1]
        output += self.network.kept[1] * view.log_spend[0]
        return float(np.exp(output + self.level))

    def forecast(self, customers: Customers) -> Floats:
        """Forecast customers as they are scored, shape (m,)."""
        prior, days = self.prior.prior, self.prior.horizon_days
        outlook = Outlook.bounded(
            prior.expected_spend(customers.history, days),
            prior.chance_of_buying(customers.history, days),
            np.array([days]),
            self.calendar,
            self.network.scale,
        )
        first = self.network.customer_layer(customers.inputs, customers.sequences)
        return self.network.forecast(first, outlook).spend.astype(np.float64)

    def integrate(
        self, inputs: Inputs, sequences: Inputs | None, seasons: Floats
    ) -> Floats:
        """Integrate the gradients on the way to n customers and their seasons, (n,).

        In money, a column per `attributed`. Rows add up to the spend there, less
        the baseline, but for the error of integration.
        """
        network, kept = self.network, self.network.kept[1]
        start = self.typical[:, PRIOR_PLACES].astype(np.float64)
        way = inputs[:, PRIOR_PLACES] - start
        starts = network.inputs_layer(self.typical)
        ways = [
            end - begin
            for begin, end in zip(starts, network.inputs_layer(inputs), strict=True)
        ]
        first_steps = network.steps(self.typical_sequences)
        step_ways = network.steps(sequences) - first_steps
        by_prior, by_season = np.zeros_like(way), np.zeros(len(way))
        by_layer = [np.zeros_like(each) for each in ways]
        by_step = np.zeros((len(step_ways), len(way), step_ways.shape[2]))
        for node, mass in zip(NODES, MASSES, strict=True):
            view = self.prior(start + node * way)
            # What needs no encoder is linear along the line, what needs one is not.
            layer, backward = network.read(
                [
                    begin + np.float32(node) * each
                    for begin, each in zip(starts, ways, strict=True)
                ],
                first_steps + np.float32(node) * step_ways,
            )
            output, layer_slopes, pair_slopes = correction(
                network, layer, self._pair_inputs(view)
            )
            output += self.level + node * seasons
            spend = mass * np.exp(kept * view.log_spend + output)
            by_season += spend
            by_prior += spend[:, None] * (
                view.log_spend_slopes * (kept + pair_slopes[:, 1:2])
                + view.logit_chance_slopes * pair_slopes[:, 2:3]
            )
            weight = spend[:, None].astype(np.float32)
            for total, slope in zip(by_layer, layer_slopes, strict=True):
                total += weight * slope
            by_step += weight * backward(layer_slopes)
        contributions = np.zeros((len(inputs), len(attributed(network.config))))
        distance = network.customer_scaling(inputs)
        distance -= network.customer_scaling(self.typical)
        known = distance.shape[1]
        for total, arrays in zip(by_layer, network.members, strict=True):
            contributions[:, :known] += (total @ arrays[0][:known].T) * distance
        contributions[:, PRIOR_PLACES] += by_prior * way
        contributions[:, known:-1] = (by_step * step_ways).sum(axis=0)
        contributions[:, -1] = by_season * seasons
        return contributions

    def _pair_inputs(self, view: View) -> Singles:
        """What the network sees of the horizon and of the prior."""
        inputs = np.empty((len(view.log_spend), len(PAIR_INPUTS)), dtype=np.float32)
        inputs[:, 0] = np.log(self.prior.horizon_days)
        inputs[:, 1] = view.log_spend
        inputs[:, 2] = view.logit_chance
        return inputs


def correction(
    network: Network, customer_layer: list[Singles], pair_inputs: Singles
) -> tuple[Singles, list[Singles], Singles]:
    """Return the network's output 1, and its slopes by backpropagation.

    The output has shape (n,); the slopes are those in each member's `customer_layer`,
    (n, units), and in `pair_inputs`, (n, len(PAIR_INPUTS)).
    """
    scaling = network.pair_scaling
    own = scaling(pair_inputs)
    inside = (pair_inputs >= scaling.low) & (pair_inputs <= scaling.high)
    output = np.zeros(len(own), dtype=np.float32)
    pair_slopes = np.zeros_like(own)
    layer_slopes = []
    share = np.float32(1 / len(network.members))
    of_output = share * np.eye(OUTPUTS, dtype=np.float32)[1:2]
    for first, arrays in zip(customer_layer, network.members, strict=True):
        own_kernel = arrays[0][-own.shape[1] :]
        hidden = own @ own_kernel
        hidden += first
        hidden += arrays[1]
        actives = []
        for kernel, bias in zip(arrays[2::2], arrays[3::2], strict=True):
            actives.append(hidden > 0)
            np.maximum(hidden, 0, out=hidden)
            hidden = hidden @ kernel
            hidden += bias
        output += share * hidden[:, 1]
        slope: Singles = of_output
        for kernel, active in zip(arrays[2::2][::-1], actives[::-1], strict=True):
            slope = (slope @ kernel.T) * active
        layer_slopes.append(slope)
        pair_slopes += slope @ own_kernel.T
    return output, layer_slopes, pair_slopes * inside / scaling.spread


@doorway
def explain(
    networks: Relation,
    features: Relation,
    scores: Relation,
    most_customers: int,
) -> pa.Table | ByBatch:
    """Contributions of the reasons to the longest forecasts of clv_scores.

    Of the customers with the highest ones, at most so many. Raises ValueError where
    `scores` are not those of the last accepted row of `networks` at the date of
    `features`.
    """
    cases = Cases.find(networks, features, scores)
    if cases is None:
        return CONTRIBUTIONS.empty_table()
    by_value = cases.rows.order("predicted_spend desc, customer_key").limit(
        most_customers
    )
    explainer, horizon = cases.explainer, cases.horizon_days
    version = cases.network_version
    names = attributed(explainer.network.config)
    of_reason = np.array(
        [[reason_of(name) == reason for reason in REASONS] for name in names],
        dtype=np.float64,
    )

    def batches_of(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        customers, predicted = _customers(batch)
        reasons = explainer.explain(customers, predicted) @ of_reason
        count = batch.num_rows
        columns = [
            batch["customer_key"],
            batch["as_of_date"],
            pa.repeat(pa.scalar(horizon, pa.int32()), count),
            pa.repeat(explainer.baseline, count),
            *(pa.array(np.ascontiguousarray(values)) for values in reasons.T),
            pa.repeat(pa.scalar(version, pa.string()), count),
        ]
        return [pa.record_batch(columns, schema=CONTRIBUTIONS)]

    return ByBatch(by_value, batches_of, CONTRIBUTIONS, BATCH_ROWS)


@doorway
def weigh(
    networks: Relation,
    features: Relation,
    scores: Relation,
) -> pa.Table:
    """How much each feature contributes to the longest forecasts of clv_scores.

    Means over all customers, or over a fixed sample of them; raises as `explain` does.
    """
    cases = Cases.find(networks, features, scores)
    if cases is None:
        return IMPORTANCE.empty_table()
    names = attributed(cases.explainer.network.config)
    features_of = [feature_of(name) for name in names]
    distinct = tuple(dict.fromkeys(features_of))
    of_feature = np.array(
        [[name == feature for feature in distinct] for name in features_of],
        dtype=np.float64,
    )

    def totals(batch: pa.RecordBatch) -> NDArray:
        values = cases.explainer.explain(*_customers(batch)) @ of_feature
        return np.stack([values.sum(axis=0), np.abs(values).sum(axis=0)])

    sample = fixed_sample(cases.rows).to_arrow_table()
    parts = in_threads(totals, sample.to_batches(BATCH_ROWS))
    total, absolute = np.sum(list(parts), axis=0)
    return pa.Table.from_pylist(
        [
            {
                "feature": feature,
                "reason": reason_of(feature),
                "as_of_date": cases.as_of_date,
                "horizon_days": cases.horizon_days,
                "customers": len(sample),
                "mean_contribution": total[place] / len(sample),
                "mean_absolute_contribution": absolute[place] / len(sample),
                "network_version": cases.network_version,
            }
            for place, feature in enumerate(distinct)
        ],
        schema=IMPORTANCE,
    )


@dataclass(frozen=True)
class Cases:
    """What there is to explain.

    Attributes:
        rows: the columns of customer_features that scoring reads, and predicted_spend.
        as_of_date: the scoring date.
        horizon_days: the longest horizon.
        network_version: of the network that scored; None where the prior did.
        explainer: of these.

    """

    rows: Relation
    as_of_date: date
    horizon_days: int
    network_version: str | None
    explainer: Explainer

    @classmethod
    def find(
        cls,
        networks: Relation,
        features: Relation,
        scores: Relation,
    ) -> "Cases | None":
        """Find the last scores and what made them; None where there are no scores."""
        as_of, horizon, version = scores.aggregate(
            "max(as_of_date), max(horizon_days), max(network_version)"
        ).fetchall()[0]
        (newest,) = features.aggregate("max(as_of_date)").fetchall()[0]
        if as_of is None or newest is None:
            return None
        accepted = last_accepted(networks, newest)
        expected = accepted.version if accepted else None
        if (as_of, version) != (newest, expected):
            raise ValueError(
                f"clv_scores are of {as_of} by network {version}, customer_features "
                f"of {newest} and the accepted network is {expected}: build both, "
                "dbt build --select clv_scores+"
            )
        network = accepted.network if accepted else no_correction()
        columns = ", ".join(network.config.columns)
        today = features.filter(f"as_of_date = date '{as_of}'").project(columns)
        prior = accepted.prior if accepted else fit_prior(today)
        longest = scores.filter(f"horizon_days = {horizon}")
        predicted = longest.project("customer_key, predicted_spend")
        explainer = Explainer.of(
            network,
            prior,
            Customers.from_arrow(fixed_sample(today).to_arrow_table()),
            np.datetime64(as_of),
            horizon,
            today.aggregate("max(frequency), max(tenure_days)").fetchall()[0],
        )
        rows = today.join(predicted, "customer_key")
        return cls(rows, as_of, horizon, version, explainer)


def typical_of(inputs: Inputs) -> Inputs:
    """Mean of some inputs over customers, who are their first axis."""
    return inputs.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)


def no_correction() -> Network:
    """Make a network that leaves the prior as it is, however little it expects."""
    network = untrained(NetworkConfig(hidden_units=()))
    return replace(network, scale=LEAST_SPEND / LEAST_SHARE_OF_MEAN_SPEND)


def _customers(rows: pa.RecordBatch) -> tuple[Customers, Floats]:
    """Take rows of Cases apart."""
    return Customers.from_arrow(rows), rows["predicted_spend"].to_numpy()
