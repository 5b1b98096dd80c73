"""One row per customer and offer: the effect that is expected."""

from clv_warehouse.marketing.scoring import score


def model(dbt, session):
    dbt.config(materialized="table")
    trainings = dbt.ref("uplift")
    customers = dbt.ref("uplift_customers")
    dates = dbt.ref("as_of_dates")
    risk_quantile = dbt.config.meta_get("risk_quantile")
    return score(trainings, customers, dates, risk_quantile)
