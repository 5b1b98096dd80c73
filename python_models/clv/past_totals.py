"""One row per past date and horizon: the total that the prior said, and what came."""

from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.clv.totals import past_totals
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    features = dbt.ref("customer_features")
    targets = dbt.ref("customer_targets")
    days = dbt.ref("shop_days")
    horizons = dbt.config.meta_get("horizons")
    return past_totals(Plan.of(plan, NETWORK), features, targets, days, horizons)
