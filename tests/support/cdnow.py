"""The CDNOW sample as a history, for tests against published figures."""

from pathlib import Path

import numpy as np
import pandas as pd

from clv_warehouse.clv.history import History

WEEK = 7.0


def cdnow_sample(path: Path) -> History:
    """Read its first 39 weeks, in days, with the amounts of repeat purchases only."""
    purchases = pd.read_csv(
        path,
        sep=r"\s+",
        names=["master_id", "customer", "date", "discs", "amount"],
    )
    purchases["date"] = pd.to_datetime(purchases["date"].astype(str))
    end = pd.Timestamp("1997-09-30")
    known = purchases[purchases["date"] <= end]
    days = known.groupby(["customer", "date"], as_index=False)["amount"].sum()
    customers = days.groupby("customer")
    first, last = customers["date"].min(), customers["date"].max()
    repeats = (customers.size() - 1).to_numpy()
    repeat_spend = (customers["amount"].sum() - customers["amount"].first()).to_numpy()
    return History(
        frequency=repeats,
        recency=(last - first).dt.days.to_numpy(),
        age=(end - first).dt.days.to_numpy(),
        monetary=repeat_spend / np.maximum(repeats, 1),
        purchases=repeats,
    )


def customer(frequency: float, recency: float, age: float, mean: float = 1) -> History:
    return History(*(np.array([value]) for value in (frequency, recency, age, mean)))
