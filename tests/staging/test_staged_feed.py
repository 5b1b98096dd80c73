"""Tests how staging reads the texts of a feed."""

import pandas as pd

from warehouse import Warehouse


def test_blank_text_is_null_and_other_text_is_trimmed(warehouse: Warehouse) -> None:
    orders = pd.DataFrame(
        {
            "order_id": [" 1 ", "2", "3"],
            "customer_id": ["ann", "", "   "],
            "ordered_at": ["2024-01-31 10:00:00", "2024-02-01", " "],
            "status": [" Paid", "", "  "],
            "amount": ["12.50", "", " 7 "],
        }
    )
    warehouse.write_raw(orders=orders)
    done = warehouse.dbt("run", "--select", "stg_orders")
    assert done.returncode == 0, done.stdout
    staged = warehouse.query(
        "select order_id, customer_key is null as is_guest, ordered_at::date::varchar, "
        "status, amount::double, unreadable from staging.stg_orders order by order_id"
    )
    # A blank date or amount is absent; it is not one that could not be read.
    assert staged.astype(object).where(staged.notna(), None).values.tolist() == [
        ["1", False, "2024-01-31", "Paid", 12.5, None],
        ["2", True, "2024-02-01", None, None, None],
        ["3", True, None, None, 7.0, None],
    ]
