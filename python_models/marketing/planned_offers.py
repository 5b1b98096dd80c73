"""One row per customer who gets an offer: which one."""

from clv_warehouse.marketing.planning import planned


def model(dbt, session):
    dbt.config(materialized="table")
    offers = dbt.ref("plannable_offers")
    limits = dbt.ref("campaign_limits")
    budget = dbt.config.meta_get("budget")
    return planned(offers, limits, budget)
