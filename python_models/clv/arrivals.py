"""One row per forecast date and month: the customers still to come and their spend."""

from clv_warehouse.clv.arrivals import forecast_arrivals


def model(dbt, session):
    dbt.config(materialized="table")
    cohort_days = dbt.ref("cohort_days")
    horizons = dbt.config.meta_get("horizons")
    return forecast_arrivals(cohort_days, horizons)
