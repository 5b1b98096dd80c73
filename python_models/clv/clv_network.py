"""One row per training of the network, with its weights and whether it may score."""

from clv_warehouse.clv.registry import SCHEMA, Plan, standing
from clv_warehouse.clv.retraining import trained


def model(dbt, session):
    dbt.config(materialized="table")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("backtest_metrics")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    earlier = standing(session, dbt.this, SCHEMA)
    return trained(Plan.of(plan), metrics, features, targets, earlier)
