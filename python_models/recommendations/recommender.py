"""One row per recommender that was learned, and whether it may rank."""

from clv_warehouse.learning.plan import Plan
from clv_warehouse.recommendations.rankers import LEARNED
from clv_warehouse.recommendations.training import trained


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("recommendation_metrics")
    purchases = dbt.ref("product_purchases")
    products = dbt.ref("offered_products")
    brought = dbt.ref("dim_product_vectors")
    tastes = dbt.ref("customer_vectors")
    vectors = dbt.ref("product_vectors")
    views = dbt.ref("product_views")
    plan = Plan.of(plan, LEARNED)
    return trained(plan, metrics, purchases, products, brought, tastes, vectors, views)
