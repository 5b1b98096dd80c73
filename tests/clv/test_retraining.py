"""What a trained network's row says of all that it was trained on."""

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Customers, Observations
from clv_warehouse.clv.registry import stored_config
from clv_warehouse.clv.retraining import fingerprint
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.tuning import TUNING
from clv_warehouse.learning.plan import Plan
from simulated import NO_DAYS, shop

DAYS = pa.table(
    {
        "activity_date": [date(2024, 1, 1), date(2024, 1, 2)],
        "new_customers": [2, 1],
        "purchases": [3, 2],
        "purchase_amount": [30.0, 20.0],
        "net_amount": [30.0, 15.0],
    }
)


def changed(table, column, change):
    """The table, one value of its last row changed."""
    rows = table.to_pylist()
    rows[-1][column] = change(rows[-1][column])
    return pa.Table.from_pylist(rows, schema=table.schema)


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("features", "purchase_amounts", lambda amounts: [*amounts[:-1], 0.5]),
        ("features", "purchase_days_before", lambda days: [*days[:-1], 999]),
        ("features", "items", lambda items: items + 1),
        ("features", "acquisition_channel", lambda _: "word of mouth"),
        ("targets", "spend", lambda spend: spend + 0.01),
        ("targets", "purchases", lambda purchases: purchases + 1),
        ("today", "customer_key", lambda key: f"{key}x"),
        ("today", "amount_last", lambda amount: amount + 0.01),
        ("days", "new_customers", lambda customers: customers + 1),
        ("days", "purchases", lambda purchases: purchases + 1),
        ("days", "net_amount", lambda amount: amount + 0.01),
    ],
)
def test_every_input_is_part_of_the_fingerprint(table, column, change):
    features, targets = shop(customers=5)
    last = features["as_of_date"].to_numpy().max()
    today = features.take(np.flatnonzero(features["as_of_date"].to_numpy() == last))
    tables = {"features": features, "targets": targets, "today": today, "days": DAYS}

    def found(features, targets, today, days):
        return fingerprint(
            Observations.from_arrow(features, targets),
            Customers.from_arrow(today),
            ShopDays.from_arrow(days),
        )

    before = found(**tables)
    assert found(**tables) == before
    assert found(**tables | {table: changed(tables[table], column, change)}) != before


def test_customers_are_part_of_the_fingerprint():
    features, targets = shop(customers=5)
    renamed = [
        table.set_column(
            table.schema.get_field_index("customer_key"),
            "customer_key",
            pa.array([f"x{key}" for key in table["customer_key"].to_pylist()]),
        )
        for table in (features, targets)
    ]
    today = Customers.from_arrow(features.slice(0, 1))
    days = ShopDays.from_arrow(NO_DAYS)
    before, after = (
        fingerprint(Observations.from_arrow(*tables), today, days)
        for tables in ((features, targets), renamed)
    )
    assert before != after


def test_the_stored_config_has_vars_all_settings_and_constants():
    plan = Plan("m", True, "", date(2024, 1, 1), settings='{"horizons": [7]}')
    found = json.loads(stored_config(plan, NetworkConfig(epochs=9), TUNING))
    assert found["settings"] == {"horizons": [7]}
    assert found["network"]["epochs"] == 9
    assert found["network"]["learning_rate"] == 1e-3
    assert found["tuning"]["belief"] == 0.75
