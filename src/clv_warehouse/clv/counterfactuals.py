"""Forecasts customers as they would be if they had behaved otherwise.

models/clv/counterfactual_features.sql says what would be known of them, by the SQL that
says what is. Here they are scored as all customers are.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from clv_warehouse.clv.scoring import BATCH_ROWS, SCHEMA, Scorer
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation

SCENARIO = "scenario"
# What lifetime values are made of; nobody reads the quantiles.
LEFT_OUT = ("spend_p10", "spend_p50", "spend_p90", "expected_orders", "next_order_days")
SCENARIOS = pa.schema(
    [
        pa.field(SCENARIO, pa.string()),
        *(field for field in SCHEMA if field.name not in LEFT_OUT),
    ]
)


@doorway
def score_counterfactuals(
    networks: Relation,
    features: Relation,
    days: Relation,
    histories: Relation,
    horizons: Sequence[int],
    lifetime_years: int,
) -> pa.Table | ByBatch:
    """Forecast rows of counterfactual_features, each as of its own date.

    The network or prior is the one that makes clv_scores of `features`, rows of
    customer_features.
    """
    scorer = Scorer.find(networks, features, days, horizons, lifetime_years)
    if scorer is None:
        return SCENARIOS.empty_table()
    columns = ", ".join((SCENARIO, *scorer.reads.columns))
    rows = histories.project(columns).order("as_of_date, scenario, customer_key")

    def scored(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        return [each for part in by_date(batch) for each in score_part(scorer, part)]

    return ByBatch(rows, scored, SCENARIOS, BATCH_ROWS)


def by_date(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Cut a batch, in order of dates, where the date changes, to score it by date."""
    if not batch.num_rows:
        return []
    dates = batch["as_of_date"].to_numpy(zero_copy_only=False)
    cuts = np.flatnonzero(dates[1:] != dates[:-1]) + 1
    ends = [*cuts.tolist(), batch.num_rows]
    return [
        batch.slice(start, end - start)
        for start, end in zip([0, *cuts.tolist()], ends, strict=True)
    ]


def score_part(scorer: Scorer, part: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Forecast histories of one date, a batch per horizon."""
    found = []
    for scores in scorer(part):
        columns = [
            part[SCENARIO] if name == SCENARIO else scores[name]
            for name in SCENARIOS.names
        ]
        found.append(pa.record_batch(columns, schema=SCENARIOS))
    return found
