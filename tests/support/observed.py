"""Makes observations by hand or by chance, without a warehouse."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.feature_set import current_features
from clv_warehouse.clv.observations import Customers, Observations


def observed(
    horizon_days: list[int] | NDArray,
    spend: list[float] | NDArray | None = None,
    as_of_date: str | NDArray = "2024-06-30",
    **columns: list[float] | NDArray,
) -> Observations:
    """One customer per observation, with plain values where `columns` has none."""
    horizons = np.asarray(horizon_days)
    n = len(horizons)
    plain = {"frequency": 2, "recency_days": 10, "tenure_days": 100, "amount_mean": 50}
    features = current_features().without_sequences
    numbers = {
        name: np.broadcast_to(columns.get(name, plain.get(name, 0)), n).astype(float)
        for name in features.columns[2:]
    }
    dates = np.broadcast_to(np.asarray(as_of_date, dtype="datetime64[D]"), n)
    keys = pa.array([str(place) for place in range(n)])
    known = None if spend is None else np.asarray(spend, dtype=float)
    customers = Customers(keys, dates, numbers, features)
    return Observations(customers, np.arange(n), horizons, known)


def shop(n: int, seed: int) -> Observations:
    """Customers whose spend is noise around an even share of the last year's."""
    random = np.random.default_rng(seed)
    frequency = random.integers(1, 9, n)
    tenure = random.integers(200, 800, n)
    last_year = random.gamma(1.5, 200, n)
    horizon = random.choice([91, 365], n)
    return observed(
        horizon,
        spend=last_year * horizon / 365 * random.gamma(4, 1 / 4, n),
        as_of_date=np.datetime64("2024-01-31") + 30 * random.integers(0, 5, n),
        frequency=frequency,
        tenure_days=tenure,
        recency_days=np.where(frequency > 1, tenure // 4, tenure),
        amount_mean=random.gamma(3, 20, n),
        spend_365d=last_year,
        past_spend=last_year * tenure / 365,
        cycle_days=np.where(frequency > 1, 30, np.nan),
        formula_value=np.where(frequency > 1, 30 * last_year, np.nan),
    )
