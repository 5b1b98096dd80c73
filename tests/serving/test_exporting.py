"""Tests what leaves the warehouse for ad platforms: who, in which form, and who not."""

import csv
import datetime as dt

import duckdb
import pytest

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import PUBLIC
from clv_warehouse.serving.exporting.audiences import (
    TOOLS,
    read_members,
    write_audience,
)
from clv_warehouse.serving.exporting.contacts import (
    Contact,
    email_hash,
    phone_hash,
    read_contacts,
    read_ids,
)
from clv_warehouse.serving.exporting.conversions import (
    PLATFORMS,
    read_orders,
    write_conversions,
)


def test_contacts_are_hashed_as_the_platforms_show() -> None:
    # The examples of Meta's page on customer information parameters.
    email = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    phone = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert email_hash(" John_Smith@gmail.com ", of_google=False) == email
    assert phone_hash("+1 (650)555-1212", of_google=False) == phone
    # Google takes the dots out of addresses of Gmail, and keeps the plus of E.164.
    assert email_hash("John_S.mith@Gmail.com", of_google=True) == email
    assert phone_hash("+1 (650)555-1212", of_google=True) != phone


@pytest.mark.parametrize("text", [None, "", "nobody", "@example.com", "ann@home"])
def test_what_is_no_address_is_no_contact(text) -> None:
    assert email_hash(text, of_google=True) == ""


@pytest.mark.parametrize("text", [None, "", "0170 1234567", "+49", "00"])
def test_a_number_without_a_countrys_code_is_no_contact(text) -> None:
    assert phone_hash(text, of_google=True) == ""


@pytest.fixture
def warehouse():
    """Orders of four customers, of whom one agreed, and one agreed and withdrew it."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marketing; create schema orders; create schema raw"
        )
        connection.execute(
            """
            create table orders.fct_consents as
            select * replace (
                cast(given_at as timestamp) as given_at,
                cast(withdrawn_at as timestamp) as withdrawn_at
            )
            from (
                values
                    ('ann', 'ads', '2024-01-01', null),
                    ('bob', 'ads', '2024-01-01', '2024-02-01'),
                    ('cat', 'email', '2024-01-01', null)
            ) as rows (customer_key, purpose, given_at, withdrawn_at)
            """
        )
        connection.execute(
            """
            create table marketing.order_values as
            select
                * replace (cast(ordered_at as timestamp) as ordered_at),
                cast(ordered_at as date) as ordered_date,
                'EUR' as currency
            from (
                values
                    ('1', 'ann', '2024-05-01 10:00:00', 'g1', 'google', true, 12.5),
                    ('2', 'ann', '2024-05-02 10:00:00', null, 'google', false, 3),
                    ('3', 'ann', '2024-01-02 10:00:00', 'g3', 'google', true, 9),
                    ('4', 'ann', '2024-05-02 10:00:00', 'f4', 'facebook', true, 7),
                    ('5', 'bob', '2024-05-02 10:00:00', 'g5', 'google', true, 7),
                    ('6', 'cat', '2024-05-02 10:00:00', 'g6', 'google', true, 7),
                    ('7', null, '2024-05-02 10:00:00', 'g7', 'google', false, 7)
            ) as rows (
                order_id, customer_key, ordered_at, click_id, utm_source,
                is_new_customer, expected_value
            )
            """
        )
        yield connection


def exported(connection, platform, path, contacts=None, new_only=False):
    chosen = PLATFORMS[platform]
    orders = read_orders(connection, chosen, "ads", chosen.days, new_only)
    counts = write_conversions(path, chosen, orders, contacts or {})
    with path.open(encoding="utf-8", newline="") as file:
        return counts, list(csv.DictReader(file))


def test_only_own_clicks_of_customers_who_agreed_are_exported(warehouse, tmp_path):
    counts, rows = exported(warehouse, "google", tmp_path / "google.csv")
    # Order 2 has no click, 3 is too old, 4 is Meta's, and the others did not agree.
    assert counts == (1, 1)
    assert rows == [
        {
            "Google Click ID": "g1",
            "Email": "",
            "Phone Number": "",
            "Order ID": "1",
            "Conversion Name": "Purchase",
            "Conversion Time": "2024-05-01 10:00:00+00:00",
            "Conversion Value": "12.50",
            "Conversion Currency": "EUR",
            "Ad User Data": "Granted",
            "Ad Personalization": "Granted",
        }
    ]


def test_meta_gets_seconds_and_its_form_of_a_click(warehouse, tmp_path):
    _, (row,) = exported(warehouse, "meta", tmp_path / "meta.csv")
    at = int(dt.datetime(2024, 5, 2, 10, tzinfo=dt.UTC).timestamp())
    assert row["event_time"] == str(at)
    assert row["fbc"] == f"fb.1.{at * 1000}.f4"
    assert row["event_id"] == row["order_id"] == "4"
    assert row["value"] == "7.00"


def test_a_contact_stands_for_a_click(warehouse, tmp_path):
    contacts = {"ann": Contact("Ann@Example.com", None)}
    path = tmp_path / "google.csv"
    counts, rows = exported(warehouse, "google", path, contacts)
    assert counts == (2, 0)
    assert rows[1]["Email"] == email_hash("ann@example.com", of_google=True)
    assert "Example" not in path.read_text("utf-8")
    counts, _ = exported(warehouse, "google", path, contacts, new_only=True)
    assert counts == (1, 0)


def test_contacts_are_found_by_the_secret_key(warehouse):
    with pytest.raises(CommandError, match="no raw feed `customers`"):
        read_contacts(warehouse, PUBLIC)
    warehouse.execute(
        "create table raw.customers as "
        "select 17 as customer_id, 'ann@example.com' as email"
    )
    define_key_of(warehouse, PUBLIC)
    ((key,),) = warehouse.execute("select key_of('17')").fetchall()
    assert read_contacts(warehouse, PUBLIC) == {key: Contact("ann@example.com", None)}


@pytest.fixture
def lists(warehouse):
    """Two lists of one name; of three members one is held out, one did not agree."""
    warehouse.execute(
        """
        create schema reports; create schema reference;
        create table reference.never_contacted (customer_key varchar);
        create table marketing.experiment_assignments as
        select 'eve' as customer_key, true as is_held_out, null::date as ended_date;
        create table reports.customer_lists as
        from (values ('to_do', 'best', 1), ('action', 'thank', 1), ('rfm', 'best', 1))
            as rows (list_kind, list, place);
        create table reports.list_members as
        select
            'action' as list_kind, 'thank' as list, position, customer_key,
            date '2024-05-31' as as_of_date, 'why' as reason,
            'Cup' as top_recommendation, 1.5::decimal(38, 2) as expected_gain,
            value::decimal(38, 2) as lifetime_value
        from (values (1, 'eve', 9), (2, 'ann', 12.5), (3, 'bob', -1))
            as rows (position, customer_key, value);
        insert into orders.fct_consents values ('eve', 'ads', '2024-01-01', null);
        """
    )
    return warehouse


def audience(connection, tool, path, *, contacts=None, ids=None):
    is_personal = contacts is not None or ids is not None
    members = read_members(
        connection, "thank", TOOLS[tool].purpose, is_personal=is_personal
    )
    counts = write_audience(path, TOOLS[tool], members, contacts or {}, ids or {})
    with path.open(encoding="utf-8", newline="") as file:
        return counts, list(csv.DictReader(file))


def test_an_audience_has_only_who_may_be_contacted(lists, tmp_path):
    contacts = {
        name: Contact(f"{name}@example.com", None) for name in ("eve", "ann", "bob")
    }
    path = tmp_path / "meta.csv"
    counts, rows = audience(lists, "meta", path, contacts=contacts)
    # Eve is held out, and Bob withdrew his consent.
    assert counts == (1, 0)
    email = email_hash("ann@example.com", of_google=False)
    assert rows == [{"email": email, "phone": "", "value": "12.50"}]
    counts, _ = audience(lists, "google", path, contacts=contacts)
    assert counts == (1, 0)
    counts, rows = audience(lists, "google", path)
    assert (counts, rows) == ((0, 1), [])
    lists.execute("insert into reference.never_contacted values ('ann')")
    assert audience(lists, "meta", path, contacts=contacts)[0] == (0, 0)


def test_without_consents_only_keys_leave_the_warehouse(lists, tmp_path):
    lists.execute("delete from orders.fct_consents")
    path = tmp_path / "list.csv"
    _, rows = audience(lists, "keys", path)
    assert [row["Customer Key"] for row in rows] == ["ann", "bob"]
    assert {row["Shop Id"] for row in rows} == {""}
    assert rows[0]["Expected Gain"] == "1.50"
    assert audience(lists, "klaviyo", path, ids={"ann": "17"})[0] == (0, 0)


def test_klaviyo_gets_the_shops_ids(lists, tmp_path):
    lists.execute("update orders.fct_consents set purpose = 'email'")
    counts, (row,) = audience(
        lists, "klaviyo", tmp_path / "list.csv", ids={"ann": "17"}
    )
    assert counts == (1, 0)
    assert row["ExternalID"] == "17"
    assert row["Product"] == "Cup"


@pytest.mark.parametrize("name", ["nobody", "best"])
def test_a_list_must_be_one(lists, name):
    with pytest.raises(CommandError, match="rfm/best"):
        read_members(lists, name, "ads", is_personal=False)
    assert read_members(lists, "rfm/best", "ads", is_personal=False) == []


def test_ids_are_found_by_the_secret_key(warehouse):
    with pytest.raises(CommandError, match="names customers"):
        read_ids(warehouse, PUBLIC)
    warehouse.execute("create table raw.orders as select 17 as customer_id")
    define_key_of(warehouse, PUBLIC)
    ((key,),) = warehouse.execute("select key_of('17')").fetchall()
    assert read_ids(warehouse, PUBLIC) == {key: "17"}
