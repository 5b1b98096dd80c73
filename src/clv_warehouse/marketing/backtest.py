"""Judges rankings of customers by uplift on customers they were not learned from."""

import pyarrow as pa

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.marketing.effects import judged
from clv_warehouse.marketing.training import features, of_offers, read_cases

SCHEMA = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("offer", pa.string()),
        ("treated", pa.int32()),
        ("untreated", pa.int32()),
        ("qini", pa.float64()),
        ("qini_low", pa.float64()),
        ("qini_high", pa.float64()),
        ("beats_average", pa.bool_()),
    ]
)


@doorway
def backtest(plan: Plan, cases: Relation) -> pa.Table:
    """Judge the ranking of each offer, as rows of uplift_backtest.

    There is none if no training is due, for then those of earlier runs stand.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    progress = Progress("uplift_backtest")
    found = []
    for name, each, _ in of_offers(read_cases(cases)):
        area = judged(each, features())
        treated, untreated = each.arms
        progress.say(f"{name}: {treated} who got it and {untreated} who did not")
        found.append(
            {
                "as_of_date": plan.as_of_date,
                "offer": name,
                "treated": treated,
                "untreated": untreated,
                "qini": area.area,
                "qini_low": area.low,
                "qini_high": area.high,
                "beats_average": area.beats_average,
            }
        )
    return pa.Table.from_pylist(found, schema=SCHEMA)
