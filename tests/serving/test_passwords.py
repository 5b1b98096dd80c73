"""Tests that no password is printed, and that every password reaches a real server."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from benchmarks.postgres_server import find_programs, running_server
from clv_warehouse.project.contracts import PublishError, read_tables
from clv_warehouse.serving.publishing.address import readable_address
from clv_warehouse.serving.publishing.postgres import check_postgres
from publishing import write_manifest
from script_command import script_command

PROGRAMS = find_programs()
has_server = pytest.mark.skipif(
    PROGRAMS is None, reason="PostgreSQL is not installed (apt-get install postgresql)"
)
# Every odd password lies between these two words: neither may be printed.
BEFORE, AFTER = "kq7xv", "zw9jt"
ODD = (
    *("@", "/", ":", "#", "%", "?", "&", "=", " ", "+", ";", ",", "'", '"', "\\"),
    *("[", "]", "%2", "%zz", "%00", "@/", "/@", "://", "\n", "ü", "€", "$(x)", "a b=c"),
)
PASSWORDS = [f"{BEFORE}{odd}{AFTER}" for odd in ODD]
# Where the host of the server stands in an address.
FORMS = (
    "postgresql://{user}:{password}@{host}/postgres",
    "postgres://{user}:{password}@{host}/postgres?application_name=clv",
    "postgresql+psycopg2://{user}:{password}@{host}/postgres",
    "jdbc:postgresql://{host}/postgres?user={user}&password={password}",
)
KEYWORDS = "host=127.0.0.1 port={port} user={user} dbname=postgres password={password}"
WRONG = (
    "mysql://clv:{0}@127.0.0.1/shop",
    "https://clv:{0}@127.0.0.1/shop",
    "clv:{0}@127.0.0.1/shop",
    '"postgresql://clv:{0}@127.0.0.1/shop"',
    "postgresql:/clv:{0}@127.0.0.1/shop",
    "postgresql:clv:{0}@127.0.0.1/shop",
    "postgresql://clv:{0}:127.0.0.1/shop",
    "postgresql://clv:{0}@127.0.0.1:{0}/shop",
    "postgresql://clv:{0}@[::1/shop",
    "postgresql://127.0.0.1/shop?user=clv&password={0}&{0}",
    "postgresql://127.0.0.1/shop?user=clv&pasword={0}",
    "postgresql://127.0.0.1/shop?user=clv&password={0}&{0}=1",
    "Server=127.0.0.1;Database=shop;Password={0}",
    "host=127.0.0.1 user=clv password='{0}",
    "host=127.0.0.1 user=clv password='{0}'{0}",
    "host=127.0.0.1 user=clv pasword={0}",
    "host=127.0.0.1 user=clv password=x host={0}",
    "host=127.0.0.1 port={0}",
    "{0}",
)


@pytest.fixture(scope="module")
def server():
    """The address of a server that asks the role keeper for a password."""
    with running_server(PROGRAMS, "fsync=off") as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create role keeper login superuser")
            ((rules,),) = connection.execute("show hba_file").fetchall()
            text = Path(rules).read_text("utf-8")
            Path(rules).write_text(f"host all keeper all scram-sha-256\n{text}")
            connection.execute("select pg_reload_conf()")
        yield dsn


@pytest.fixture
def manifest(tmp_path):
    """What dbt would write of a tiny project."""
    return write_manifest(tmp_path / "manifest.json")


@pytest.fixture
def command(manifest, tmp_path, monkeypatch, caplog, capfd):
    """Publish to an address, where there is no warehouse; all that was printed."""
    monkeypatch.setenv("CLV_WAREHOUSE", str(tmp_path / "none.duckdb"))
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "5")
    caplog.set_level(logging.DEBUG)

    def run(address):
        monkeypatch.setenv("CLV_POSTGRES", address)
        where = ("--manifest", manifest, "--to", tmp_path / "to")
        done = script_command("publish.py", "all", *where)
        assert done.returncode == 1
        return f"{done.stdout}{done.stderr}{caplog.text}{''.join(capfd.readouterr())}"

    return run


def shows_password(text):
    return BEFORE in text or AFTER in text


@pytest.mark.slow
@has_server
def test_every_password_arrives_encoded_or_quoted_and_is_never_printed(
    server, manifest, command
):
    tables = read_tables(manifest)
    port = server.split(":")[-1].split("/")[0]
    host = f"127.0.0.1:{port}"
    admin = psycopg.connect(server, autocommit=True)
    for number, password in enumerate(PASSWORDS):
        statement = sql.SQL("alter role keeper password {}")
        admin.execute(statement.format(sql.Literal(password)))
        uri = FORMS[number % len(FORMS)]
        encoded = uri.format(user="keeper", password=quote(password, ""), host=host)
        escaped = password.replace("\\", "\\\\").replace("'", "\\'")
        quoted = KEYWORDS.format(port=port, user="keeper", password=f"'{escaped}'")
        for address in (encoded, f"  {quoted}\n"):
            assert check_postgres(tables, address, None) is None

        # As it stands, it is refused, or works where there is no doubt.
        for form in (uri, KEYWORDS):
            address = form.format(
                user="keeper", password=password, host=host, port=port
            )
            said = command(address)
            assert not shows_password(said), password
            known = (
                "cannot be read: ",
                "no warehouse",
                "authentication failed",
            )
            assert any(each in said for each in known), said
            way_out = "Percent-encode" if form == uri else "between apostrophes"
            assert "cannot be read: " not in said or way_out in said
    admin.close()
    with pytest.raises(PublishError, match="password authentication failed"):
        check_postgres(tables, f"postgresql://keeper:{BEFORE}@{host}/postgres", None)


@pytest.mark.parametrize("password", [f"{BEFORE}{AFTER}", f"{BEFORE}@/ {AFTER}"])
def test_what_is_no_address_is_refused_without_a_word_of_it(command, password):
    for form in WRONG:
        said = command(form.format(password))
        assert "The address of PostgreSQL (--dsn or CLV_POSTGRES) cannot" in said, form
        assert not shows_password(said), form


def test_no_exception_holds_the_password():
    for form in WRONG:
        address = form.format(f"{BEFORE}%ff{AFTER}")
        with pytest.raises(PublishError) as raised:
            readable_address(address)
        assert raised.value.__cause__ is None and raised.value.__context__ is None
        assert not shows_password(repr(raised.value))


@pytest.mark.parametrize(
    "wrong",
    [
        ("all", f"postgresql://clv:{BEFORE}@127.0.0.1/shop"),
        (f"postgresql://clv:{BEFORE}@127.0.0.1/shop",),
        ("all", "--dns", f"postgresql://clv:{BEFORE}@127.0.0.1/shop"),
        ("all", "--wait", f"postgresql://clv:{BEFORE}@127.0.0.1/shop"),
        ("all", f"host=h password={BEFORE}"),
    ],
)
def test_an_address_in_the_wrong_place_is_not_repeated(wrong):
    done = script_command("publish.py", *wrong)
    assert done.returncode == 2 and "--dsn ADDRESS" in done.stderr
    assert not shows_password(done.stdout + done.stderr)


def test_the_command_by_itself_prints_no_traceback(root, manifest, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, root / "scripts" / "publish.py", "postgres"),
            *("--manifest", manifest, "--to", tmp_path),
            *("--dsn", f"postgresql://clv:{BEFORE}@{AFTER}@127.0.0.1/shop"),
        ],
        cwd=root,
        env=os.environ | {"PYTHONFAULTHANDLER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Percent-encode" in done.stderr
    assert not shows_password(done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("postgresql://ann@db.example.org/clv", "user='ann' host='db.example.org' "),
        ("\tpostgres://db.example.org \n", "host='db.example.org'"),
        ("POSTGRESQL+asyncpg://ann:a:b#c@h:1/d", "password='a:b#c' host='h' port='1'"),
        ("postgresql://a@one,two:5433/d", "host='one,two' port=',5433'"),
        ("postgresql://[::1]:5432,[fe80::1]/d", "host='::1,fe80::1' port='5432,'"),
        ("postgresql://%2Fvar%2Frun%2Fpostgresql/d", "host='/var/run/postgresql'"),
        ("postgresql:///d?host=/var/run/postgresql", "host='/var/run/postgresql'"),
        ("postgresql://?service=clv", "service='clv'"),
        ("service=clv", "service='clv'"),
        ("postgresql://", ""),
        ("jdbc:postgresql://h/d?ssl=true", "sslmode='require'"),
        ("postgresql://a:it's%5C@h", r"password='it\'s\\'"),
        ("host = h  password = 'a\\'b \\\\' user=''", r"password='a\'b \\'"),
        ("host=h password=a'b\\ c", "password='a\\'b c'"),
    ],
)
def test_addresses_are_written_as_libpq_reads_them(address, read):
    written = readable_address(address)
    assert read in written
    expected = psycopg.conninfo.conninfo_to_dict(written)
    # libpq's own reading of the original, where it has the form that libpq knows.
    if address.strip().startswith(("postgres://", "postgresql://", "host", "service")):
        original = psycopg.conninfo.conninfo_to_dict(address.strip())
        assert {k: v for k, v in original.items() if v} == expected


def as_libpq_reads(address):
    found = psycopg.conninfo.conninfo_to_dict(address)
    return {name: value for name, value in found.items() if value}


# Characters that mean something in an address, and a few that do not.
TEXTS = st.text("ab1@/:?#%&=[]'\\ ,;+.-\né2f", max_size=30)


@settings(max_examples=500, deadline=None, database=None, derandomize=True)
@given(TEXTS)
def test_no_part_of_a_password_is_taken_for_something_else(password):
    """What libpq might say is wrong, such as a host, is then never of the password."""
    for form in (*FORMS, KEYWORDS):
        address = form.format(
            host="127.0.0.1:5432", port=5432, user="ann", password=password
        )
        try:
            found = as_libpq_reads(readable_address(address))
        except PublishError:
            continue
        found.pop("password", None)
        found.pop("application_name", None)
        expected = {"user": "ann", "host": "127.0.0.1", "dbname": "postgres"}
        assert found == expected | {"port": "5432"}, address


@settings(max_examples=1000, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(["postgresql://", "postgres://", "host=", ""]), TEXTS)
@example("postgresql://", "ann:a%20b@one,two:1/d?connect_timeout=1")
def test_an_address_is_read_as_libpq_reads_it_or_refused(start, text):
    address = (start + text).strip()
    try:
        written = readable_address(address)
    except PublishError:
        return
    assert as_libpq_reads(written) == as_libpq_reads(address)
