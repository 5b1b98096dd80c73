"""One row per offer: how a ranking by its uplift did on customers it had not seen."""

from clv_warehouse.learning.plan import Plan
from clv_warehouse.marketing.backtest import backtest
from clv_warehouse.marketing.registry import LEARNED


def model(dbt, session):
    dbt.config(materialized="incremental")
    plan = dbt.ref("training_plan")
    cases = dbt.ref("uplift_cases")
    return backtest(Plan.of(plan, LEARNED), cases)
