"""One row per feature: what it adds to predicted spend, over all customers."""

from clv_warehouse.clv.explanation import weigh


def model(dbt, session):
    dbt.config(materialized="table")
    networks = dbt.ref("clv_network")
    features = dbt.ref("customer_features")
    days = dbt.ref("shop_days")
    scores = dbt.ref("clv_scores")
    return weigh(networks, features, days, scores)
