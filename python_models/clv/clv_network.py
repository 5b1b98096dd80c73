"""One row per network that was trained, with its weights and whether it may score."""

from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.clv.retraining import trained
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import SCHEMA, standing


def model(dbt, session):
    dbt.config(materialized="table")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("backtest_metrics")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    earlier = standing(session, dbt.this, SCHEMA)
    return trained(Plan.of(plan, NETWORK), metrics, features, targets, earlier)
