"""Tests heads: what rules and the encoder say of what customers will do next."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.encoder.habits import habits, has_bought
from clv_warehouse.encoder.heads import (
    CATEGORY,
    CHURN,
    FIRST,
    LONG_DAYS,
    PRODUCT,
    REPEAT,
    Head,
    Heads,
    fit,
    fit_long,
    judge,
    judge_long,
    levelled_loss,
    log_loss,
)
from clv_warehouse.encoder.histories import Histories, Scale
from clv_warehouse.encoder.network import Encoder, heads_from_stored, to_bytes
from clv_warehouse.encoder.outlooks import SCHEMA, outlooks
from clv_warehouse.encoder.pretraining import Shape, initial
from clv_warehouse.encoder.seen import Catalogue, Pairs, Seen
from clv_warehouse.learning.registry import Stored
from tests.encoder.test_encoder import DAY, happened

BEGIN, WINDOW, CUSTOMERS, PRODUCTS = 19_000, 28, 400, 12
# The day as of which heads learn, and the shop's last.
LEARNED, LAST = BEGIN + 200, BEGIN + 256
PRODUCT_IDS = pa.array([f"p{each:02d}" for each in range(PRODUCTS)])


def rows(seed: int = 3) -> list[dict]:
    """Customers of two tastes, half of whom only look around for 150 days or longer.

    Whoever has visited of late buys, and what they looked at.
    """
    draw = np.random.default_rng(seed)
    found = []
    for customer in range(CUSTOMERS):
        liked = np.arange(customer % 2, PRODUCTS, 2)
        buys_from = BEGIN + (0 if customer % 4 < 2 else int(draw.integers(150, 300)))
        days = {}
        day = BEGIN + int(draw.integers(0, 30))
        while day <= LAST:
            chosen = [PRODUCT_IDS[each].as_py() for each in draw.choice(liked, 2)]
            days[day] = happened(date.fromordinal(day + 719_163), [], chosen, 0.0)
            bought = day + int(draw.integers(5, 25))
            if buys_from <= bought <= LAST and draw.random() < 0.8:
                days[bought] = happened(
                    date.fromordinal(bought + 719_163), chosen[:1], [], 10.0
                )
            day += int(draw.integers(30, 120))
        found.append(
            {
                "customer_key": f"c{customer:03d}",
                "days": [days[each] for each in sorted(days)],
            }
        )
    return found


def read(given: list[dict]) -> Histories:
    """Read rows of customer_sequences."""
    kind = pa.schema([("customer_key", pa.string()), ("days", pa.list_(DAY))])
    return Histories.from_arrow(pa.Table.from_pylist(given, kind), PRODUCT_IDS)


def products() -> pa.Table:
    """Rows of product_popularity: even products are of one category."""
    ids = PRODUCT_IDS.to_pylist()
    return pa.table(
        {
            "product_id": ids,
            "category": ["even" if int(each[1:]) % 2 == 0 else "odd" for each in ids],
            "customer_days": [5] * PRODUCTS,
        }
    )


@pytest.fixture(scope="module")
def histories() -> Histories:
    """The shop's customers."""
    return read(rows())


@pytest.fixture(scope="module")
def encoder(histories: Histories) -> Encoder:
    """One that has learned nothing but where products lie; it needs no Keras."""
    shape = Shape(size=4, width=8)
    known = histories.until(LEARNED)
    parts = initial(known, LEARNED, shape, np.random.default_rng(1))
    return Encoder(parts, Scale.of(known), known.product_ids, LEARNED, version="v")


def seen_at(encoder: Encoder, histories: Histories, day: int) -> Seen:
    """Customers as of a day."""
    catalogue = Catalogue.of(products(), histories.until(LEARNED))
    return Seen.at(encoder, histories, day, catalogue.at(histories, day, WINDOW))


def test_nothing_that_happens_later_reaches_rules_or_heads(
    histories: Histories, encoder: Encoder
) -> None:
    """A third of the customers buy, dear, on the day after, and others later."""
    told = rows()
    after = [date.fromordinal(LEARNED + 719_163 + each) for each in (1, 40, 100)]
    for place, row in enumerate(told):
        row["days"] = [day for day in row["days"] if day["activity_date"] < after[0]]
        row["days"].append(happened(after[place % 3], ["p00"], ["p01"], 9_999.0))
    planted = read(told)
    one, two = (seen_at(encoder, each, LEARNED) for each in (histories, planted))
    for name in ("customers", "has_bought", "habits", "log_odds", "tastes"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    for pairs_of in (
        Pairs.of_products,
        lambda seen: Pairs.of_categories(seen, np.zeros(len(seen.customers))),
    ):
        mine, other = pairs_of(one), pairs_of(two)
        assert np.array_equal(mine.rule, other.rule)
        assert np.array_equal(mine.encoder, other.encoder)
    # The first planted day is what heads of the window learn. Those of 91 days learn
    # the second one too, and the third lies after all.
    known, until_window, until_long, otherwise = (
        json.loads(Heads.fit(encoder, each, products(), WINDOW, encoder).to_json())
        for each in (
            planted,
            *(planted.until(LEARNED + days) for days in (WINDOW, LONG_DAYS)),
            histories,
        )
    )
    assert known["heads"] == until_window["heads"] != otherwise["heads"]
    assert known["long"] == until_long["long"] != until_window["long"]
    assert set(known["long"]) == {CHURN, FIRST}
    with pytest.raises(ValueError, match="knows all until"):
        seen_at(replace(encoder, end=LEARNED + 1), histories, LEARNED)


def test_who_has_visited_of_late_buys_and_what_they_looked_at(
    histories: Histories, encoder: Encoder
) -> None:
    learned = fit(seen_at(encoder, histories, LEARNED), histories, WINDOW)
    assert set(learned) == {REPEAT, FIRST, CATEGORY, PRODUCT}
    seen = seen_at(encoder, histories, LEARNED + WINDOW)
    assert 50 < (~seen.has_bought).sum() < 200
    cases = list(judge(learned, seen, histories, WINDOW))
    wanted, bought = seen.happened(histories, WINDOW)
    for name, kept in ((REPEAT, seen.has_bought), (FIRST, ~seen.has_bought)):
        losses = [each.losses[0] for each in cases if each.head == name]
        share = np.full(
            kept.sum(), np.log(wanted[kept].mean() / (~wanted[kept]).mean())
        )
        assert np.mean(losses) < 0.97 * log_loss(share, wanted[kept]).mean()
    # Of two categories one is everybody's own. Products are better told than by chance.
    listed = [each.recalls for each in cases if each.head == CATEGORY and each.recalls]
    assert len(listed) > 50
    assert set(listed) == {(1.0, 1.0)}
    losses = [each.losses[0] for each in cases if each.head == PRODUCT]
    assert np.mean(losses) < 0.9 * np.log(PRODUCTS)
    own = Pairs.of_categories(seen, np.zeros(len(seen.customers)))
    chances = learned[CATEGORY].log_odds(own.rule, own.encoder, False)
    is_odd = seen.customers % 2 == 1
    assert ((chances[:, 1] > chances[:, 0]) == is_odd).mean() > 0.98
    assert bought.shape == (len(seen.customers), PRODUCTS)


def test_everybody_has_an_outlook_and_it_says_whose_it_is(
    histories: Histories, encoder: Encoder
) -> None:
    before = replace(encoder, end=LEARNED + WINDOW - LONG_DAYS)
    accepted = {(CATEGORY, WINDOW), (FIRST, WINDOW), (CHURN, LONG_DAYS)}
    heads = Heads.fit(encoder, histories, products(), WINDOW, before, accepted)
    stored = Stored("v", to_bytes([encoder], heads.to_json()), "{}", "{}", None)
    again = Heads.from_json(heads_from_stored(stored))
    assert again.to_json() == heads.to_json()
    seen = seen_at(encoder, histories, LAST)
    found = pa.Table.from_batches(
        outlooks(again, seen, WINDOW, encoder), SCHEMA
    ).to_pandas()
    by = found.groupby("outlook")
    assert by["said_by"].unique().str[0].to_dict() == {
        REPEAT: "rule",
        FIRST: "head",
        CATEGORY: "head",
        PRODUCT: "rule",
        CHURN: "head",
    }
    assert set(found["customer_key"]) == {f"c{each:03d}" for each in seen.customers}
    assert set(by.get_group(REPEAT)["has_bought"]) == {True}
    assert set(by.get_group(FIRST)["has_bought"]) == {False}
    assert found["chance"].between(0, 1).all()
    firsts = by.get_group(FIRST).pivot_table("chance", "customer_key", "horizon_days")
    assert (firsts[LONG_DAYS] >= firsts[WINDOW]).all()
    # Whoever is likely to buy in the window is less likely to buy nothing in 91 days.
    buys, none = (
        by.get_group(name).set_index("customer_key")["chance"]
        for name in (REPEAT, CHURN)
    )
    assert set(buys.index) == set(none.index)
    assert (buys + none[buys.index] <= 1 + 1e-6).all()
    of_products = by.get_group(PRODUCT).sort_values(["customer_key", "rank"])
    assert of_products.groupby("customer_key")["chance"].is_monotonic_decreasing.all()
    total = of_products.groupby("customer_key")["chance"].sum()
    assert (total <= firsts[WINDOW].loc[total.index] + 1e-6).all()


def test_who_has_visited_of_late_buys_within_91_days(
    histories: Histories, encoder: Encoder
) -> None:
    judged = LAST - LONG_DAYS
    then, now = (
        seen_at(replace(encoder, end=each), histories, each)
        for each in (judged - WINDOW, judged)
    )
    learned = fit_long(then, histories)
    cases = list(judge_long(learned, now, histories))
    bought, _ = now.happened(histories, LONG_DAYS)
    none = ~bought[now.has_bought]
    losses = [each.losses[0] for each in cases if each.head == CHURN]
    share = np.full(len(none), np.log(none.mean() / (~none).mean()))
    # How many buy in a season is not judged, only who.
    np.testing.assert_allclose(levelled_loss(share + 2, none), log_loss(share, none))
    assert len(losses) == len(none)
    assert np.mean(losses) < 0.97 * log_loss(share, none).mean()
    # When these buy first is drawn.
    firsts = [each.losses for each in cases if each.head == FIRST]
    assert len(firsts) == (~now.has_bought).sum()
    # Nothing is said of a shop that is too young, but for a first purchase.
    young = Heads.fit(encoder, histories, products(), WINDOW)
    assert set(young.long) == {FIRST}
    assert not young.long[FIRST].is_accepted


def test_where_few_bought_everybody_is_as_likely(
    histories: Histories, encoder: Encoder
) -> None:
    seen = seen_at(encoder, histories, LEARNED)
    few = seen.where(np.flatnonzero(seen.has_bought)[:30])
    wanted, _ = few.happened(histories, WINDOW)
    learned = fit(few, histories, WINDOW)
    assert set(learned) == {REPEAT}
    chances = learned[REPEAT].log_odds(few.habits, few.log_odds, True)
    share = (wanted.sum() + 0.5) / (len(wanted) + 1)
    np.testing.assert_allclose(chances, np.log(share / (1 - share)))
    assert not list(judge(learned, few, histories, WINDOW))


def test_a_head_adds_to_its_rule_what_the_encoder_knows_beside_it() -> None:
    draw = np.random.default_rng(1)
    habit, secret = draw.normal(size=(2, 4_000, 1))
    wanted = draw.random(4_000) < 1 / (1 + np.exp(-(habit + 2 * secret)[:, 0]))
    head = Head.fit(habit, secret, wanted)
    rule, both = (
        log_loss(head.log_odds(habit, secret, each), wanted).mean()
        for each in (False, True)
    )
    assert both < 0.8 * rule
    assert np.array_equal(
        head.log_odds(habit, secret), head.log_odds(habit, secret, False)
    )
    useless = Head.fit(habit, draw.normal(size=(4_000, 1)), wanted)
    assert abs(useless.head.weights[1]) < 0.1


def test_habits_are_counted_by_hand() -> None:
    day = [date.fromordinal(LEARNED + 719_163 - age) for age in (50, 20, 3, -1)]
    told = [
        {
            "customer_key": "a",
            "days": [
                happened(day[0], ["p00"], [], 5.0),
                happened(day[1], ["p00"], [], 7.0),
                happened(day[2], [], ["p01", "p02"], 0.0),
                happened(day[3], ["p00"], [], 9.0),
            ],
        },
        {"customer_key": "b", "days": [happened(day[2], [], ["p01"], 0.0)]},
    ]
    known = read(told).until(LEARNED)
    assert has_bought(known).tolist() == [True, False]
    found = habits(known, np.arange(2), LEARNED)
    assert np.expm1(found[:, 0]) == pytest.approx([20, 2_000])
    assert np.expm1(found[:, 1]) == pytest.approx([3, 3])
    assert np.expm1(found[:, 5]) == pytest.approx([2, 0])
    assert np.expm1(found[0, 7]) == pytest.approx(30)
    assert np.expm1(found[:, -1]) == pytest.approx([12, 0])
