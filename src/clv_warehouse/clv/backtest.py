"""Forecasts as they would have been made at past dates, beside what came of them."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.baselines import BASELINES, Baseline
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import COLUMNS, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.registry import NETWORK, Plan
from clv_warehouse.clv.training import train
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.apart import apart
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
    ]
)


@doorway
def backtest(
    plan: Plan,
    features: Relation,
    targets: Relation,
    horizons: Sequence[int],
    standing: pa.Table,
) -> pa.Table:
    """Each horizon judged at the date from which it reaches the as-of date.

    Rows of backtest_predictions; none where there is no such date with features, and
    those that stand when no training is due.
    """
    if not plan.is_due or plan.as_of_date is None:
        return standing
    config = NetworkConfig.from_json(plan.network)
    known = known_rows(features, targets, config.columns)
    return apart(judge_all, plan.as_of_date, sorted(horizons), config, **known)


def judge_all(
    end: date,
    horizons: Sequence[int],
    config: NetworkConfig,
    features: pa.Table,
    targets: pa.Table,
) -> pa.Table:
    """All models at each date from which a horizon reaches `end`."""
    observations = Observations.from_arrow(features, targets)
    progress = Progress("backtest_predictions")
    judged = [
        judge(observations, end, horizon, config, BASELINES, progress)
        for horizon in horizons
    ]
    return pa.concat_tables([SCHEMA.empty_table(), *judged])


def known_rows(
    features: Relation,
    targets: Relation,
    columns: Sequence[str] = COLUMNS,
) -> dict[str, Relation]:
    """All past customers whose later spend is known, and that spend."""
    origins = targets.project("as_of_date").distinct().fetchall()
    dates = [f"as_of_date = date '{day}'" for (day,) in sorted(origins)]
    known = features.filter(" or ".join(dates) or "false")
    return {
        "features": known.project(", ".join(columns)),
        "targets": targets.project(
            "customer_key, as_of_date, horizon_days, spend, purchases"
        ),
    }


def read_observations(
    features: Relation,
    targets: Relation,
    columns: Sequence[str] = COLUMNS,
) -> Observations:
    """All past customers whose later spend is known, with that spend."""
    known = known_rows(features, targets, columns)
    return Observations.from_arrow(
        **{name: rows.to_arrow_table() for name, rows in known.items()}
    )


def judge(
    observations: Observations,
    end: date,
    horizon_days: int,
    config: NetworkConfig,
    baselines: Mapping[str, Baseline],
    progress: Progress,
) -> pa.Table:
    """All models at the date from which the horizon reaches `end`.

    They learn from horizons that were over by then, and know the customers of then.
    """
    origin = np.datetime64(end, "D") - horizon_days
    judged = observations.where(
        (observations.as_of_date == origin)
        & (observations.horizon_days == horizon_days)
    )
    if not len(judged):
        return SCHEMA.empty_table()
    training = observations.known_at(origin)
    progress.say(
        f"{horizon_days} days from {origin}: {len(judged)} customers judged, "
        f"{len(training)} observations to learn from"
    )
    prior = Prior.fit(judged.history)
    today = judged.customers.take(judged.row)
    network = train(training, prior, today, config, progress)
    forecast = network.predict(prior, judged)
    tables = [
        _rows(judged, NETWORK, forecast.spend, forecast.chance, forecast.quantiles)
    ]
    for name, baseline in baselines.items():
        chance = None
        if name == "bgnbd_gamma_gamma":
            chance = prior.chance_of_buying(judged.history, judged.horizon_days)
        tables.append(_rows(judged, name, baseline.predict(training, judged), chance))
        progress.say(f"{horizon_days} days from {origin}: {name} judged")
    return pa.concat_tables(tables)


def _rows(
    judged: Observations,
    model: str,
    spend: NDArray,
    chance: NDArray | None = None,
    quantiles: NDArray | None = None,
) -> pa.Table:
    """One model's forecasts of the judged customers, with the truth."""
    count = len(judged)
    missing = pa.nulls(count, pa.float64())
    columns = [spend, chance, *(quantiles.T if quantiles is not None else [None] * 3)]
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
        ],
        schema=SCHEMA,
    )
