"""One row per segment, page and place: the product to show there."""

from clv_warehouse.recommendations.display import display


def model(dbt, session):
    dbt.config(materialized="table")
    counts = dbt.ref("display_counts")
    products = dbt.ref("offered_products")
    dates = dbt.ref("as_of_dates")
    return display(counts, products, dates)
