"""Tests the encoder: what it reads, what it learns, and that it sees no future."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from clv_warehouse.encoder import training
from clv_warehouse.encoder.heads import CATEGORY, CHURN, LONG_DAYS
from clv_warehouse.encoder.histories import (
    LATEST,
    NUMBERS,
    Asked,
    Histories,
    Scale,
    ask,
    modalities_of,
)
from clv_warehouse.encoder.network import (
    Encoder,
    from_stored,
    to_bytes,
)
from clv_warehouse.encoder.pretraining import (
    Network,
    Shape,
    futures,
    initial,
    popularity,
    sparse,
    train,
)
from clv_warehouse.encoder.training import (
    BACKTEST,
    ENCODER,
    HEAD_BACKTEST,
    POPULAR,
    WITHOUT,
    chain_of,
    heads_of,
    ignored,
    is_enough,
    judge,
    judge_heads,
    trained_row,
)
from clv_warehouse.learning.fitting import sparse_times
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import Stored

FIRST, END, LAST = date(2023, 12, 1), date(2024, 10, 1), date(2024, 11, 26)
CUSTOMERS, PRODUCTS = 240, 12
SMALL = Shape(size=8, width=16, epochs=8, customers=16)
DAY = pa.struct(
    [
        ("activity_date", pa.date32()),
        ("is_purchase", pa.bool_()),
        *((name, pa.float64()) for name in NUMBERS[1:]),
        ("product_ids", pa.list_(pa.string())),
        ("viewed_product_ids", pa.list_(pa.string())),
    ]
)


def number(day: date) -> int:
    """The days since 1970."""
    return (day - date(1970, 1, 1)).days


def happened(day: date, products: list[str], viewed: list[str], amount: float) -> dict:
    """A day of a customer."""
    none = dict.fromkeys(
        ("returned_amount", "carts", "searches", "reviews", "rating", "contacts"), 0.0
    )
    return {
        "activity_date": day,
        "is_purchase": bool(products),
        "amount": amount,
        "views": float(len(viewed)),
        "product_ids": products,
        "viewed_product_ids": viewed,
        **none,
    }


def sequences(seed: int = 3) -> pa.Table:
    """Customers of two tastes; who looks at products buys one of them a week later.

    One in five stops on some day.
    """
    draw = np.random.default_rng(seed)
    rows = []
    for customer in range(CUSTOMERS):
        liked = np.arange(customer % 2, PRODUCTS, 2)
        days: dict[date, dict] = {}
        day = FIRST + timedelta(int(draw.integers(0, 60)))
        last = LAST - timedelta(60 + customer if customer % 5 == 4 else 0)
        while day <= last:
            chosen = [f"p{each:02d}" for each in draw.choice(liked, 2, replace=False)]
            days[day] = happened(day, [], chosen, 0.0)
            bought = day + timedelta(7)
            if bought <= last:
                days[bought] = happened(bought, chosen[:1], [], 10.0 + customer % 7)
            day += timedelta(int(draw.integers(14, 40)))
        rows.append(
            {
                "customer_key": f"c{customer:03d}",
                "days": [days[each] for each in sorted(days)],
            }
        )
    return pa.Table.from_pylist(
        rows, pa.schema([("customer_key", pa.string()), ("days", pa.list_(DAY))])
    )


@pytest.fixture(scope="module")
def histories() -> Histories:
    """The shop's customers."""
    return Histories.from_arrow(sequences())


@pytest.fixture(scope="module")
def encoder(histories: Histories) -> Encoder:
    """One that ends on a day of their middle."""
    return train(histories, number(END), SMALL)


def asked_of(
    encoder: Encoder, histories: Histories, day: date, customers: np.ndarray
) -> Asked:
    """What the encoder reads of customers as of a day."""
    days = np.full(len(customers), number(day))
    return ask(encoder.read(histories), customers, days, encoder.scale)


def test_nothing_that_happens_later_reaches_an_encoder_or_a_vector(
    histories: Histories, encoder: Encoder
) -> None:
    """A third of the customers buy a new product, dear, on the day after."""
    told = sequences().to_pylist()
    for place, row in enumerate(told):
        row["days"] = [day for day in row["days"] if day["activity_date"] <= END]
        if place % 3 == 0:
            later = END + timedelta(1)
            row["days"].append(happened(later, ["new", "p00"], ["p01"], 9_999.0))
    other = Histories.from_arrow(pa.Table.from_pylist(told, sequences().schema))
    again = train(other, number(END), SMALL)
    # This also says that the same data give the same network.
    for name, each in encoder.parts.items():
        assert np.array_equal(each, again.parts[name]), name
    assert again.product_ids.equals(encoder.product_ids)
    everyone = np.arange(CUSTOMERS)
    for day in (END, END - timedelta(40)):
        one, two = (
            encoder.states(asked_of(encoder, each, day, everyone))
            for each in (histories, other)
        )
        assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))
    # A day later they differ, so the planted days can be seen where they may be.
    after = [
        encoder.states(asked_of(encoder, each, END + timedelta(1), everyone))[0]
        for each in (histories, other)
    ]
    assert (np.abs(after[0] - after[1]).max(1) > 1e-3)[::3].all()


def test_numpy_computes_what_keras_trains(histories: Histories) -> None:
    shape = replace(SMALL, dropout=0.0, depth=3)
    end = number(END)
    known = histories.until(end)
    draw = np.random.default_rng(1)
    start = initial(known, end, shape, draw)
    network = Network(start, popularity(known, np.array([end]), 28), shape, 1)
    mine = Encoder(network.weights, Scale.of(known), known.product_ids, end)
    asked = asked_of(mine, histories, END, np.arange(50))
    taste, heads = network._read(
        asked.days,
        *map(sparse, (asked.bought, asked.viewed, asked.pools)),
        *map(sparse, (asked.tastes, asked.looks)),
        asked.known,
    )
    _, my_taste, my_heads = mine.states(asked)
    np.testing.assert_allclose(my_taste, np.asarray(taste), atol=1e-5)
    np.testing.assert_allclose(my_heads, np.asarray(heads), atol=1e-5)


def test_the_latest_days_are_read_in_their_order(histories: Histories) -> None:
    """However long ago they were, and nothing of days that only looked around."""
    customers, later = np.arange(20), date(2030, 1, 1)
    days = np.full(len(customers), number(later))
    asked = ask(histories, customers, days, Scale.of(histories))
    read = np.asarray((asked.tastes @ asked.bought).todense())
    read = read.reshape(-1, len(customers), read.shape[1])[-len(LATEST) :]
    for row, customer in enumerate(sequences().to_pylist()[: len(customers)]):
        bought = [each["product_ids"] for each in customer["days"]]
        bought = [each for each in bought if each]
        for most, pool in zip(LATEST, read, strict=True):
            wanted = np.zeros(read.shape[-1])
            for each in bought[-most:]:
                wanted[[int(name[1:]) for name in each]] += 1 / len(bought[-most:])
            np.testing.assert_allclose(pool[row], wanted, atol=1e-6)


def test_both_ways_turns_days_around(histories: Histories) -> None:
    twice = histories.both_ways()
    count = len(histories.day)
    for customer in (0, CUSTOMERS - 1):
        first, last = histories.start[customer : customer + 2]
        own, turned = slice(first, last), slice(count + first, count + last)
        days = histories.day[own]
        assert (twice.day[own] == days).all()
        assert (twice.day[turned] == days[0] + days[-1] - days[::-1]).all()
        bought, viewed = (each.toarray() for each in (twice.bought, twice.viewed))
        assert (bought[turned] == bought[own][::-1]).all()
        assert (viewed[turned] == viewed[own][::-1]).all()
    assert len(twice.start) == 2 * CUSTOMERS + 1
    assert twice.start[-1] == len(twice.day) == 2 * count


def test_sparse_products_have_tensorflow_s_gradient() -> None:
    import tensorflow as tf

    draw = np.random.default_rng(2)
    matrix = sparse(sp.random(7, 5, 0.4, "csr", np.float32, rng=draw))
    dense = tf.constant(draw.normal(size=(5, 3)).astype(np.float32))
    found = []
    for times in (sparse_times, tf.sparse.sparse_dense_matmul):
        with tf.GradientTape() as tape:
            tape.watch(dense)
            loss = tf.reduce_sum(tf.square(times(matrix, dense)))
        found.append(np.asarray(tape.gradient(loss, dense)))
    np.testing.assert_allclose(*found)
    assert np.abs(found[0]).sum() > 0


def test_customers_and_products_of_one_taste_are_close(
    histories: Histories, encoder: Encoder
) -> None:
    _, tastes, heads = encoder.states(
        asked_of(encoder, histories, END, np.arange(CUSTOMERS))
    )
    scores = tastes @ encoder.parts["offers"].T + encoder.parts["offers_bias"]
    parity = np.array([int(each[1:]) % 2 for each in encoder.product_ids.to_pylist()])
    own = np.array(
        [scores[each][parity == each % 2].mean() for each in range(CUSTOMERS)]
    )
    other = np.array(
        [scores[each][parity != each % 2].mean() for each in range(CUSTOMERS)]
    )
    assert (own > other).mean() > 0.98
    assert np.isfinite(heads).all()


def test_what_is_learned_happens_in_the_window_after(histories: Histories) -> None:
    start, end = number(END) - 60, number(END)
    customer, day = np.arange(CUSTOMERS), np.full(CUSTOMERS, start)
    found = futures(
        histories.until(end),
        customer,
        day,
        end,
        SMALL,
        Scale.of(histories),
        np.random.default_rng(1),
    )
    bought = [
        any(
            row["is_purchase"]
            and 0 < number(row["activity_date"]) - start <= SMALL.window
            for row in each["days"]
        )
        for each in sequences().to_pylist()
    ]
    assert found.happened[:, 0].tolist() == [float(each) for each in bought]
    # The window of 91 days is not over on the last day that may be known.
    assert found.told[:, 0].all()
    assert not found.told[:, 1].any()
    weights = np.bincount(found.product // len(histories.product_ids), found.weight)
    np.testing.assert_allclose(weights, 1, rtol=1e-6)


def products() -> pa.Table:
    """Rows of product_popularity: even products are of one category."""
    ids = [f"p{each:02d}" for each in range(PRODUCTS)]
    return pa.table(
        {
            "product_id": ids,
            "category": ["even" if int(each[1:]) % 2 == 0 else "odd" for each in ids],
            "customer_days": [5] * PRODUCTS,
        }
    )


def plan(settings: str = '{"recommendation_days": 28, "encoder": {}}') -> Plan:
    """A plan by which a training is due."""
    settings = settings.replace("{}", '{"size": 8, "width": 16, "epochs": 8}')
    return Plan(ENCODER, True, "no network yet", LAST, settings=settings)


def test_a_training_has_encoders_that_end_before_what_is_learned_from_them() -> None:
    # With a window of 91 days both chains are one, which halves what this costs.
    due = plan('{"recommendation_days": 91, "encoder": {}}')
    rows = judge(due, sequences())
    assert rows.schema == BACKTEST
    found = rows.to_pandas()
    assert set(found["model"]) == {ENCODER, POPULAR, f"{WITHOUT}browsing"}
    assert set(found["origin_date"]) == {LAST - timedelta(LONG_DAYS)}
    assert found.groupby("model").size().nunique() == 1
    loss = found.groupby("model")["product_log_loss"].mean()
    assert loss[ENCODER] < loss[POPULAR]
    cases = [
        {
            name: {"product_log_loss": float(value), "gain": 0.0, "gain_error": 0.1}
            for name, value in loss.items()
        }
    ]
    accepted = ((CATEGORY, LONG_DAYS), (CHURN, LONG_DAYS))
    (row,) = trained_row(due, cases, accepted, sequences(), products()).to_pylist()
    assert row["verdict"] == "accepted"
    stored = Stored(
        row["network_version"], row["weights"], row["config"], "{}", row["digest"]
    )
    chain = chain_of(stored)
    assert [number(LAST) - each.end for each in chain] == [182, 91, 0]
    # Browsing gained nothing, so nothing reads it.
    assert {each.ignored for each in chain} == {("browsing",)}
    # Heads are judged by the encoder that ends so long before, and stand beside them.
    judged = judge_heads(due, sequences(), products())
    assert judged.schema == HEAD_BACKTEST
    assert set(judged["origin_date"].to_pylist()) == {LAST - timedelta(LONG_DAYS)}
    assert set(judged["horizon_days"].to_pylist()) == {LONG_DAYS}
    _, heads, late = heads_of(stored)
    assert set(heads.long) == {CHURN}
    assert set(judged["head"].to_pylist()) <= {*heads.by_name, CHURN}
    assert CHURN in judged["head"].to_pylist()
    speaking = {name for name, head in heads.by_name.items() if head.is_accepted}
    assert speaking == {CATEGORY}
    # A head of 91 days that may speak reads today's encoder of its chain.
    assert late is not None
    assert (late.end, late.ignored) == (number(LAST), ("browsing",))


def test_each_horizon_has_a_chain_of_its_own(
    histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the encoders of 91 days goes on from one of the window's."""
    begun: list[tuple[int, int | None]] = []

    def trained(_: Histories, end: int, *given: Any) -> Encoder:
        before = given[1]
        begun.append((number(LAST) - end, before and number(LAST) - before.end))
        return Encoder({}, Scale(0.0, 1.0), pa.array([], pa.string()), end)

    monkeypatch.setattr(training, "train", trained)
    monkeypatch.setattr(training, "_LAST", {})
    assert list(training.encoders(plan(), histories, 28, 28)) == [56, 28]
    assert list(training.encoders(plan(), histories, LONG_DAYS, LONG_DAYS)) == [182, 91]
    assert list(training.encoders(plan(), histories, 28, 0)) == [56, 28, 0]
    assert begun == [(56, None), (28, 56), (182, None), (91, 182), (0, 28)]


def test_encoders_of_91_days_need_a_past_as_long(histories: Histories) -> None:
    today = number(LAST)
    assert all(is_enough(histories, today, days) for days in (28, LONG_DAYS))
    young = histories.after(number(FIRST) + 60)
    assert is_enough(young, today, 28)
    assert not is_enough(young, today, LONG_DAYS)
    assert not is_enough(histories.after(today - 100), today, 28)


def test_a_shop_with_too_little_to_learn_from_has_no_encoder() -> None:
    assert judge(plan(), sequences().slice(0, 50)).num_rows == 0
    assert (
        trained_row(plan(), [], (), sequences().slice(0, 50), products()).num_rows == 0
    )
    # No piece is like another: each is sold once.
    told = sequences().to_pylist()
    for number, day in enumerate(day for row in told for day in row["days"]):
        day["product_ids"] = [f"piece {number}"] if day["is_purchase"] else []
        day["viewed_product_ids"] = []
    assert judge(plan(), pa.Table.from_pylist(told, sequences().schema)).num_rows == 0


def test_a_modality_is_ignored_that_gains_no_more_than_its_error() -> None:
    case = {
        f"{WITHOUT}browsing": {"gain": 0.02, "gain_error": 0.01},
        f"{WITHOUT}reviews": {"gain": 0.01, "gain_error": 0.02},
    }
    assert ignored([case]) == ("reviews",)
    assert ignored([]) == ()


def test_without_a_modality_days_of_it_alone_are_gone(histories: Histories) -> None:
    assert modalities_of(histories) == ["browsing"]
    read = histories.without(["browsing"])
    assert len(read.day) == int(histories.numbers[:, 0].sum())
    assert not read.viewed.nnz


def test_encoders_are_stored_and_read_again(encoder: Encoder) -> None:
    stored = to_bytes([encoder, replace(encoder, end=encoder.end + 56)])
    chain = from_stored(Stored("v", stored, "{}", "{}", None))
    assert [each.end - encoder.end for each in chain] == [0, 56]
    for name, each in encoder.parts.items():
        np.testing.assert_allclose(chain[0].parts[name], each, atol=1e-2)
    # One that read other pools of products must not score.
    older = replace(encoder, parts=encoder.parts | {"skip": np.ones(6, np.float32)})
    with pytest.raises(ValueError, match="read products otherwise"):
        from_stored(Stored("v", to_bytes([older]), "{}", "{}", None))
