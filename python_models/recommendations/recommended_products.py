"""One row per customer, list and rank: the product, its score and why it is there."""

from clv_warehouse.recommendations.scoring import recommend


def model(dbt, session):
    dbt.config(materialized="table")
    recommenders = dbt.ref("recommender")
    purchases = dbt.ref("product_purchases")
    customers = dbt.ref("dim_customers")
    products = dbt.ref("offered_products")
    brought = dbt.ref("dim_product_vectors")
    dates = dbt.ref("as_of_dates")
    tastes = dbt.ref("customer_vectors")
    vectors = dbt.ref("product_vectors")
    views = dbt.ref("product_views")
    length = dbt.config.meta_get("length")
    return recommend(
        *(recommenders, purchases, customers, products, brought, dates),
        *(tastes, vectors, length, views),
    )
