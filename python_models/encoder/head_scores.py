"""One row per customer, outlook and rank: what they are likely to do next."""

from clv_warehouse.encoder.outlooks import of_customers


def model(dbt, session):
    dbt.config(materialized="table")
    encoders = dbt.ref("encoder")
    sequences = dbt.ref("customer_sequences")
    products = dbt.ref("product_popularity")
    dates = dbt.ref("as_of_dates")
    window = dbt.config.meta_get("window")
    return of_customers(encoders, sequences, products, dates, window)
