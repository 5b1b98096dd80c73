"""What was known at a date does not depend on what came after it."""

import numpy as np
import pandas as pd

from warehouse import Warehouse

AS_OF = pd.Timestamp("2024-06-30")
FEATURES = "select * from features.customer_features order by as_of_date, customer_key"


def make_shop(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and lines of 80 customers over two years, some of them returns."""
    random = np.random.default_rng(seed)
    count = 900
    days = np.sort(random.integers(0, 730, count))
    orders = pd.DataFrame(
        {
            "order_id": [f"o{number:04d}" for number in range(count)],
            "customer_id": [f"c{key:02d}" for key in random.integers(0, 80, count)],
            "ordered_at": pd.Timestamp("2023-07-01")
            + pd.to_timedelta(days, unit="D")
            + pd.to_timedelta(random.integers(0, 86_400, count), unit="s"),
        }
    )
    lines = pd.DataFrame(
        {
            "order_id": orders["order_id"].repeat(2).to_numpy(),
            "line_number": np.tile([1, 2], count),
            "product_id": [f"p{key}" for key in random.integers(0, 6, 2 * count)],
            "quantity": random.choice([1, 2, 3, -1], 2 * count, p=[0.5, 0.2, 0.2, 0.1]),
            "unit_price": random.choice([2.5, 4.0, 9.99], 2 * count),
        }
    )
    return orders, lines


def build(warehouse: Warehouse, orders: pd.DataFrame, lines: pd.DataFrame) -> None:
    warehouse.write_raw(orders=orders, order_lines=lines)
    for command in ("seed", "run"):
        done = warehouse.dbt(
            *(command, "--select", "reference", "staging", "orders", "features"),
            as_of_date="2024-06-30",
        )
        assert done.returncode == 0, done.stdout


def test_rows_after_a_date_move_no_feature(warehouse: Warehouse) -> None:
    orders, lines = make_shop(seed=1)
    build(warehouse, orders, lines)
    before = warehouse.query(FEATURES)
    assert before["as_of_date"].nunique() > 5
    assert (before["returned_amount"] > 0).any()

    is_late = orders["ordered_at"] >= AS_OF + pd.Timedelta(days=1)
    late = set(orders.loc[is_late, "order_id"])
    assert len(late) > 300
    removed = set(sorted(late)[::3])
    changed = set(sorted(late)[1::3])
    orders = orders[~orders["order_id"].isin(removed)].copy()
    lines = lines[~lines["order_id"].isin(removed)].copy()
    is_changed = orders["order_id"].isin(changed)
    orders.loc[is_changed, "customer_id"] = "c00"
    lines.loc[lines["order_id"].isin(changed), "quantity"] *= -2
    new_orders, new_lines = make_shop(seed=2)
    new_orders["ordered_at"] += pd.Timedelta(days=800)
    new_orders["order_id"] = "n" + new_orders["order_id"]
    new_lines["order_id"] = "n" + new_lines["order_id"]
    # Returns of all that was bought before the date, made after it.
    returns = lines[~lines["order_id"].isin(late) & (lines["quantity"] > 0)].copy()
    returned = orders[orders["order_id"].isin(returns["order_id"])].copy()
    returned["ordered_at"] = AS_OF + pd.Timedelta(days=2)
    returned["order_id"] = "r" + returned["order_id"]
    returns["order_id"] = "r" + returns["order_id"]
    returns["quantity"] *= -1

    build(
        warehouse,
        pd.concat([orders, new_orders, returned]),
        pd.concat([lines, new_lines, returns]),
    )
    after = warehouse.query(FEATURES)
    pd.testing.assert_frame_equal(after, before, check_exact=True)
