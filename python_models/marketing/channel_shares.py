"""One row per budget: what its money brings, and what it should get."""

from clv_warehouse.marketing.channels import plan_channels


def model(dbt, session):
    dbt.config(materialized="table")
    weeks = dbt.ref("budget_weeks")
    values = dbt.ref("channel_lifetimes")
    return plan_channels(weeks, values)
