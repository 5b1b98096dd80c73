"""Makes customer_features of the scoring date in pandas, from the same raw tables."""

import time
from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from benchmarks.floor import CODES

CANCELLED = ("cancelled", "canceled", "void", "voided", "failed", "unavailable")
WINDOWS = (30, 90, 180, 365)
LAST_PURCHASES = 16
# The shop has orders and their lines, and no other feeds.
NOTHING_COUNTED = ("views_30d", "carts_30d", "sessions_30d", "reviews")
NOTHING_KNOWN = ("days_since_seen", "rating_mean", "rating_last", "acquisition_channel")
DAY = pd.Timedelta(days=1)
LINE = ["order_id", "line_number"]


def make_features(warehouse: str, made: str) -> float:
    """Write customer_features of the scoring date into a new DuckDB file `made`.

    Returns the seconds that pandas took: what it takes to read the raw tables of
    `warehouse`, and to write, is not counted.
    """
    with duckdb.connect(warehouse, read_only=True) as connection:
        orders = connection.sql("from raw.orders").df()
        lines = connection.sql("from raw.order_lines").df()
    line_types = pd.read_csv(CODES, index_col="product_id")["line_type"]
    started = time.monotonic()
    features = features_of(orders, lines, line_types)
    features = features.rename(columns={"customer_key": "customer_id"})
    seconds = time.monotonic() - started
    with duckdb.connect(made) as connection:
        connection.register("features", features)
        connection.execute("create table customer_features as from features")
    return seconds


def features_of(
    orders: pd.DataFrame, lines: pd.DataFrame, line_types: pd.Series
) -> pd.DataFrame:
    """One row per customer, from the raw feeds; `line_types` by product_id."""
    orders = valid_orders(orders)
    lines = valid_lines(lines, orders, line_types)
    orders = with_money(orders, lines)
    scoring_date = orders["ordered_date"].max()
    of_customers = lines[
        lines["is_product"] & lines["customer_key"].notna() & lines["is_sale"]
    ]
    undone = undone_lines(of_customers)
    days = customer_days(orders, undone)
    all_undone = undone.loc[undone["pieces"] == undone["quantity_sold"], LINE]
    kept = of_customers.merge(all_undone, on=LINE, how="left", indicator=True)
    bought = kept.loc[
        (kept["quantity"] > 0) & (kept["_merge"] == "left_only"),
        ["customer_key", "product_id"],
    ]
    products = bought.drop_duplicates().groupby("customer_key").size()
    return summarise(days, products, scoring_date)


def first_of_each(
    rows: pd.DataFrame, key: Sequence[str], order_by: Sequence[str]
) -> pd.DataFrame:
    """Keep one row per key, the first by `order_by`, then by content as text."""
    repeats = rows[list(key)].notna().all(axis=1) & rows.duplicated(key, keep=False)
    repeated = rows[repeats]
    content = pd.DataFrame(
        {
            f"text_{name}": repeated[name].map(
                lambda value: f"{value:.4f}" if isinstance(value, float) else value,
                na_action="ignore",
            )
            for name in rows.columns
        }
    )
    kept = (
        repeated.join(content)
        .sort_values([*order_by, *content.columns])
        .drop_duplicates(key)
    )
    return pd.concat([rows[~repeats], kept[rows.columns]])


def valid_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders with a key and a date that can be."""
    orders = first_of_each(orders, ["order_id"], ["ordered_at"])
    tomorrow = pd.Timestamp.now().normalize() + DAY
    orders = orders[
        orders["order_id"].notna()
        & (orders["ordered_at"] >= pd.Timestamp(1970, 1, 1))
        & (orders["ordered_at"] < tomorrow)
    ]
    return orders.rename(columns={"customer_id": "customer_key"}).assign(
        ordered_date=orders["ordered_at"].dt.normalize(),
        is_sale=~orders["status"].str.lower().isin(CANCELLED),
    )


def valid_lines(
    lines: pd.DataFrame, orders: pd.DataFrame, line_types: pd.Series
) -> pd.DataFrame:
    """Lines of valid orders; `amount` is missing where a line is to be rejected."""
    numbered = first_of_each(lines, ["order_id", "line_number"], ["product_id"])
    unnumbered = numbered[numbered["line_number"].isna()].sort_values(
        ["product_id", "quantity", "unit_price", "discount"]
    )
    numbered["line_number"] = numbered["line_number"].fillna(
        -1 - unnumbered.groupby("order_id").cumcount()
    )
    columns = [
        "order_id", "customer_key", "ordered_at", "ordered_date", "is_sale",
    ]  # fmt: skip
    joined = numbered.merge(orders[columns], on="order_id")
    line_type = (
        joined["line_type"]
        .astype("object")
        .str.lower()
        .fillna(joined["product_id"].map(line_types))
        .fillna("product")
    )
    quantity, price = joined["quantity"], joined["unit_price"]
    sign = np.where(quantity < 0, -1, 1)
    amount = (quantity * price - sign * joined["discount"].fillna(0).abs()).round(4)
    is_valid = (
        line_type.isin(["product", "charge", "shipping"])
        & price.notna()
        & (quantity != 0)
        & ((quantity > 0) | (price > 0))
    )
    return joined.assign(
        amount=amount.where(is_valid),
        is_product=(line_type == "product")
        & joined["product_id"].notna()
        & (price >= 0)
        & is_valid
        & amount.notna(),
    )


def with_money(orders: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Orders with the money of their lines, or their own where they have none."""
    amount = lines["amount"].fillna(0)
    items = lines["quantity"].where(lines["is_product"], 0)
    totals = (
        pd.DataFrame(
            {
                "order_id": lines["order_id"],
                "sold_amount": amount.where(lines["quantity"] > 0, 0),
                "returned_amount": -amount.where(lines["quantity"] < 0, 0),
                "items": items.clip(lower=0),
            }
        )
        .groupby("order_id")
        .sum()
    )
    joined = orders.join(totals, on="order_id")
    own = joined["amount"]
    joined = joined.assign(
        sold_amount=joined["sold_amount"].fillna(own.clip(lower=0)).round(4),
        returned_amount=joined["returned_amount"].fillna(-own.clip(upper=0)).round(4),
        items=joined["items"].fillna(0),
    )
    return joined[joined["sold_amount"].notna()]


def undone_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """What returns undid of sales of their own day: one row per line that was sold.

    As models/orders/matched_returns.sql pairs them.
    """
    pair = ["customer_key", "product_id"]
    returned_pairs = lines.loc[lines["quantity"] < 0, pair].drop_duplicates()
    found = lines.merge(returned_pairs, on=pair).sort_values(
        [*pair, "ordered_at", "quantity", "order_id", "line_number"],
        ascending=[True, True, True, False, True, True],
    )
    is_sale = found["quantity"] > 0
    found["position"] = found.groupby(pair).cumcount()
    found["sale"] = found["position"].where(is_sale)
    found["pieces"] = found["quantity"].abs()
    found["step"] = np.where(is_sale, 1, -1)
    alike = [*pair, "unit_price", "pieces"]
    found["depth"] = found.groupby(alike)["step"].cumsum() + ~is_sale
    found["undone"] = (
        found.groupby([*alike, "depth"])["sale"]
        .ffill()
        .fillna(found.groupby(pair)["sale"].ffill())
    )
    sales = found.loc[is_sale, [*pair, *LINE, "position", "ordered_date", "quantity"]]
    matched = found[~is_sale].merge(
        sales,
        left_on=[*pair, "undone"],
        right_on=[*pair, "position"],
        suffixes=("", "_sold"),
    )
    so_far = matched.groupby([*pair, "undone"])["pieces"].cumsum()
    same_day = matched[
        (so_far <= matched["quantity_sold"])
        & (matched["ordered_date"] == matched["ordered_date_sold"])
    ]
    undone = same_day.assign(amount=-same_day["amount"])
    return (
        undone.groupby([f"{name}_sold" for name in LINE])
        .agg({"amount": "sum", "pieces": "sum", "quantity_sold": "first"})
        .rename_axis(LINE)
        .reset_index()
    )


def customer_days(orders: pd.DataFrame, undone_lines: pd.DataFrame) -> pd.DataFrame:
    """One row per customer and day, in order."""
    undone_orders = undone_lines.groupby("order_id")[["amount", "pieces"]].sum()
    counted = orders[orders["customer_key"].notna() & orders["is_sale"]]
    counted = counted.join(
        undone_orders.rename(columns={"amount": "undone", "pieces": "undone_items"}),
        on="order_id",
    ).fillna({"undone": 0, "undone_items": 0})
    counted["undone"] = counted[["undone", "sold_amount"]].min(axis=1)
    days = (
        counted.assign(
            orders=(counted["sold_amount"] - counted["undone"]).round(4) > 0,
            items=counted["items"] - counted["undone_items"],
        )
        .groupby(["customer_key", "ordered_date"])[
            ["orders", "items", "sold_amount", "returned_amount", "undone"]
        ]
        .sum()
    )
    undone = days["undone"]
    purchase_amount = (days["sold_amount"] - undone).round(4)
    return days.assign(
        net_amount=days["sold_amount"] - days["returned_amount"],
        returned_amount=(days["returned_amount"] - undone).round(4),
        purchase_amount=purchase_amount.where(purchase_amount > 0),
    ).reset_index()


def summarise(
    days: pd.DataFrame, products: pd.Series, scoring_date: pd.Timestamp
) -> pd.DataFrame:
    """One row per customer with a purchase."""
    days["days_before"] = (scoring_date - days["ordered_date"]) // DAY
    days["has_return"] = days["returned_amount"] > 0
    for window in WINDOWS:
        recent = days["days_before"] < window
        days[f"spend_{window}d"] = days["net_amount"].where(recent, 0)
        days[f"purchases_{window}d"] = recent & days["purchase_amount"].notna()
    purchases = days[days["purchase_amount"].notna()].copy()
    by_customer = purchases.groupby("customer_key")
    purchases["gap_days"] = by_customer["ordered_date"].diff() / DAY
    dates, amounts = by_customer["ordered_date"], by_customer["purchase_amount"]
    gaps = by_customer["gap_days"]
    last = by_customer.tail(LAST_PURCHASES).groupby("customer_key")
    windowed = [
        f"{name}_{window}d" for window in WINDOWS for name in ("spend", "purchases")
    ]
    sums = days.groupby("customer_key")[
        ["orders", "items", "net_amount", "returned_amount", "has_return", *windowed]
    ].sum()
    features = pd.DataFrame(
        {
            "first_purchase_date": dates.min(),
            "last_purchase_date": dates.max(),
            "frequency": dates.size(),
            "cycle_days": gaps.mean(),
            "cycle_sd_days": gaps.std(),
            "amount_mean": amounts.mean(),
            "amount_sd": amounts.std(),
            "amount_last": amounts.last(),
            "amount_max": amounts.max(),
        }
    ).join(
        sums.rename(columns={"net_amount": "past_spend", "has_return": "return_days"})
    )
    return features.assign(
        as_of_date=scoring_date,
        recency_days=(scoring_date - features["last_purchase_date"]) // DAY,
        tenure_days=(scoring_date - features["first_purchase_date"]) // DAY,
        distinct_products=products.reindex(features.index, fill_value=0),
        purchase_days_before=last["days_before"].agg(list),
        purchase_amounts=last["purchase_amount"].agg(list),
        **dict.fromkeys(NOTHING_COUNTED, 0),
        **dict.fromkeys(NOTHING_KNOWN),
        formula_value=features["frequency"]
        * features["amount_mean"]
        * features["cycle_days"],
    ).reset_index()
