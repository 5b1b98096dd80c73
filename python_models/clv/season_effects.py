"""One row per month of the year: how much busier it is, as the forecasts have it."""

from clv_warehouse.clv.seasonal import season


def model(dbt, session):
    dbt.config(materialized="table")
    networks = dbt.ref("clv_network")
    features = dbt.ref("customer_features")
    days = dbt.ref("shop_days")
    return season(networks, features, days)
