"""Tells how much busier each month of the year is, as the forecasts have it."""

import pyarrow as pa

from clv_warehouse.clv.clock import MONTHS
from clv_warehouse.clv.registry import last_accepted
from clv_warehouse.clv.scoring import fit_prior
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation

SCHEMA = pa.schema(
    [
        ("month", pa.int32()),
        ("purchases_effect", pa.float64()),
        ("amounts_effect", pa.float64()),
        ("spend_effect", pa.float64()),
    ]
)


@doorway
def season(networks: Relation, features: Relation, days: Relation) -> pa.Table:
    """Return a row per month, as the prior that scores at the last date knows it.

    There are no rows while there are no customers.
    """
    (date,) = features.aggregate("max(as_of_date)").fetchall()[0]
    if date is None:
        return SCHEMA.empty_table()
    accepted = last_accepted(networks, date)
    prior = accepted.prior if accepted else fit_prior(features, days)[0]
    return pa.table(
        [
            pa.array(range(1, MONTHS + 1), pa.int32()),
            pa.array(prior.clock.by_month),
            pa.array(prior.amount_by_month),
            pa.array(prior.spend_by_month),
        ],
        schema=SCHEMA,
    )
