"""Erases a customer from a real PostgreSQL server, and searches its files."""

from pathlib import Path

import psycopg
import pytest

from benchmarks.postgres_server import find_programs, running_server
from clv_warehouse.project.subjects import Subject
from clv_warehouse.serving.publishing.erasing import erase_in_postgres

PROGRAMS = find_programs()
pytestmark = pytest.mark.skipif(
    PROGRAMS is None, reason="PostgreSQL is not installed (apt-get install postgresql)"
)
ERASED, OTHER = "0123456789abcdef01234567", "fedcba987654321001234567"
SCHEMAS = ("published_20240101t000000000000", "published_20240102t000000000000")
MAKE = """
    create schema {schema};
    create table {schema}."clv.values" (customer_key text, orders bigint, words text[]);
    insert into {schema}."clv.values" values ('{one}', 1, '{{a}}'), ('{two}', 2, null);
    create table {schema}."orders.matched" (order_id text);
    insert into {schema}."orders.matched" values ('order-of-{one}'), ('order-of-{two}');
    create table {schema}."orders.rejected_records" (record_id text, record text);
    insert into {schema}."orders.rejected_records" values
        ('7', '{{"customer_key":"{one}"}}'), ('8', '{{"customer_key":"{two}"}}'),
        ('9', '{{"order_id":"order-of-{one}"}}');
"""


def test_no_file_of_the_server_has_the_customer() -> None:
    with (
        running_server(PROGRAMS, "fsync=off") as dsn,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        for schema in SCHEMAS:
            connection.execute(MAKE.format(schema=schema, one=ERASED, two=OTHER))
        connection.execute("checkpoint")
        ((folder,),) = connection.execute("show data_directory").fetchall()

        def named() -> set[str]:
            content = b"".join(
                path.read_bytes()
                for path in Path(folder, "base").rglob("*")
                if path.is_file()
            )
            return {key for key in (ERASED, OTHER) if key.encode() in content}

        assert named() == {ERASED, OTHER}
        deleted = erase_in_postgres(
            dsn, Subject(ERASED, (f"order-of-{ERASED}", "o'brien"))
        )
        connection.execute("checkpoint")
        assert named() == {OTHER}
    rows = {"clv.values": 1, "orders.matched": 1, "orders.rejected_records": 2}
    assert deleted == {
        f"{schema}.{table}": count
        for schema in SCHEMAS
        for table, count in rows.items()
    }
