"""One row per model, list, customer and rank: what it would have recommended."""

from clv_warehouse.learning.plan import Plan
from clv_warehouse.recommendations.backtest import backtest
from clv_warehouse.recommendations.rankers import LEARNED


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    purchases = dbt.ref("product_purchases")
    products = dbt.ref("offered_products")
    tastes = dbt.ref("customer_vectors")
    vectors = dbt.ref("product_vectors")
    return backtest(Plan.of(plan, LEARNED), purchases, products, tastes, vectors)
