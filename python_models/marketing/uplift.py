"""One row per training of what offers do to customers."""

from clv_warehouse.learning.plan import Plan
from clv_warehouse.marketing.registry import LEARNED
from clv_warehouse.marketing.training import trained


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    judged = dbt.ref("uplift_backtest")
    cases = dbt.ref("uplift_cases")
    return trained(Plan.of(plan, LEARNED), judged, cases)
