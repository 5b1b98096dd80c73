"""Tests that neither secrets nor what names a person leave staging, in any form.

A small shop is built once with secrets of its own, and published; dbt logs all that it
does with the secrets.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from clv_warehouse.project.contracts import Column, Table, read_tables
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import Secret, as_environment, hand_to
from clv_warehouse.project.yaml_files import read_yaml
from clv_warehouse.serving.dashboard.page import write_dashboard
from clv_warehouse.serving.publishing.folder import locked
from clv_warehouse.serving.publishing.publication import (
    publish_parquet,
    publish_serving_copy,
)
from warehouse import Warehouse

# What strays into which column. The customer of each row is the first, Annabel Leeds.
LEAKS = {
    "an e-mail address in a status": ("orders", "status", "paid by ann.leeds@web.de"),
    "a phone number in a campaign": ("orders", "utm_campaign", "from +49 170 1112223"),
    "an IBAN in tags": ("orders", "tags", "vip, DE89 3704 0044 0532 0130 00"),
    "a full name in a channel": ("orders", "sales_channel", "store of Annabel Leeds"),
    "an e-mail address in an order's number": ("orders", "order_id", "b.lee@web.de"),
    "a card number in a title": ("reviews", "title", "4111-1111-1111-1111 refused"),
    "a social security number": ("reviews", "body", "mine is 078-05-1120, so what"),
    "a phone number without a plus": ("reviews", "body", "call me: 0171 2345678"),
    "a first name in capitals": ("reviews", "title", "ANNABEL was here"),
    "a last name in a text": ("reviews", "body", "Regards, mrs. leeds."),
    "the customer's own phone number": ("reviews", "body", "write 01709998887 please"),
    "a tax number in a search": ("events", "query", "cpf 529.982.247-25"),
    "a name in a rejected event": ("events", "event_type", "Annabel Leeds rang"),
    "an e-mail address in a product": ("products", "product_name", "Mug of x@y.org"),
    "a passport in a country": ("customers", "country", "passport C01X00T47"),
    "a bare phone number in a country": ("customers", "country", "01752244668"),
    "a phone number in a channel": ("orders", "sales_channel", "0 175 33 55 779"),
    "another's name in a review": ("reviews", "body", "Xaver Quitzow told me to buy"),
    "another's name in a rejected review": ("reviews", "title", "Quitzow it is"),
}
# The kinds of meta.pii in shop.yml, as docs/privacy.md lists them.
KINDS = {"contact", "customer", "text", "code", "stray"}
NAMED = [
    *("ann.leeds@web.de", "1112223", "3704 0044", "Annabel", "Leeds", "b.lee@web.de"),
    *("4111-1111", "078-05-1120", "2345678", "1709998887", "529.982.247-25"),
    *("x@y.org", "C01X00T47", "person-1", "leeds@example.org"),
    *("01752244668", "33 55 779", "Quitzow"),
]
# What looks like it and is none.
KEPT = [
    *("size 12-3456, 2024-01-05", "article 4111111111111112", "1,234.56 or 12.345,60"),
    *("0171 articles", "mug of rose, EAN 4006381333931"),
]

# The models whose SQL makes keys: of customers, of other ids, of units and of points.
KEYED = ("staging", "experiment_assignments", "planned_assignments", "customer_dates")


@dataclass(frozen=True)
class Shop:
    """A built and published shop."""

    warehouse: Warehouse
    secrets: tuple[Secret, ...]
    tables: tuple[Table, ...]
    serving: Path
    parquet: Path
    page: Path


def raw_feeds() -> dict[str, pd.DataFrame]:
    """A shop of 20 customers and 60 orders; each leak has a row of its own."""
    days = pd.date_range("2024-01-01", periods=60, freq="5D").astype(str)
    people = [f"person-{number % 20 + 1}@example.org" for number in range(60)]
    feeds = {
        "orders": pd.DataFrame(
            {"order_id": range(1, 61), "customer_id": people, "ordered_at": days}
        ).astype({"order_id": str}),
        "reviews": pd.DataFrame(
            {
                "review_id": [f"kept {number}" for number in range(len(KEPT))],
                "customer_id": people[0],
                "rating": "5",
                "written_at": days[0],
                "body": KEPT,
            }
        ),
        "customers": pd.DataFrame(
            {
                "customer_id": people[:20],
                "full_name": ["Annabel Leeds", *["Bo Li"] * 19],
                "email": "leeds@example.org",
                "phone": ["+49 170 9998887", *[None] * 19],
                "country": "Jordan",
            }
        ),
    }
    for number, (feed, column, text) in enumerate(LEAKS.values()):
        row = {
            "orders": {"order_id": f"leak {number}", "ordered_at": days[number]},
            "reviews": {
                "review_id": f"leak {number}",
                "rating": "5",
                "written_at": days[0],
            },
            "events": {
                "event_id": f"leak {number}",
                "event_type": "search",
                "occurred_at": days[0],
            },
            "products": {"product_id": f"leak {number}"},
            "customers": {"signed_up_at": days[0]},
        }[feed] | {column: text}
        if text == "Quitzow it is":
            row["rating"] = "11"
        if feed == "customers":
            row["customer_id"] = f"another-{number}@example.org"
        elif feed != "products":
            row["customer_id"] = people[0]
        rows = feeds.get(feed, pd.DataFrame())
        feeds[feed] = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
    orders = feeds["orders"].assign(amount="10.00")
    # Two more rows of the first customer are rejected.
    orders.loc[20, "ordered_at"] = "on the 5th, by Annabel Leeds, person-1@example.org"
    orders.loc[40, "order_id"] = None
    return feeds | {"orders": orders}


@pytest.fixture(scope="module")
def shop(
    root: Path,
    warehouse_in: Callable[[Path], Warehouse],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("personal")
    own = Warehouse(root, folder)
    own.write_raw(**raw_feeds())
    given = tuple(Secret(name, secrets.token_hex(40)) for name in ("key", "salt"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_environment(given).items():
            patch.setenv(name, value)
        # One horizon is judged and trained in half the time of four.
        chosen = {"horizons": [30]}
        compiled = ("--target-path", str(folder / "target"))
        warehouse_in(folder).build(*compiled, **chosen)
        # dbt in a process of its own writes its logs into the folder, of all that is
        # made with the secrets.
        patch.setenv("DBT_LOG_LEVEL_FILE", "debug")
        done = own.dbt("run", "--select", "no_such_model", *KEYED, **chosen)
        assert done.returncode == 0, done.stdout
    tables = read_tables(folder / "target" / "manifest.json")
    published = folder / "published"
    with locked(published, 60):
        version = publish_serving_copy(
            *(own.path, tables, published, 60, lambda _: None), is_forced=True
        )
        publish_parquet(version, tables, published)
    page = folder / "page.html"
    write_dashboard(own.path, page, is_forced=True)
    yield Shop(
        own, given, tables, published / "serving.duckdb", published / "parquet", page
    )


@pytest.mark.slow
def test_no_secret_is_written_down_anywhere(shop: Shop) -> None:
    folder = shop.warehouse.folder
    written = []
    for secret in shop.secrets:
        forms = [secret.text.encode(), *(pad for _, pad in secret.pads())]
        for form in forms:
            written += [form, form.hex().encode(), form.hex().upper().encode()]
            # The middle of the text, whatever stands before it.
            written += [base64.b64encode(form[skip:])[:-4] for skip in range(3)]
            written.append("".join(f"\\x{byte:02X}" for byte in form).encode())
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"manifest.json", "dbt.log", "serving.duckdb", "page.html"} <= names
    assert shop.warehouse.path in files
    assert any(path.suffix == ".parquet" for path in files)
    assert any("compiled" in path.parts for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [form for form in written if form in content], path
    assert len(shop.secrets) == 2


def texts(connection: duckdb.DuckDBPyConnection, table: Table, source: str) -> str:
    """All values of a table that are text or hold it, one after the other."""
    names = [
        column.name
        for column in table.columns
        if column.data_type.lower().startswith("varchar")
    ]
    if not names:
        return ""
    columns = ", ".join(f"cast({name} as varchar)" for name in names)
    found = connection.execute(
        f"select string_agg(concat_ws(' ', {columns}), ' ') from {source}"
    ).fetchall()
    return found[0][0] or ""


@pytest.mark.parametrize("form", ["warehouse", "serving", "parquet"])
def test_no_text_of_a_contracted_table_names_a_person(shop: Shop, form: str) -> None:
    file = shop.serving if form == "serving" else shop.warehouse.path
    seen = 0
    with duckdb.connect(str(file), read_only=True) as connection:
        for table in shop.tables:
            source = f"{table.schema}.{table.name}"
            if form == "parquet":
                files = shop.parquet / table.schema / table.name / "*.parquet"
                source = f"read_parquet('{files}')"
            said = texts(connection, table, source).lower()
            seen += len(said)
            found = [named for named in NAMED if named.lower() in said]
            assert not found, (table.name, found)
    assert seen > 10_000


def test_no_text_of_a_table_between_names_a_person(shop: Shop) -> None:
    """Nor of the tables that no contract publishes, but for the words of reviews."""
    rows = shop.warehouse.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema not in ('raw', 'staging')"
    )
    places = set(zip(rows["table_schema"], rows["table_name"], strict=True))
    assert len(places) > len(shop.tables)
    with duckdb.connect(str(shop.warehouse.path), read_only=True) as connection:
        hand_to(connection, shop.secrets)
        for schema, name in sorted(places):
            described = connection.sql(f"describe {schema}.{name}").fetchall()
            columns = tuple(Column(row[0], row[1], "") for row in described)
            table = Table(schema, name, "", columns, ())
            said = texts(connection, table, f"{schema}.{name}").lower()
            written_by_others = name in ("review_texts", "checked_reviews")
            found = [
                named
                for named in NAMED
                if named.lower() in said
                and not (written_by_others and named == "Quitzow")
            ]
            assert not found, (schema, name, found)


def test_a_column_says_what_of_a_person_it_may_hold(shop: Shop) -> None:
    """A key of a customer stands only in columns that say so."""
    with duckdb.connect(str(shop.warehouse.path), read_only=True) as connection:
        keys = [
            key
            for (key,) in connection.sql(
                "select customer_key from orders.dim_customers"
            ).fetchall()
        ]
        assert len(keys) > 20
        told = set()
        for table in shop.tables:
            for column in table.columns:
                if not column.data_type.startswith("varchar"):
                    continue
                said = texts(
                    connection,
                    replace(table, columns=(column,)),
                    f"{table.schema}.{table.name}",
                )
                if any(key in said for key in keys):
                    assert column.pii, (table.full_name, column.name)
                    told.add(column.pii)
    assert told == {"key", "text"}


def test_every_column_of_a_feed_that_may_name_a_person_says_so(root: Path) -> None:
    feeds = read_yaml(root / "models/staging/shop.yml")["sources"][0]["tables"]
    texts_of_feeds = set()
    for feed in feeds:
        for column in feed["columns"]:
            pii = column.get("config", {}).get("meta", {}).get("pii")
            is_text = column["data_type"] == "varchar"
            assert (pii in KINDS) == is_text, (feed["name"], column["name"])
            if pii == "text":
                texts_of_feeds.add(column["name"])
    models = [
        (path, model["name"], column)
        for path in (root / "models").rglob("*.yml")
        if "staging" not in path.parts
        for model in read_yaml(path).get("models", [])
        for column in model.get("columns", [])
    ]
    for path, model, column in models:
        pii = column.get("config", {}).get("meta", {}).get("pii")
        if column["name"] == "customer_key":
            assert pii == "key", (path, model)
        elif column["name"] in texts_of_feeds & {"query", "tags", "body"}:
            assert pii == "text", (path, model, column["name"])


def test_the_page_names_nobody(shop: Shop) -> None:
    page = shop.page.read_text("utf-8")
    assert [named for named in NAMED if named in page] == []


def test_masked_texts_say_what_stood_there(shop: Shop) -> None:
    reviews = shop.warehouse.query("select title, body from orders.review_texts")
    said = set(reviews["title"].dropna()) | set(reviews["body"].dropna())
    assert {
        *("[card] refused", "mine is [number], so what", "[phone]", "[name] was here"),
        *("Regards, mrs. [name].", "write [phone] please"),
    } <= said
    assert set(KEPT) <= said
    countries = shop.warehouse.query(
        "select distinct country from orders.dim_customers"
    )
    assert "Jordan" in set(countries["country"])
    records = shop.warehouse.query(
        "select reason, record from orders.rejected_records order by reason"
    )
    assert {"unreadable_date", "missing_key", "unknown_event_type"} <= set(
        records["reason"]
    )
    for record in records["record"]:
        assert "customer_id" not in json.loads(record)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("amex 378282246310005 ok", "amex [card] ok"),
        ("5555 5555 5555 4444, 4111111111111111", "[card], [card]"),
        ("GB29NWBK60161331926819", "[number]"),
        ("NO93 8601 1117 947.", "[number]."),
        ("RSSMRA85T10A562S", "[number]"),
        ("AB 12 34 56 C", "[number]"),
        ("1 85 05 78 006 084 36", "[number]"),
        ("(030) 1234567 or 020 7946 0958", "[phone] or [phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("(11) 91234-5678", "[phone]"),
        ("whatsapp 5551234567", "[phone]"),
        # None of these stands for a person.
        ("4111 1111 1111 1112", None),
        ("2024-01-05 10:30:00, 05.01.2024", None),
        ("ISBN 978-3-16-148410-0, EAN 4006381333931", None),
        ("SET OF 3 TINS 12 16 20 CM", None),
        ("from 100-200 to 300-400, 12-3456", None),
        ("utm_2024_spring_10000001", None),
    ],
)
def test_masks(text: str, masked: str | None) -> None:
    with duckdb.connect() as connection:
        ((found,),) = connection.execute(
            f"select {sql_of('masked_text', 'text')} from (select ? as text)", [text]
        ).fetchall()
    assert found == (text if masked is None else masked)
