"""One row per customer, scenario and horizon: what would have been forecast."""

from clv_warehouse.clv.counterfactuals import score_counterfactuals


def model(dbt, session):
    dbt.config(materialized="table")
    networks = dbt.ref("clv_network")
    features = dbt.ref("customer_features")
    days = dbt.ref("shop_days")
    histories = dbt.ref("counterfactual_features")
    horizons = dbt.config.meta_get("horizons")
    years = dbt.config.meta_get("lifetime_years")
    return score_counterfactuals(networks, features, days, histories, horizons, years)
