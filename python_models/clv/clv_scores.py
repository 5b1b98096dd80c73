"""One row per customer and horizon: what the accepted network expects them to spend."""

from clv_warehouse.clv.scoring import score


def model(dbt, session):
    dbt.config(materialized="table")
    networks = dbt.ref("clv_network")
    features = dbt.ref("customer_features")
    days = dbt.ref("shop_days")
    horizons = dbt.config.meta_get("horizons")
    lifetime_years = dbt.config.meta_get("lifetime_years")
    return score(networks, features, days, horizons, lifetime_years)
