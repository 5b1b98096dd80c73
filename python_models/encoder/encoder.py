"""One row per encoder that was trained, and whether it may score."""

from clv_warehouse.encoder.training import ENCODER, trained
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("encoder_metrics")
    verdicts = dbt.ref("head_metrics")
    sequences = dbt.ref("customer_sequences")
    products = dbt.ref("product_popularity")
    plan = Plan.of(plan, ENCODER)
    return trained(plan, metrics, verdicts, sequences, products)
