"""Expects the effect of each offer on each customer, batch by batch."""

from statistics import NormalDist

import pyarrow as pa

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.marketing.registry import last_accepted
from clv_warehouse.marketing.training import feature_columns

BATCH_ROWS = 1 << 14
SCHEMA = pa.schema(
    [
        ("customer_key", pa.string()),
        ("offer", pa.string()),
        ("effect", pa.float64()),
        ("effect_error", pa.float64()),
        ("cautious_effect", pa.float64()),
        ("estimated_by", pa.string()),
        ("uplift_version", pa.string()),
    ]
)


@doorway
def score(
    trainings: Relation, customers: Relation, dates: Relation, risk_quantile: float
) -> pa.Table | ByBatch:
    """Return rows of uplift_scores: customers times offers.

    `trainings` are rows of uplift, `customers` of uplift_customers, `dates` of
    as_of_dates. A cautious effect is the quantile of what the effect may be. There are
    no rows if nothing was learned.
    """
    (day,) = dates.filter("is_scoring_date").aggregate("max(as_of_date)").fetchall()[0]
    learned = last_accepted(trainings, day) if day else None
    if not learned:
        return SCHEMA.empty_table()
    below = NormalDist().inv_cdf(risk_quantile)

    def scored(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        known = pa.Table.from_batches([batch])
        found = []
        for offer in learned.offers:
            effect, error, by = offer.effects(known)
            found.append(
                pa.record_batch(
                    [
                        batch["customer_key"].cast(pa.string()),
                        pa.repeat(offer.name, len(effect)),
                        effect,
                        error,
                        effect + below * error,
                        pa.array(by, pa.string()),
                        pa.repeat(learned.version, len(effect)),
                    ],
                    schema=SCHEMA,
                )
            )
        return found

    columns = ["customer_key", "segment", *feature_columns()]
    rows = customers.project(", ".join(columns))
    return ByBatch(rows, scored, SCHEMA, BATCH_ROWS)
