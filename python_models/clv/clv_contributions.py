"""One row per customer and reason: what it contributes to the predicted spend."""

from clv_warehouse.clv.explanation import explain


def model(dbt, session):
    dbt.config(materialized="table")
    networks = dbt.ref("clv_network")
    features = dbt.ref("customer_features")
    days = dbt.ref("shop_days")
    scores = dbt.ref("clv_scores")
    customers = dbt.config.meta_get("customers")
    return explain(networks, features, days, scores, customers)
