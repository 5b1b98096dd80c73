"""One row per budget and policy: what it gains."""

from clv_warehouse.marketing.planning import frontier


def model(dbt, session):
    dbt.config(materialized="table")
    offers = dbt.ref("plannable_offers")
    limits = dbt.ref("campaign_limits")
    budget = dbt.config.meta_get("budget")
    return frontier(offers, limits, budget)
