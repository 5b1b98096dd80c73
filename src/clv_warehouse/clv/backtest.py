"""Makes forecasts as of past dates, beside what customers then spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.baselines import BASELINES
from clv_warehouse.clv.feature_set import FeatureSet, current_features
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.clv.registry import NETWORK, PRIOR, network_config
from clv_warehouse.clv.rhythm import Window
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.spread import Spread
from clv_warehouse.clv.training import train
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress

SCHEMA = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("model", pa.string()),
        ("customer_key", pa.string()),
        ("predicted_spend", pa.float64()),
        ("chance_of_buying", pa.float64()),
        ("spend_p10", pa.float64()),
        ("spend_p50", pa.float64()),
        ("spend_p90", pa.float64()),
        ("actual_spend", pa.float64()),
        ("actual_purchases", pa.int32()),
        # How a training went, in the first row of its forecasts.
        ("history", pa.string()),
    ]
)


@doorway
def backtest(
    plan: Plan,
    features: Relation,
    targets: Relation,
    days: Relation,
    horizons: Sequence[int],
) -> pa.Table:
    """Judge each horizon at the date from which it reaches the as-of date.

    Returns rows of backtest_predictions; none if no training is due, for then those of
    earlier runs stand, and none if no such date has features.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    config = network_config(plan)
    known = known_rows(features, targets, config.features)
    return apart(
        judge_all, plan.as_of_date, sorted(horizons), config, **known, days=days
    )


def judge_all(
    end: date,
    horizons: Sequence[int],
    config: NetworkConfig,
    features: pa.Table,
    targets: pa.Table,
    days: pa.Table,
) -> pa.Table:
    """Judge all models at each date from which a horizon reaches `end`."""
    observations = Observations.from_arrow(features, targets)
    shop_days = ShopDays.from_arrow(days)
    progress = Progress("backtest_predictions")
    judged = [
        judge(observations, shop_days, end, horizon, config, progress)
        for horizon in horizons
    ]
    return pa.concat_tables([SCHEMA.empty_table(), *judged])


def known_rows(
    features: Relation,
    targets: Relation,
    reads: FeatureSet | None = None,
) -> dict[str, Relation]:
    """Return all past customers whose later spend is known, and that spend.

    `reads` are the features to read, by default all except sequences.
    """
    if reads is None:
        reads = current_features().without_sequences
    origins = targets.project("as_of_date").distinct().fetchall()
    dates = [f"as_of_date = date '{day}'" for (day,) in sorted(origins)]
    known = features.filter(" or ".join(dates) or "false")
    return {
        "features": known.project(", ".join(reads.columns)),
        "targets": targets.project(
            "customer_key, as_of_date, horizon_days, spend, purchases"
        ),
    }


def read_observations(
    features: Relation,
    targets: Relation,
    reads: FeatureSet | None = None,
) -> Observations:
    """Read all past customers whose later spend is known, with that spend."""
    known = known_rows(features, targets, reads)
    return Observations.from_arrow(
        **{name: rows.to_arrow_table() for name, rows in known.items()}
    )


def judge(
    observations: Observations,
    days: ShopDays,
    end: date,
    horizon_days: int,
    config: NetworkConfig,
    progress: Progress,
) -> pa.Table:
    """Judge all models at the date from which the horizon reaches `end`."""
    case = Case.of(observations, days, end, horizon_days)
    if not len(case.judged):
        return SCHEMA.empty_table()
    place = f"{horizon_days} days from {case.origin}"
    progress.say(
        f"{place}: {len(case.judged)} customers judged, "
        f"{len(case.training)} observations to learn from"
    )
    tables = [case.network_rows(config, progress), case.prior_rows()]
    for name, baseline in BASELINES.items():
        tables.append(case.rows(name, baseline.predict(case.training, case.judged)))
    progress.say(f"{place}: {', '.join((PRIOR, *BASELINES))} judged")
    return pa.concat_tables(tables)


@dataclass(frozen=True)
class Case:
    """An origin whose horizon is over: what was known, and which customers are judged.

    Attributes:
        origin: the date.
        training: observations whose horizons were over by then.
        judged: the customers known then, with what they spent later; perhaps none.
        days: what had happened in the shop by then.

    """

    origin: np.datetime64
    training: Observations
    judged: Observations
    days: ShopDays

    @classmethod
    def of(
        cls, observations: Observations, days: ShopDays, end: date, horizon_days: int
    ) -> "Case":
        """Find the case whose horizon reaches `end`."""
        origin = np.datetime64(end, "D") - horizon_days
        judged = observations.where(
            (observations.as_of_date == origin)
            & (observations.horizon_days == horizon_days)
        )
        return cls(origin, observations.known_at(origin), judged, days.until(origin))

    @cached_property
    def prior(self) -> Prior:
        """The prior, fitted on the judged customers."""
        return Prior.fit(
            self.judged.history, self.days, lambda: Window.of(self.training)
        )

    def network_rows(self, config: NetworkConfig, progress: Progress) -> pa.Table:
        """Train a network on what was known; return its forecasts.

        There are none if too little was known to learn from: the network is then the
        untrained prior, and how good that is says nothing of a trained network.
        """
        today = self.judged.customers.take(self.judged.row)
        progress = Progress(progress.work)
        network = train(self.training, self.prior, today, config, progress)
        if not network.corrects:
            return SCHEMA.empty_table()
        forecast = network.predict(self.prior, self.judged)
        return self.rows(
            *(NETWORK, forecast.spend, forecast.chance, forecast.quantiles),
            history=progress.history,
        )

    def prior_rows(self) -> pa.Table:
        """Return forecasts of the prior alone, which learns from no target."""
        history, days = self.judged.history, self.judged.horizon_days
        prospects = Prospects(self.prior, history)
        purchases, chance = prospects.purchases(days), prospects.chance(days)
        spend = purchases * prospects.amount_ahead(days)
        quantiles = Spread.fit(history).quantiles(history, spend, purchases, chance)
        return self.rows(PRIOR, spend, chance, quantiles)

    def rows(
        self,
        model: str,
        spend: NDArray,
        chance: NDArray | None = None,
        quantiles: NDArray | None = None,
        history: str | None = None,
    ) -> pa.Table:
        """Return one model's forecasts of the judged customers, with their spend."""
        judged, count = self.judged, len(self.judged)
        missing = pa.nulls(count, pa.float64())
        columns = [
            spend,
            chance,
            *(quantiles.T if quantiles is not None else [None] * 3),
        ]
        return pa.table(
            [
                pa.array(judged.as_of_date),
                pa.array(judged.horizon_days, pa.int32()),
                pa.repeat(model, count),
                judged.customers.customer_key.take(pa.array(judged.row)),
                *(
                    missing if column is None else pa.array(column.astype(np.float64))
                    for column in columns
                ),
                pa.array(judged.spend),
                pa.array(judged.purchases, pa.int32()),
                pa.array([history, *[None] * (count - 1)], pa.string()),
            ],
            schema=SCHEMA,
        )
