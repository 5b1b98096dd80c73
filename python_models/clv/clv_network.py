"""One row per network that was trained, with its weights and whether it may score."""

from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.clv.retraining import trained
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    metrics = dbt.ref("backtest_metrics")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    days = dbt.ref("shop_days")
    return trained(Plan.of(plan, NETWORK), metrics, features, targets, days)
