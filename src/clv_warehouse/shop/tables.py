"""Turns the made-up shop into the feeds that a real shop would hand over, in Arrow."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa

from clv_warehouse.shop.columns import customer_ids
from clv_warehouse.shop.contacts import campaigns
from clv_warehouse.shop.order_tables import (
    Documents,
    lines_table,
    orders_table,
    redemptions_table,
    refunds_table,
    reviews_table,
)
from clv_warehouse.shop.people import RESPONSES
from clv_warehouse.shop.people_tables import (
    assignments_table,
    consents_table,
    customers_table,
    events_table,
    sends_table,
    subscriptions_table,
)
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.truth import HORIZONS, campaign_effects, expected_spend

OF_DOCUMENTS: dict[str, Callable[[Batch, Documents, int], pa.Table]] = {
    "orders": orders_table,
    "order_lines": lines_table,
    "refunds": refunds_table,
    "redemptions": redemptions_table,
    "reviews": reviews_table,
}
OF_PEOPLE: dict[str, Callable[[Batch, int], pa.Table]] = {
    "customers": customers_table,
    "consents": consents_table,
    "subscriptions": subscriptions_table,
    "events": events_table,
    "campaign_sends": sends_table,
    "assignments": assignments_table,
}


def batch_tables(
    batch: Batch,
    people: int,
    feeds: Collection[str],
    truth_days: Sequence[int],
) -> dict[str, pa.Table]:
    """Rows by feed, of the batch's first `people` people; truths may be among them.

    `truth_days` are the as-of days of the truth. The feeds OF_SHOP are none of a batch
    and come from `shop_tables`.
    """
    tables = {}
    if OF_DOCUMENTS.keys() & set(feeds):
        documents = Documents.of(batch)
        for feed in OF_DOCUMENTS.keys() & set(feeds):
            tables[feed] = OF_DOCUMENTS[feed](batch, documents, people)
    for feed in OF_PEOPLE.keys() & set(feeds):
        tables[feed] = OF_PEOPLE[feed](batch, people)
    if "truth" in feeds:
        tables["truth"] = pa.concat_tables(
            [_truth(batch, people, day) for day in truth_days]
        )
    if "true_effects" in feeds:
        tables["true_effects"] = _true_effects(batch, people)
    return tables


def _truth(batch: Batch, people: int, as_of_day: int) -> pa.Table:
    truth = expected_spend(batch, as_of_day)
    kept = truth.position < people
    position = np.repeat(truth.position[kept], len(HORIZONS))
    as_of_date = batch.settings.start + dt.timedelta(days=as_of_day)
    horizons = np.tile(np.array(HORIZONS, dtype=np.int32), int(kept.sum()))
    return pa.table(
        [
            customer_ids(batch, position),
            pa.array(np.full(len(position), as_of_date, dtype="datetime64[D]")),
            pa.array(horizons),
            pa.array(truth.spend[kept].ravel() / 100),
        ],
        schema=SCHEMAS["truth"],
    )


def _true_effects(batch: Batch, people: int) -> pa.Table:
    """Return what each offer does to each person assigned to an arm, in euros."""
    parts = [SCHEMAS["true_effects"].empty_table()]
    for campaign in campaigns(batch.settings):
        if not campaign.design.is_experiment:
            continue
        effects = campaign_effects(batch, campaign)
        kept = effects.position < people
        position = effects.position[kept]
        response = np.array(RESPONSES)[batch.people.response[position]]
        parts.append(
            pa.table(
                [
                    customer_ids(batch, position),
                    pa.array([campaign.campaign_id] * len(position)),
                    pa.array(response),
                    pa.array(effects.without[kept] / 100),
                    *(pa.array(column) for column in effects.change[kept].T / 100),
                ],
                schema=SCHEMAS["true_effects"],
            )
        )
    return pa.concat_tables(parts)
