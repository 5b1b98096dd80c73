"""One row per model, list, customer and rank: what it would have recommended."""

from clv_warehouse.learning.plan import Plan
from clv_warehouse.recommendations.backtest import backtest
from clv_warehouse.recommendations.rankers import LEARNED


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    purchases = dbt.ref("product_purchases")
    products = dbt.ref("offered_products")
    brought = dbt.ref("dim_product_vectors")
    tastes = dbt.ref("customer_vectors")
    vectors = dbt.ref("product_vectors")
    views = dbt.ref("product_views")
    plan = Plan.of(plan, LEARNED)
    return backtest(plan, purchases, products, brought, tastes, vectors, views)
