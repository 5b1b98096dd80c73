"""One row per new customer and horizon: the spend that the first order lets expect."""

from clv_warehouse.clv.first_orders import score_first_orders


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("customer_features")
    first_orders = dbt.ref("first_orders")
    customer_days = dbt.ref("customer_days")
    days = dbt.ref("shop_days")
    horizons = dbt.config.meta_get("horizons")
    return score_first_orders(features, first_orders, customer_days, days, horizons)
