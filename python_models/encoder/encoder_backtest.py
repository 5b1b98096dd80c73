"""One row per model and customer: what it said of them as of a past date."""

from clv_warehouse.encoder.training import ENCODER, backtest
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    sequences = dbt.ref("customer_sequences")
    return backtest(Plan.of(plan, ENCODER), sequences)
