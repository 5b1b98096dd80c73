"""One row per head and customer: what it and its rule lost as of a past date."""

from clv_warehouse.encoder.training import ENCODER, backtest_heads
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    sequences = dbt.ref("customer_sequences")
    products = dbt.ref("product_popularity")
    return backtest_heads(Plan.of(plan, ENCODER), sequences, products)
