"""One row per customer and date: what the encoder knows of them, as vectors."""

from clv_warehouse.encoder.vectors import of_customers


def model(dbt, session):
    dbt.config(materialized="table")
    encoders = dbt.ref("encoder")
    sequences = dbt.ref("customer_sequences")
    dates = dbt.ref("as_of_dates")
    window = dbt.config.meta_get("window")
    return of_customers(encoders, sequences, dates, window)
