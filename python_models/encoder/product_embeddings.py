"""One row per product and encoder: where it lies among the tastes of customers."""

from clv_warehouse.encoder.vectors import of_products


def model(dbt, session):
    dbt.config(materialized="table")
    encoders = dbt.ref("encoder")
    dates = dbt.ref("as_of_dates")
    return of_products(encoders, dates)
