"""Tests the keys that stand for customers, and the points by which they are sampled."""

import hashlib
import hmac
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import PUBLIC, Secret, hand_to

# What Python encodes as UTF-8 and DuckDB takes.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def hashed(connection: duckdb.DuckDBPyConnection, secret: str, text: str) -> str:
    sql = sql_of("keyed_hash", secret, "text")
    ((found,),) = connection.execute(
        f"select {sql} from (select ? as text)", [text]
    ).fetchall()
    return found


@settings(max_examples=300, deadline=None)
@example("", "")
@example("k" * 64, "17850")
@example("k" * 65, "o'brien@example.com")
@example("key", 'Zoë "\\x00" \U0001f600 \0 ' + "x" * 200)
@given(key=TEXTS, text=TEXTS)
def test_sql_hashes_as_python_does(
    connection: duckdb.DuckDBPyConnection, key: str, text: str
) -> None:
    secret = Secret("key", key)
    hand_to(connection, [secret])
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert hashed(connection, "key", text) == digest == secret.hash(text)


def test_hash_is_that_of_the_standard(connection: duckdb.DuckDBPyConnection) -> None:
    # RFC 4231, test case 2.
    hand_to(connection, [Secret("key", "Jefe")])
    assert hashed(connection, "key", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_a_point_is_the_first_digits_of_the_hash(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    _, salt = PUBLIC
    hand_to(connection, [salt])
    points = connection.execute(
        f"select id, {sql_of('sample_point', 'id')} "
        "from (select 'C' || range as id from range(2000))"
    ).fetchall()
    assert dict(points) == {
        customer: int(salt.hash(customer)[:7], 16) / 16**7 for customer, _ in points
    }
    below = sum(point < 0.3 for _, point in points) / len(points)
    # Three standard deviations of a share of 0.3 among 2,000.
    assert below == pytest.approx(0.3, abs=0.031)


def test_a_new_key_gives_new_keys_and_moves_nobody(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    _, salt = PUBLIC
    found = []
    for text in ("one", "another"):
        hand_to(connection, [Secret("key", text), salt])
        found.append(
            connection.execute(
                f"select id, {sql_of('customer_key', 'id')}, "
                f"{sql_of('sample_point', 'id')} < 0.1 "
                "from (select 'C' || range as id from range(2000)) order by id"
            ).fetchall()
        )
    before, after = found
    assert [(each[0], each[2]) for each in before] == [
        (each[0], each[2]) for each in after
    ]
    assert not {key for _, key, _ in before} & {key for _, key, _ in after}
    assert 100 < sum(is_sampled for *_, is_sampled in before) < 300


@pytest.mark.parametrize("secret", ["key", "salt"])
def test_without_its_secret_a_query_stops(secret: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"create view hashes as select {sql_of('keyed_hash', secret, 'text')} "
            "as hash from (values ('a'), ('b')) as texts (text)"
        )
        hand_to(connection, [each for each in PUBLIC if each.name != secret])
        for read in ("from hashes", "select count(distinct hash) from hashes"):
            with pytest.raises(
                duckdb.ConversionException,
                match=f"The secret {secret} .* is missing.*set CLV_{secret.upper()}",
            ):
                connection.execute(read)


def test_no_customer_has_no_key(connection: duckdb.DuckDBPyConnection) -> None:
    define_key_of(connection, PUBLIC)
    ((key, none),) = connection.execute(
        "select key_of(' 17850.0 '), key_of(null)"
    ).fetchall()
    assert (key, none) == (PUBLIC[0].hash("17850")[:24], None)
