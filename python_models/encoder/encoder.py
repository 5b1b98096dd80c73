"""One row per encoder that was trained, and whether it may score."""

from clv_warehouse.encoder.training import ENCODER, trained
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("encoder_metrics")
    sequences = dbt.ref("customer_sequences")
    return trained(Plan.of(plan, ENCODER), metrics, sequences)
