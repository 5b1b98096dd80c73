"""Publishes to a real PostgreSQL server, and tests what its readers see meanwhile."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
import pytest
import sqlalchemy

from benchmarks.postgres_server import find_programs, running_server
from clv_warehouse.project.contracts import Column, PublishError, Table, read_tables
from clv_warehouse.serving.publishing.postgres import publish_to_postgres
from clv_warehouse.serving.publishing.roles import read_roles
from publishing import FACT, ORDERS, TABLES, TOTALS, build, publish, write_manifest
from script_command import script_command

PROGRAMS = find_programs()
pytestmark = pytest.mark.skipif(
    PROGRAMS is None, reason="PostgreSQL is not installed (apt-get install postgresql)"
)
REPUBLISHES = 3
# As dbt records a complete build.
BUILDS = """
    create schema if not exists monitoring;
    create schema if not exists clv;
    create or replace table monitoring.builds as
    select 'b{version}' as build_id, timestamp '2024-01-01' as ended_at,
        'build' as command, {version} as build_number, null::integer as load_number,
        null::varchar as why_incomplete;
    create or replace table clv.customer_lifetime_value as select 1 as customer_key
"""
AGREE = FACT.format(orders="shop.fct_orders", totals="shop.totals")


@pytest.fixture(scope="module")
def server():
    """The address of a server of our own."""
    with running_server(PROGRAMS, "fsync=off") as dsn:
        yield dsn


@pytest.fixture
def dsn(server):
    """The address of an empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database if exists trial with (force)")
        connection.execute("create database trial")
        connection.execute("drop role if exists analyst")
        connection.execute("create role analyst login")
    return server.replace("/postgres", "/trial", -1)


@pytest.fixture
def publisher(dsn, tmp_path):
    """A function that builds a version of the tiny shop and publishes it."""
    warehouse = tmp_path / "warehouse.duckdb"

    def publish_version(number, tables=TABLES, change=None, wait=20, **more):
        build(warehouse, number)
        if change:
            with duckdb.connect(warehouse) as connection:
                connection.execute(change)
        version = publish(warehouse, tmp_path / "published", tables=tables)
        said = []
        reader = more.get("reader")
        publish_to_postgres(
            *(version / "serving.duckdb", tables, dsn, reader, wait, said.append),
            roles=more.get("roles", ()),
        )
        return said

    return publish_version


@pytest.fixture
def command(dsn, tmp_path, monkeypatch):
    """Publishes version after version of the tiny shop by the command."""
    manifest = write_manifest(tmp_path / "manifest.json")
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("CLV_WAREHOUSE", str(warehouse))
    monkeypatch.setenv("CLV_POSTGRES", dsn)

    def run(version, *arguments, change=None):
        build(warehouse, version)
        with duckdb.connect(warehouse) as connection:
            connection.execute(BUILDS.format(version=version))
            if change:
                connection.execute(change)
        where = ("--manifest", manifest, "--to", tmp_path / "to")
        return script_command("publish.py", "all", *where, *arguments)

    return run


@contextmanager
def as_role(dsn, role):
    with psycopg.connect(dsn.replace("clv@", f"{role}@")) as connection:
        yield connection


def query(dsn, sql):
    with psycopg.connect(dsn) as connection:
        return connection.execute(sql).fetchall()


def loaded(dsn):
    found = query(
        dsn, "select nspname from pg_namespace where nspname like 'published%'"
    )
    return [name for (name,) in found]


def in_singles(table: Table, rows: Sequence[Sequence[Any]]) -> list[tuple]:
    """Rows in which numbers of single precision have that of Python's doubles."""
    are_singles = [column.data_type.startswith("float") for column in table.columns]
    return [
        tuple(
            np.asarray(value, np.float32).tolist() if is_single else value
            for value, is_single in zip(row, are_singles, strict=True)
        )
        for row in rows
    ]


def test_sample_shop_is_the_same_to_sqlalchemy_and_psql(root, tmp_path, dsn):
    """All tables under contract by the command: values, types, comments, indexes.

    The roles that docs/privacy.md shows see their part of them.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role in SEEN:
            connection.execute(f"drop role if exists {role}")
    done = subprocess.run(
        [
            *(sys.executable, "scripts/publish.py", "postgres"),
            *("--reader", "analyst", "--to", tmp_path),
            *("--roles", roles_of_the_docs(root, tmp_path)),
        ],
        cwd=root,
        env=os.environ | {"CLV_POSTGRES": dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables = read_tables(root / "target" / "manifest.json")
    address = dsn.replace("postgresql:", "postgresql+psycopg:").replace(
        "clv", "analyst"
    )
    engine = sqlalchemy.create_engine(address)
    inspector = sqlalchemy.inspect(engine)
    with (
        duckdb.connect(tmp_path / "serving.duckdb", read_only=True) as served,
        engine.connect() as connection,
    ):
        for table in tables:
            order = ", ".join(map(str, range(1, len(table.columns) + 1)))
            rows = f"select * from {table.full_name} order by {order} nulls last"
            sql = f"{rows} limit 2000"
            expected = served.execute(sql).fetchall()
            found = connection.exec_driver_sql(sql).fetchall()
            assert in_singles(table, found) == in_singles(table, expected), (
                table.full_name
            )
            count = f"select count(*) from {table.full_name}"
            assert (
                connection.exec_driver_sql(count).scalar_one()
                == served.execute(count).fetchall()[0][0]
            )
            columns = inspector.get_columns(table.name, table.schema)
            assert [each["comment"] for each in columns] == [
                column.description for column in table.columns
            ]
            comment = inspector.get_table_comment(table.name, table.schema)["text"]
            assert comment == table.description
            # By their indexes a key is looked up.
            (schema,) = loaded(dsn)
            indexes = inspector.get_indexes(table.full_name, schema)
            unique = {tuple(i["column_names"]) for i in indexes if i["unique"]}
            assert set(table.keys) <= unique
        spend = inspector.get_columns("customer_lifetime_value", "clv")
        types = {each["name"]: str(each["type"]) for each in spend}
        assert types["lifetime_value"] == "NUMERIC(38, 2)"
        assert types["as_of_date"] == "DATE"
    engine.dispose()

    def psql(command):
        return subprocess.run(
            [PROGRAMS / "psql", dsn.replace("clv@", "analyst@"), "-tAc", command],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    with duckdb.connect(tmp_path / "serving.duckdb", read_only=True) as served:
        total = "select sum(lifetime_value) from clv.customer_lifetime_value"
        assert psql(total) == str(served.execute(total).fetchall()[0][0])
    listed = psql("\\d+ clv.customer_lifetime_value")
    assert "value_decile|integer" in listed

    with duckdb.connect(tmp_path / "serving.duckdb", read_only=True) as served:
        for role, seen in SEEN.items():
            assert_sees(dsn, role, seen, served)


# Who sees what in PostgreSQL, as docs/privacy.md says it: of each view, which columns
# (None for all) and which rows of the published table.
GERMANS = (
    "customer_key in (select customer_key from profiles.customer_profiles "
    "where country = 'Germany')"
)
SEEN = {
    "analyst_germany": {
        "profiles.customer_profiles": (
            ["customer_key", "country", "segment", "orders", "lifetime_value"],
            "country = 'Germany'",
        ),
        "orders.fct_orders": (
            ["order_id", "customer_key", "ordered_date", "net_amount"],
            GERMANS,
        ),
        "clv.clv_explanations": (None, GERMANS),
    },
    "finance": {
        "reports.revenue_by_month": (None, "true"),
        "clv.expected_totals": (None, "true"),
    },
}


def roles_of_the_docs(root, folder):
    """The file of roles that docs/privacy.md shows."""
    text = (root / "docs" / "privacy.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n(analyst_germany:.*?)```", text, re.DOTALL)
    path = folder / "roles.yml"
    path.write_text(shown, "utf-8")
    return path


def assert_sees(dsn, role, seen, served):
    """Connect as the role: it reads its columns and rows, and nothing else at all."""
    with as_role(dsn, role) as connection:
        readable = connection.execute(
            "select distinct table_schema || '.' || table_name "
            "from information_schema.columns "
            "where table_schema not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        views = {f"{role}.{name.partition('.')[2]}" for name in seen}
        assert {name for (name,) in readable} == views
        for name, (columns, rows) in seen.items():
            view = f"{role}.{name.partition('.')[2]}"
            chosen = ", ".join(columns or ["*"])
            expected = served.execute(f"select {chosen} from {name} where {rows}")
            found = connection.execute(f"select * from {view}")
            assert [column.name for column in found.description] == [
                column[0] for column in expected.description
            ]
            (first, *_) = [column.name for column in found.description]
            sums = (
                f"select count(*), count(distinct {first}), min({first}), max({first})"
            )
            assert (
                connection.execute(f"{sums} from {view}").fetchall()
                == served.execute(f"{sums} from {name} where {rows}").fetchall()
            )
    for name in (*seen, "orders.rejected_records"):
        with (
            as_role(dsn, role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"select * from {name}")


def test_types_lists_and_odd_text_arrive_as_they_are(dsn, publisher):
    column = Column("seen_at", "timestamp with time zone", "It's\nso: $$ \\ %")
    more = replace(ORDERS, columns=(*ORDERS.columns, column))
    change = """
        alter table shop.fct_orders add column seen_at timestamptz;
        insert into shop.fct_orders values
            (-1, timestamp '1999-12-31 23:59:59.123456', -12345678901234.5678,
             ['', 'ü''\\', null], timestamptz '2024-05-01 12:00:00+02'),
            (-2, null, null, [], null);
        create or replace view shop.totals as
        select 1 as version, count(*) as orders, sum(amount)::decimal(38, 4) as amount
        from shop.fct_orders
    """
    publisher(1, (more, TOTALS), change)
    sql = "select {} from shop.fct_orders where order_id = {}"
    columns = "ordered_at::text, amount::text, tags, seen_at at time zone 'UTC'"
    ((ordered_at, amount, tags, seen_at),) = query(dsn, sql.format(columns, -1))
    assert ordered_at == "1999-12-31 23:59:59.123456"
    assert amount == "-12345678901234.5678"
    assert tags == ["", "ü'\\", None]
    assert str(seen_at) == "2024-05-01 10:00:00"
    assert query(dsn, sql.format("ordered_at, amount, tags, seen_at", -2)) == [
        (None, None, [], None)
    ]
    comment = "select col_description('shop.fct_orders'::regclass, 5)"
    assert query(dsn, comment) == [(column.description,)]


def test_readers_see_no_error_and_no_half_while_tables_are_swapped(dsn, publisher):
    publisher(0)
    with psycopg.connect(dsn) as connection:
        connection.execute("create view mine as select version from shop.totals")
    stop = threading.Event()
    reads, wrong = [], []

    def read():
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not stop.is_set():
                try:
                    # Two queries of one transaction tell of one publication too.
                    with connection.transaction():
                        ((agrees,),) = connection.execute(AGREE).fetchall()
                        first = connection.execute("select * from mine").fetchall()
                        second = connection.execute(
                            "select version from shop.totals"
                        ).fetchall()
                    if not agrees or first != second:
                        wrong.append((agrees, first, second))
                    reads.append(first[0][0])
                except psycopg.Error as error:
                    wrong.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, REPUBLISHES + 1):
            publisher(number)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert len(reads) > 100
    assert set(reads) >= set(range(REPUBLISHES))
    assert query(dsn, "select * from mine") == [(REPUBLISHES,)]
    assert len(loaded(dsn)) == 1


def test_grants_and_what_is_built_on_a_table_survive(dsn, publisher):
    publisher(1, reader="analyst")
    query_only = "select version, orders from shop.totals"
    with as_role(dsn, "analyst") as connection:
        assert connection.execute(query_only).fetchall() == [(1, 1000)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from shop.totals")
    with psycopg.connect(dsn) as connection:
        connection.execute("create schema mine")
        connection.execute("create view mine.v as select * from shop.totals")
    # A column more, in the middle: it comes last, so that the view above stays.
    one, *others = TOTALS.columns
    wider = replace(TOTALS, columns=(one, Column("note", "varchar", "New."), *others))
    change = (
        "create or replace view shop.totals as select 2 as version, 'x' as note, "
        "count(*) as orders, sum(amount)::decimal(38, 4) as amount from shop.fct_orders"
    )
    publisher(2, (ORDERS, wider), change)
    assert query(dsn, "select version, note from shop.totals") == [(2, "x")]
    assert query(dsn, "select version from mine.v") == [(2,)]
    with as_role(dsn, "analyst") as connection:
        assert connection.execute(query_only).fetchall() == [(2, 1000)]

    # A column of another type, or none, cannot: that is told before anything happens.
    with pytest.raises(PublishError, match=r"column note no longer, but mine\.v is"):
        publisher(3)
    assert query(dsn, "select version, note from shop.totals") == [(2, "x")]
    with psycopg.connect(dsn) as connection:
        connection.execute("drop view mine.v")
    publisher(3)
    with as_role(dsn, "analyst") as connection:
        assert connection.execute("select * from shop.totals").fetchall()[0][0] == 3


PEOPLE = Table(
    "profiles",
    "customer_profiles",
    "One row per customer.",
    (
        Column("customer_key", "varchar", "The customer."),
        Column("country", "varchar", "Where."),
        Column("spend", "integer", "How much."),
    ),
    (("customer_key",),),
)
VISITS = Table(
    "shop",
    "visits",
    "One row per customer who came.",
    (
        Column("customer_key", "varchar", "Who."),
        Column("pages", "integer", "How many."),
    ),
    (("customer_key",),),
)
SHOP = (*TABLES, PEOPLE, VISITS)
MAKE_PEOPLE = """
    create schema if not exists profiles;
    create or replace table profiles.customer_profiles as
    select customer_key, country, spend::{type} as spend from (values
        ('a', 'Germany', {number}), ('b', 'France', 2),
        ('c', 'Germany', 3), ('d', null, 4)
    ) as people (customer_key, country, spend);
    create or replace table shop.visits as
    select customer_key, 5 as pages from profiles.customer_profiles
"""
ROLES = """
analyst:
  rows: {country: [Germany, Italy]}
  tables:
    profiles.customer_profiles: [spend, country]
    shop.visits: all
clerk:
  tables: {shop.totals: [orders]}
"""


@pytest.fixture
def roles(dsn, tmp_path):
    """A function that reads a file of roles."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop role if exists clerk")

    def read(text, tables=SHOP):
        path = tmp_path / "roles.yml"
        path.write_text(text, "utf-8")
        return read_roles(path, tables)

    return read


def rows_of(dsn, role, sql):
    with as_role(dsn, role) as connection:
        return connection.execute(sql).fetchall()


def test_a_role_sees_its_rows_and_columns_of_each_publication(dsn, publisher, roles):
    for number in (1, 2):
        change = MAKE_PEOPLE.format(number=number, type="integer")
        publisher(number, SHOP, change, roles=roles(ROLES))
        # The schema of a role has its name, so that no search path must be set.
        seen = rows_of(dsn, "analyst", "select * from customer_profiles order by 1")
        assert seen == [(number, "Germany"), (3, "Germany")]
        assert rows_of(dsn, "analyst", "select * from visits order by 1") == [
            ("a", 5),
            ("c", 5),
        ]
        assert rows_of(dsn, "clerk", "select * from totals") == [(1000,)]
        (schema,) = loaded(dsn)
        for role, hidden in (
            ("analyst", "select * from profiles.customer_profiles"),
            ("analyst", "select customer_key from profiles.customer_profiles"),
            ("analyst", f'select * from {schema}."profiles.customer_profiles"'),
            ("analyst", "select * from clerk.totals"),
            ("analyst", "delete from visits"),
            ("clerk", "select * from analyst.visits"),
            ("clerk", "create table clerk.mine (one integer)"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                rows_of(dsn, role, hidden)

    # A function in a query sees no row that the role may not see.
    with as_role(dsn, "analyst") as connection:
        connection.execute(
            "create function pg_temp.peek(text) returns boolean language plpgsql "
            "cost 0.0000001 as $$ begin raise notice 'saw %', $1; return true; end $$"
        )
        told = []
        connection.add_notice_handler(
            lambda notice: told.append(notice.message_primary)
        )
        connection.execute(
            "select * from customer_profiles where pg_temp.peek(country)"
        )
        assert set(told) == {"saw Germany"}

    # Without a file of roles their views stay, of the new tables.
    publisher(3, SHOP, MAKE_PEOPLE.format(number=7, type="integer"))
    assert rows_of(dsn, "analyst", "select max(spend) from customer_profiles") == [(7,)]

    # A column of another type: the views of roles are made anew where they are given.
    spend = replace(PEOPLE.columns[2], data_type="bigint")
    people = replace(PEOPLE, columns=(*PEOPLE.columns[:2], spend))
    wider, change = (
        (*TABLES, people, VISITS),
        MAKE_PEOPLE.format(number=8, type="bigint"),
    )
    with pytest.raises(PublishError, match=r"analyst\.customer_profiles.*--roles"):
        publisher(4, wider, change)
    publisher(4, wider, change, roles=roles(ROLES, wider))
    assert rows_of(dsn, "analyst", "select max(spend) from customer_profiles") == [(8,)]

    # Who is in the file no longer reads nothing.
    only_analyst = roles(ROLES.partition("clerk")[0], wider)
    publisher(5, wider, change, roles=only_analyst)
    assert rows_of(dsn, "analyst", "select count(*) from visits") == [(2,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        rows_of(dsn, "clerk", "select * from totals")
    assert query(dsn, "select to_regnamespace('clerk')") == [(None,)]

    # Nobody reads past their views.
    with psycopg.connect(dsn) as connection:
        connection.execute("grant usage on schema shop to public")
        connection.execute("grant select (pages) on shop.visits to public")
    with pytest.raises(PublishError, match=r"analyst may read shop\.visits as a whole"):
        publisher(6, wider, change, roles=only_analyst)
    with pytest.raises(PublishError, match=r"analyst is the --reader"):
        publisher(6, wider, change, reader="analyst", roles=only_analyst)


def test_grants_of_columns_stay_where_a_view_is_made_anew(dsn, publisher):
    publisher(1, SHOP, MAKE_PEOPLE.format(number=1, type="integer"))
    with psycopg.connect(dsn) as connection:
        connection.execute("grant usage on schema profiles to analyst")
        connection.execute(
            "grant select (spend) on profiles.customer_profiles to analyst"
        )
    spend = replace(PEOPLE.columns[2], data_type="bigint")
    people = replace(PEOPLE, columns=(*PEOPLE.columns[:2], spend))
    change = MAKE_PEOPLE.format(number=9, type="bigint")
    publisher(2, (*TABLES, people, VISITS), change)
    sql = "select max({}) from profiles.customer_profiles"
    assert rows_of(dsn, "analyst", sql.format("spend")) == [(9,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows_of(dsn, "analyst", sql.format("country"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no role"),
        ("a: [", "is no YAML"),
        ("a b: {tables: {shop.totals: all}}", "small letters, digits"),
        ("shop: {tables: {shop.totals: all}}", "is a schema of published tables"),
        ("a: {tables: {shop.ghosts: all}}", r"shop\.ghosts is no published table"),
        ("a: {tables: {shop.totals: [ghost]}}", r"shop\.totals has no column ghost"),
        ("a: {tables: {shop.totals: []}}", "name its columns as a list"),
        ("a: {row: 1, tables: {shop.totals: all}}", "Each role has `tables`"),
        ("a: {rows: {pages: [1]}, tables: {shop.visits: all}}", "no column pages for"),
        (
            "a: {rows: {country: [x]}, tables: {shop.totals: all}}",
            r"shop\.totals has neither country nor customer_key",
        ),
    ],
)
def test_a_file_of_roles_that_cannot_be_meant_is_refused(roles, text, said):
    with pytest.raises(PublishError, match=said):
        roles(text)


def test_a_table_that_the_project_has_no_longer_goes(dsn, publisher):
    publisher(1)
    publisher(2, (ORDERS,))
    assert query(dsn, "select to_regclass('shop.totals')") == [(None,)]
    assert len(loaded(dsn)) == 1


def test_a_reader_that_holds_a_table_is_named_and_not_disturbed(dsn, publisher):
    publisher(1)
    with psycopg.connect(dsn, application_name="report") as reader:
        before = reader.execute("select version from shop.totals").fetchall()
        with pytest.raises(PublishError, match=r"\(clv, report\) holds shop\.totals"):
            publisher(2, wait=0.5)
        # Others read on, and so does the one in the way.
        assert query(dsn, "select version from shop.totals") == [(1,)]
        assert reader.execute("select version from shop.totals").fetchall() == before
    publisher(3)
    assert query(dsn, "select version from shop.totals") == [(3,)]
    assert len(loaded(dsn)) == 1


PUBLISH = (
    "import pathlib, sys, publishing as p;"
    "from clv_warehouse.serving.publishing.postgres import publish_to_postgres;"
    "print('ready', flush=True);"
    "publish_to_postgres(pathlib.Path(sys.argv[1]), p.TABLES, sys.argv[2], None,"
    " 20, lambda line: print(line, flush=True))"
)


def test_killed_at_any_moment_the_last_good_tables_stay(root, dsn, tmp_path, publisher):
    publisher(1)
    build(tmp_path / "large.duckdb", 2, rows=300_000)
    version = publish(tmp_path / "large.duckdb", tmp_path / "large")
    left = 0
    for lines in (1, 2):
        with subprocess.Popen(
            [sys.executable, "-c", PUBLISH, version / "serving.duckdb", dsn],
            cwd=root / "tests" / "support",
            stdout=subprocess.PIPE,
            text=True,
        ) as killed:
            for _ in range(lines):
                assert killed.stdout.readline()
            killed.kill()
        assert query(dsn, AGREE) == [(True,)]
        left = max(left, len(loaded(dsn)))
    assert left > 1
    # The server notices a moment later that its client is gone.
    query(
        dsn,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = 'trial' and pid <> pg_backend_pid()",
    )
    publisher(3)
    assert query(dsn, "select version from shop.totals") == [(3,)]
    assert len(loaded(dsn)) == 1


def test_what_is_in_the_way_is_named(dsn, publisher, tmp_path):
    publisher(1)
    nul = "update shop.fct_orders set tags = ['b' || chr(0)] where order_id = 7"
    with pytest.raises(PublishError, match=r"fct_orders, column tags: .*x00.*code 0"):
        publisher(2, change=nul)
    twice = "insert into shop.fct_orders from shop.fct_orders limit 1"
    with pytest.raises(PublishError, match=r"share order_id.*dbt test --select"):
        publisher(2, change=twice)
    with pytest.raises(PublishError, match="No role ghost"):
        publisher(2, reader="ghost")
    odd = Column("odd", "struct(a integer)", "")
    with pytest.raises(PublishError, match=r"totals, column odd: .*struct"):
        publisher(
            2,
            (ORDERS, replace(TOTALS, columns=(*TOTALS.columns, odd))),
            "create or replace view shop.totals as select 2 as version, "
            "1000::bigint as orders, 1::decimal(38, 4) as amount, {'a': 1} as odd",
        )
    assert query(dsn, "select version from shop.totals") == [(1,)]
    assert len(loaded(dsn)) <= 2

    publish(tmp_path / "warehouse.duckdb", tmp_path / "published", tables=(ORDERS,))
    serving = tmp_path / "published" / "serving.duckdb"
    wrong = "postgresql://clv:secret@127.0.0.1:1/none"
    with pytest.raises(PublishError, match=r"Check host, port") as raised:
        publish_to_postgres(serving, (ORDERS,), wrong, None, 0, print)
    assert "secret" not in str(raised.value)
    small = dsn.replace("clv@", "analyst@")
    with pytest.raises(PublishError, match="grant create on database"):
        publish_to_postgres(serving, (ORDERS,), small, None, 0, print)

    taken = replace(TOTALS, name="taken")
    with psycopg.connect(dsn) as connection:
        connection.execute("create table shop.taken (a integer)")
    with pytest.raises(PublishError, match=r"shop\.taken is in this database already"):
        publisher(2, (ORDERS, taken), "create view shop.taken as from shop.totals")


def ages(done):
    """Which forms the command says are new, and which are not."""
    names = ("serving.duckdb", "parquet", "PostgreSQL")
    lines = [line.split() for line in done.stdout.splitlines()]
    return {one[0]: one[1].strip(",") for one in lines if one and one[0] in names}


def builds(done):
    """Of which build the command says that each form is."""
    return dict(re.findall(r"^(\S+) +new, of build (\w+)$", done.stdout, re.MULTILINE))


def test_the_command_says_which_forms_are_new_and_which_are_old(command, tmp_path, dsn):
    forms = dict.fromkeys(("serving.duckdb", "parquet", "PostgreSQL"), "new")
    failed = command(0, "--reader", "ghost")
    assert failed.returncode == 1
    assert ages(failed) == dict.fromkeys(forms, "not") | {"PostgreSQL": "as"}
    done = command(1)
    assert (done.returncode, ages(done)) == (0, forms), done.stderr
    assert builds(done) == dict.fromkeys(forms, "b1")
    nul = "update shop.fct_orders set tags = ['b' || chr(0)] where order_id = 7"
    failed = command(2, change=nul)
    assert failed.returncode == 1 and "code 0" in failed.stderr
    assert ages(failed) == forms | {"PostgreSQL": "old"}
    assert builds(failed) == {"serving.duckdb": "b2", "parquet": "b2"}
    (tmp_path / "to" / "parquet").unlink()
    (tmp_path / "to" / "parquet").mkdir()
    failed = command(3)
    assert failed.returncode == 1 and "is a folder" in failed.stderr
    assert ages(failed) == forms | {"parquet": "old", "PostgreSQL": "old"}
    assert query(dsn, "select version from shop.totals") == [(1,)]


def test_readers_are_waited_for_as_long_as_the_command_says(command, dsn):
    assert command(1).returncode == 0
    with psycopg.connect(dsn) as reader:
        reader.execute("select version from shop.totals")
        started = time.monotonic()
        failed = command(2, "--wait", "1")
        # Far less than the minute without --wait, on a busy machine too.
        assert time.monotonic() - started < 30
    assert failed.returncode == 1 and "readers hold the old ones" in failed.stderr
    assert ages(failed)["PostgreSQL"] == "old"


def test_nothing_is_copied_where_postgresql_would_not_take_it(command, tmp_path, dsn):
    def refused(words, *arguments):
        failed = command(1, *arguments)
        assert failed.returncode == 1 and words in failed.stderr, failed.stderr
        assert not (tmp_path / "to").exists()

    refused("Check host, port", "--dsn", "postgresql://clv@127.0.0.1:1/none")
    refused('"nobody_here" does not exist', "--dsn", dsn + "?user=nobody_here")
    refused("No role ghost in PostgreSQL", "--reader", "ghost")
    analyst = dsn.replace("clv@", "analyst@")
    refused("grant create on database", "--dsn", analyst)
    query_all(dsn, "grant create on database trial to analyst", "create schema shop")
    refused("alter schema shop owner to analyst", "--dsn", analyst)
    query_all(
        dsn,
        "grant create on schema shop to analyst",
        "create schema published_20240101t000000000000",
        'create table published_20240101t000000000000."shop.totals" (version integer)',
        "create view shop.totals as select * from "
        'published_20240101t000000000000."shop.totals"',
    )
    refused('alter view "shop"."totals" owner to analyst', "--dsn", analyst)
    refused("alter schema shop owner", "--dsn", analyst, "--reader", "analyst")
    query_all(dsn, "alter database trial set default_transaction_read_only = on")
    refused("Name the primary server")
    with psycopg.connect(dsn) as other:
        other.execute("select pg_advisory_lock(2088310725)")
        refused("Another publish.py is writing to this database")


def query_all(dsn, *statements):
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def when_copying(dsn, act):
    """Wait in another thread until rows are sent; then act with a session's process."""
    # A session that has ended its copy still shows it as its last query.
    copying = (
        "select pid from pg_stat_activity "
        "where state = 'active' and query ilike 'copy%fct_orders%'"
    )

    def wait():
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not (found := connection.execute(copying).fetchall()):
                time.sleep(0.002)
            act(connection, found[0][0])

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_connection_that_ends_among_rows_is_told_with_its_cause(dsn, tmp_path):
    build(tmp_path / "large.duckdb", 2, rows=2_000_000)
    serving = tmp_path / "large.duckdb"

    def terminate(connection, process):
        connection.execute("select pg_terminate_backend(%s)", [process])

    def cancel(connection, process):
        connection.execute("select pg_cancel_backend(%s)", [process])

    for act, words in (
        (terminate, r"fct_orders: PostgreSQL: .*connection unexpectedly\. .*ended the"),
        (cancel, r"fct_orders: PostgreSQL: canceling statement .*Somebody cancelled"),
    ):
        thread = when_copying(dsn, act)
        with pytest.raises(PublishError, match=words) as raised:
            publish_to_postgres(serving, TABLES, dsn, None, 20, lambda _: None)
        thread.join()
        assert "rollback" not in str(raised.value)
    with running_server(PROGRAMS, "fsync=off") as stopped:
        ((folder,),) = query(stopped, "show data_directory")
        server = int(Path(folder, "postmaster.pid").read_text().split()[0])
        # As `pg_ctl stop` does it: every session is ended.
        thread = when_copying(stopped, lambda *_: os.kill(server, signal.SIGINT))
        with pytest.raises(PublishError, match="server was stopped or restarted"):
            publish_to_postgres(serving, TABLES, stopped, None, 20, lambda _: None)
        thread.join()


def test_a_publication_that_a_person_stops_loads_no_table_to_its_end(
    root, dsn, tmp_path
):
    """The next table waits for the first, and is never begun."""
    build(tmp_path / "large.duckdb", 2, rows=2_000_000)
    one_by_one = "from clv_warehouse.serving.publishing import postgres as pg;"
    with subprocess.Popen(
        [
            *(sys.executable, "-c", f"{one_by_one}pg.LOADERS = 1;{PUBLISH}"),
            *(tmp_path / "large.duckdb", dsn),
        ],
        cwd=root / "tests" / "support",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as stopped:
        when_copying(dsn, lambda *_: stopped.send_signal(signal.SIGINT)).join()
        try:
            told, failed = stopped.communicate(timeout=60)
        finally:
            stopped.kill()
    assert "KeyboardInterrupt" in failed
    assert "fct_orders" not in told
