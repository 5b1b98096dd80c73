"""One row per judged origin, horizon, model and customer: forecast and truth."""

from clv_warehouse.clv.backtest import backtest
from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    days = dbt.ref("shop_days")
    horizons = dbt.config.meta_get("horizons")
    return backtest(Plan.of(plan, NETWORK), features, targets, days, horizons)
