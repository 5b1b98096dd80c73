"""Tests the connector of Stripe's exports on small invented files."""

import pytest

from clv_warehouse.loading.problems import LoadError
from exports import Loaded, write


def charge(number, amount="10.00", status="Paid", **cells):
    """Write a row of the payments export: a live charge of euros, captured."""
    return {
        "id": f"ch_{number}",
        "Created date (UTC)": f"2025-04-0{number} 23:30:05",
        "Amount": amount,
        "Amount Refunded": "0.00",
        "Currency": "eur",
        "Captured": "true",
        "Converted Amount": amount,
        "Converted Amount Refunded": "0.00",
        "Converted Currency": "eur",
        "Mode": "Live",
        "Status": status,
        "Customer ID": f"cus_{number}",
        "Customer Email": "Ann@Example.com",
        "Disputed Amount": "",
        "Dispute Status": "",
        "order_id (metadata)": "",
    } | {key.replace("_", " "): value for key, value in cells.items()}


def of_order(order, row):
    return row | {"order_id (metadata)": order}


def test_a_row_is_a_sale_if_it_is_live_and_captured(tmp_path):
    rows = [
        charge(1),
        charge(2, status="Failed", Captured="false"),
        charge(3, Captured="false"),
        charge(4, Mode="Test"),
        charge(5, "10.00", "Refunded", Captured="false", Amount_Refunded="10.00"),
        charge(6, Amount_Refunded="4.00", Converted_Amount_Refunded="4.00"),
    ]
    loaded = Loaded("stripe", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, status, amount from raw.orders order by 1"
    ) == [
        ("ch_1", "Paid", 10.0),
        ("ch_2", "Failed", 10.0),
        ("ch_3", "Uncaptured", 10.0),
        ("ch_4", "test", 10.0),
        ("ch_5", "Canceled", 10.0),
        ("ch_6", "Paid", 10.0),
    ]
    assert loaded.rows(
        "select ordered_at, refunded_amount from raw.orders where order_id = 'ch_6'"
    ) == [("2025-04-06 23:30:05", 4.0)]


def test_attempts_at_one_order_are_versions_and_the_paid_one_holds(tmp_path):
    rows = [
        of_order("7", charge(1, status="Failed", Captured="false")),
        of_order("7", charge(2)),
        of_order("7", charge(3, status="Failed", Captured="false")),
        of_order("7", charge(4, "5.00")),
        of_order("8", charge(5, status="Failed", Captured="false")),
    ]
    loaded = Loaded("stripe", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, status, amount, updated_at from raw.orders"
        " order by loaded_order"
    ) == [
        ("7", "Failed", 10.0, None),
        ("7", "Paid", 10.0, "2025-04-02 23:30:05"),
        ("7", "Failed", 10.0, None),
        # A second instalment is an order of its own.
        ("ch_4", "Paid", 5.0, "2025-04-04 23:30:05"),
        ("8", "Failed", 10.0, None),
    ]


def test_parts_that_overlap_keep_the_ids_of_their_charges(tmp_path):
    folder = tmp_path / "stripe"
    write(folder / "p1.csv", [of_order("7", charge(1)), of_order("8", charge(2))])
    again = charge(2, Amount_Refunded="3", Converted_Amount_Refunded="3")
    write(folder / "p2.csv", [of_order("8", again), of_order("7", charge(3))])
    loaded = Loaded("stripe", folder)
    assert loaded.rows(
        "select order_id, refunded_amount from raw.orders order by loaded_order"
    ) == [("7", 0.0), ("8", 0.0), ("8", 3.0), ("ch_3", 0.0)]


def test_amounts_are_in_the_currency_that_was_paid_out(tmp_path):
    rows = [
        charge(1, "5000", Currency="jpy", Converted_Amount="30.85"),
        charge(2, "12.00", Currency="usd", Converted_Amount="", Converted_Currency=""),
    ]
    loaded = Loaded("stripe", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select amount, currency from raw.orders order by order_id") == [
        (30.85, "EUR"),
        (12.0, "USD"),
    ]
    assert (
        "1 payments in other currencies count as what Stripe paid out for them, in EUR"
        in loaded.reported
    )


@pytest.mark.parametrize(
    ("cells", "money_back"),
    [
        ({"Dispute_Status": "lost"}, 10.0),
        ({"Dispute_Status": "lost", "Disputed_Amount": "6.00"}, 6.0),
        ({"Dispute_Status": "won", "Disputed_Amount": "10.00"}, 0.0),
        ({"Dispute_Status": "needs_response", "Disputed_Amount": "10.00"}, 0.0),
        (
            {"Dispute_Status": "lost", "Disputed_Amount": "10"}
            | {"Amount_Refunded": "4", "Converted_Amount_Refunded": "4"},
            10.0,
        ),
        # 20.00 dollars of a charge of 40.00, for which 10.00 euros were paid out.
        (
            {"Dispute_Status": "lost", "Disputed_Amount": "20", "Currency": "usd"}
            | {"Amount": "40", "Converted_Amount": "10"},
            5.0,
        ),
    ],
)
def test_a_lost_dispute_is_money_lost(tmp_path, cells, money_back):
    loaded = Loaded("stripe", write(tmp_path / "a.csv", [charge(1, **cells)]))
    assert loaded.rows("select status, refunded_amount from raw.orders") == [
        ("Paid", money_back)
    ]


def test_persons_are_addresses(tmp_path):
    rows = [
        charge(1),
        charge(2),
        charge(3, Customer_Email="", Customer_ID="cus_1"),
        charge(4, Customer_Email=""),
        charge(5, Customer_Email="", Customer_ID=""),
    ]
    loaded = Loaded("stripe", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select customer_id from raw.orders order by order_id") == [
        ("ann@example.com",),
        ("ann@example.com",),
        ("ann@example.com",),
        ("cus_4",),
        (None,),
    ]
    assert loaded.rows("select customer_id from raw.customers order by 1") == [
        ("ann@example.com",),
        ("cus_4",),
    ]


def test_the_older_header_with_a_byte_order_mark_is_read(tmp_path):
    source = tmp_path / "unified_payments.csv"
    source.write_bytes(
        b"\xef\xbb\xbfid,Description,Created (UTC),Amount,Amount Refunded,Currency,"
        b"Converted Amount,Converted Amount Refunded,Fee,Tax,Converted Currency,Mode,"
        b"Status,Customer ID,Customer Email,Captured\r\n"
        b"ch_1,Order 1,2020-06-05 20:38,1061.86,0.00,usd,1061.86,0.00,31.09,0.00,usd,"
        b"Live,Paid,cus_1,ann@example.com,TRUE\r\n"
    )
    loaded = Loaded("stripe", source)
    assert loaded.rows("select order_id, ordered_at, amount from raw.orders") == [
        ("ch_1", "2020-06-05 20:38:00", 1061.86)
    ]


def balance(number, category, gross, source):
    """Write a row of the balance report that concerns charge 1."""
    return {
        "balance_transaction_id": f"txn_{number}",
        "created_utc": f"2025-05-0{number} 10:00:00",
        "gross": gross,
        "reporting_category": category,
        "source_id": source,
        "charge_id": "ch_1",
    }


def test_the_balance_report_dates_the_refunds(tmp_path):
    folder = tmp_path / "stripe"
    row = charge(1, Amount_Refunded="5", Converted_Amount_Refunded="5")
    write(folder / "payments.csv", [of_order("7", row)])
    write(
        folder / "balance.csv",
        [
            balance(1, "charge", "10.00", "ch_1"),
            balance(2, "refund", "-4.00", "re_1"),
            balance(3, "refund", "-1.00", "re_2"),
            balance(4, "refund_failure", "1.00", "re_2"),
            balance(5, "dispute", "-5.00", "dp_1"),
            balance(6, "dispute_reversal", "5.00", "dp_1"),
        ],
    )
    loaded = Loaded("stripe", folder)
    assert loaded.rows(
        "select refund_id, order_id, refunded_at, amount from raw.refunds"
    ) == [("txn_2", "7", "2025-05-02 10:00:00", 4.0)]
    assert loaded.rows(
        "select order_id, status, amount, refunded_amount from raw.orders"
    ) == [("7", "Paid", 10.0, 5.0)]


def test_days_of_refunds_and_disputes_are_read_where_the_export_has_them(tmp_path):
    row = charge(1, Amount_Refunded="4", Converted_Amount_Refunded="4") | {
        "Refunded date (UTC)": "2025-05-02 10:00:00",
        "Dispute Date (UTC)": "2025-05-03 10:00:00",
        "Dispute Status": "lost",
        "Disputed Amount": "6",
    }
    loaded = Loaded("stripe", write(tmp_path / "a.csv", [row]))
    assert loaded.rows("select refunded_at, amount from raw.refunds order by all") == [
        ("2025-05-02 10:00:00", 4.0),
        ("2025-05-03 10:00:00", 6.0),
    ]


def test_an_export_that_names_no_customers_is_refused(tmp_path):
    row = charge(1)
    del row["Customer ID"], row["Customer Email"]
    with pytest.raises(LoadError, match="neither Customer Email nor Customer ID"):
        Loaded("stripe", write(tmp_path / "a.csv", [row]))
