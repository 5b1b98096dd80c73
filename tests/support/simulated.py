"""A made-up shop's customer_features and customer_targets, computed the slow way."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from clv_warehouse.project.features import read_features

FIRST = date(2024, 1, 1)
# The rows of shop_days of a shop that says nothing of its season.
NO_DAYS = pa.schema(
    [
        ("activity_date", pa.date32()),
        ("new_customers", pa.int64()),
        ("purchases", pa.int64()),
        ("purchase_amount", pa.float64()),
        ("net_amount", pa.float64()),
    ]
).empty_table()
HORIZONS = (30, 91)
# What this shop does not compute has no value, or zero where it must have one.
OTHER_FEATURES = {
    feature.name: None if feature.is_nullable else 0 for feature in read_features()
}


def shop(customers=150, days=420, seed=7, price=None):
    """Feature and target tables of customers who buy at a rate of their own.

    Each purchase costs `price`, if there is one, else what the customer likes to spend.
    """
    random = np.random.default_rng(seed)
    purchases = {}
    for customer in range(customers):
        start = int(random.integers(0, days // 2))
        gaps = random.exponential(random.gamma(2, 30), size=40).astype(int) + 1
        on = np.concatenate([[start], start + np.cumsum(gaps)])
        on = on[on <= random.integers(days // 3, 2 * days)]
        on = on[on < days] if (on < days).any() else np.array([start])
        level = random.lognormal(3, 0.7)
        spent = level * random.lognormal(0, 0.3, size=len(on))
        if price is not None:
            spent = np.full(len(on), price)
        purchases[f"c{customer:04d}"] = on, spent.round(2)
    origins = range(60, days, 30)
    return features(purchases, origins), targets(purchases, origins, days - 1)


def features(purchases, origins):
    rows = []
    for origin in origins:
        for key, (on, spent) in purchases.items():
            past, amounts = on[on <= origin], spent[on <= origin]
            if not len(past):
                continue
            gaps = np.diff(past)
            row = {
                "customer_key": key,
                "as_of_date": FIRST + timedelta(days=origin),
                "frequency": len(past),
                "recency_days": int(origin - past[-1]),
                "tenure_days": int(origin - past[0]),
                "cycle_days": float(gaps.mean()) if len(gaps) else None,
                "cycle_sd_days": float(gaps.std(ddof=1)) if len(gaps) > 1 else None,
                "amount_mean": float(amounts.mean()),
                "amount_sd": float(amounts.std(ddof=1)) if len(gaps) else None,
                "amount_last": float(amounts[-1]),
                "amount_max": float(amounts.max()),
                "orders": len(past),
                "items": float(len(past)),
                "distinct_products": 1,
                "past_spend": float(amounts.sum()),
                "returned_amount": 0.0,
                "return_days": 0,
                "purchase_days_before": [int(day) for day in (origin - past)[-16:]],
                "purchase_amounts": amounts[-16:].tolist(),
                **visits_and_reviews(int(key[1:]), len(past)),
            }
            for window in (30, 90, 180, 365):
                recent = origin - past < window
                row[f"spend_{window}d"] = float(amounts[recent].sum())
                row[f"purchases_{window}d"] = int(recent.sum())
            cycle = row["cycle_days"]
            row["formula_value"] = cycle and len(past) * row["amount_mean"] * cycle
            rows.append(OTHER_FEATURES | row)
    return pa.Table.from_pylist(rows)


def visits_and_reviews(number, frequency):
    """Every third customer reviews and is never seen, every fifth has no channel."""
    reviews = frequency if number % 3 == 0 else 0
    return {
        "views_30d": 0 if reviews else number % 7,
        "carts_30d": 0 if reviews else number % 2,
        "sessions_30d": 0 if reviews else number % 2,
        "days_since_seen": None if reviews else number % 11,
        "reviews": reviews,
        "rating_mean": 1.0 + number % 5 if reviews else None,
        "rating_last": 1 + number % 5 if reviews else None,
        "acquisition_channel": [None, "search", "social", "radio", "fair"][number % 5],
    }


def targets(purchases, origins, last):
    rows = [
        {
            "customer_key": key,
            "as_of_date": FIRST + timedelta(days=origin),
            "horizon_days": horizon,
            "spend": float(spent[(on > origin) & (on <= origin + horizon)].sum()),
            "purchases": int(((on > origin) & (on <= origin + horizon)).sum()),
        }
        for origin in origins
        for horizon in HORIZONS
        if origin + horizon <= last
        for key, (on, spent) in purchases.items()
        if (on <= origin).any()
    ]
    return pa.Table.from_pylist(rows)
