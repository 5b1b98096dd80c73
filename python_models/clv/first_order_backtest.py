"""One row per past date, horizon, model and new customer: spend expected, and spent."""

from clv_warehouse.clv.first_orders import judge_first_orders
from clv_warehouse.clv.registry import NETWORK
from clv_warehouse.learning.plan import Plan


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    features = dbt.ref("customer_features")
    first_orders = dbt.ref("first_orders")
    customer_days = dbt.ref("customer_days")
    days = dbt.ref("shop_days")
    horizons = dbt.config.meta_get("horizons")
    return judge_first_orders(
        Plan.of(plan, NETWORK), features, first_orders, customer_days, days, horizons
    )
