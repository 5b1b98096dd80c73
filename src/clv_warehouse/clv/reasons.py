"""The reasons of explanations, and which input of the network belongs to which."""

from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import CHANNEL, CUSTOMER_INPUTS

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
