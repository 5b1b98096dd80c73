"""One row per judged origin, horizon, model and customer: forecast and truth."""

from clv_warehouse.clv.backtest import SCHEMA, backtest
from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import standing


def model(dbt, session):
    dbt.config(materialized="table")
    plan = dbt.ref("training_plan")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    horizons = dbt.config.meta_get("horizons")
    earlier = standing(session, dbt.this, SCHEMA)
    return backtest(Plan.of(plan, NETWORK), features, targets, horizons, earlier)
