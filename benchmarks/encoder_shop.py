"""Measures what the encoder adds in made-up shops, where most of what happens is seen.

Half of the customers let themselves be watched: what they view, search for and put into
a cart is known, beside orders, returns, reviews and messages. As in a build, an encoder
ends on the day as of which a head learns, and one that goes on from it on the day as of
which the head is judged. Heads learn from the window before the judged one, so nothing
that is judged was seen.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from benchmarks.outside_heads import (
    Before,
    all_features,
    area,
    chances_of,
    gini,
    gini_lead,
    of_customers,
    of_prior,
    spends_of,
    spent,
)
from benchmarks.recommendations import LENGTH, WINDOW, measured, measures
from benchmarks.shop import REPORTED_SEED
from clv_warehouse.encoder.histories import Histories, ask
from clv_warehouse.encoder.network import CHANCE_DAYS, Encoder
from clv_warehouse.encoder.pretraining import Shape, bought_within, popularity, train
from clv_warehouse.encoder.vectors import product_vectors, vectors
from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Known
from clv_warehouse.recommendations.lists import best_of
from clv_warehouse.recommendations.neighbours import learn
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import (
    LEARNED,
    WITH_TASTE,
    WITH_VIEWS,
    Learned,
)
from clv_warehouse.recommendations.tastes import Tastes
from clv_warehouse.shop.goods import Catalogue, utilities
from clv_warehouse.shop.people import make_people
from clv_warehouse.shop.seasons import month_of
from clv_warehouse.shop.settings import Settings

AS_OF = date(2025, 7, 2)
PEOPLE = 20_000
HORIZONS = (91, 182)
BROWSING = ("browsing",)
# What happened on customers' days, by feed, as rows of customer_sequences.
SEQUENCES = """
    with orders as (
        select
            order_id,
            customer_id as customer_key,
            cast(ordered_at as date) as activity_date,
            status,
            cast(amount as double) as amount
        from '{0}/orders.parquet'
        where customer_id is not null and status <> 'cancelled'
    ),

    lines as (
        select
            customer_key,
            activity_date,
            product_id,
            sum(quantity * unit_price) as paid
        from '{0}/order_lines.parquet'
        inner join orders using (order_id)
        where status = 'completed' and product_id <> 'SHIPPING'
        group by all
    ),

    happened as (
        select
            customer_key,
            activity_date,
            if(status = 'completed', amount, 0) as amount,
            if(status = 'returned', -amount, 0) as returned_amount,
            0 as views,
            0 as carts,
            0 as searches,
            0 as reviews,
            0 as rating,
            0 as contacts
        from orders
        union all
        select customer_key, cast(refunded_at as date), 0,
            cast(refunds.amount as double), 0, 0, 0, 0, 0, 0
        from '{0}/refunds.parquet' as refunds
        inner join orders using (order_id)
        union all
        select customer_id, cast(occurred_at as date), 0, 0,
            if(event_type = 'view', 1, 0), if(event_type = 'cart', 1, 0),
            if(event_type = 'search', 1, 0), 0, 0, 0
        from '{0}/events.parquet'
        where
            customer_id is not null
            and event_type in ('view', 'cart', 'search')
        union all
        select customer_id, cast(written_at as date), 0, 0, 0, 0, 0, 1, rating, 0
        from '{0}/reviews.parquet'
        where customer_id is not null
        union all
        select customer_id, cast(sent_at as date), 0, 0, 0, 0, 0, 0, 0, 1
        from '{0}/campaign_sends.parquet'
        where customer_id is not null
    ),

    days as (
        select
            customer_key,
            activity_date,
            sum(amount) > 0 as is_purchase,
            sum(amount) as amount,
            sum(returned_amount) as returned_amount,
            sum(views) as views,
            sum(carts) as carts,
            sum(searches) as searches,
            sum(reviews) as reviews,
            max(rating) as rating,
            sum(contacts) as contacts
        from happened
        group by all
    ),

    bought as (
        select
            customer_key,
            activity_date,
            list(product_id order by paid desc, product_id) as product_ids
        from lines
        group by all
    ),

    looks as (
        select
            customer_id as customer_key,
            cast(occurred_at as date) as activity_date,
            product_id,
            count(*) as looks
        from '{0}/events.parquet'
        where event_type in ('view', 'cart') and product_id is not null
        group by all
    ),

    viewed as (
        select
            customer_key,
            activity_date,
            list(product_id order by looks desc, product_id)[:20] as viewed_product_ids
        from looks
        group by all
    ),

    told as (
        select
            days.*,
            coalesce(product_ids, cast([] as varchar[])) as product_ids,
            coalesce(viewed_product_ids, cast([] as varchar[])) as viewed_product_ids
        from days
        left join bought using (customer_key, activity_date)
        left join viewed using (customer_key, activity_date)
    )

    select customer_key, list(told order by activity_date) as days
    from told
    group by customer_key
    order by hash(customer_key)
"""
TRUTH = "select customer_id, horizon_days, expected_spend from '{}/truth.parquet'"


@dataclass(frozen=True)
class Shop:
    """A made-up shop as a build would read it."""

    histories: Histories
    folder: Path

    @classmethod
    def read(cls, folder: Path, customers: int | None = None) -> Self:
        """Read all customers, or some of them, always the same ones."""
        with duckdb.connect(config={"threads": 1}) as connection:
            rows = connection.sql(SEQUENCES.format(folder)).to_arrow_table()
        rows = rows.slice(0, customers).sort_by("customer_key")
        return cls(Histories.from_arrow(rows), folder)

    @cached_property
    def purchases(self) -> Purchases:
        """Who bought what when."""
        bought, histories = self.histories.bought.tocoo(), self.histories
        return Purchases.of(
            histories.customer[bought.row].astype(np.int32),
            bought.col.astype(np.int32),
            histories.day[bought.row].astype(np.int32),
            histories.customer_keys,
            histories.product_ids,
        )

    @cached_property
    def views(self) -> Purchases | None:
        """Who looked at what when; None if nobody was watched."""
        viewed, histories = self.histories.viewed.tocoo(), self.histories
        if not viewed.nnz:
            return None
        return Purchases.of(
            histories.customer[viewed.row].astype(np.int32),
            viewed.col.astype(np.int32),
            histories.day[viewed.row].astype(np.int32),
            histories.customer_keys,
            histories.product_ids,
        )

    def true_spend(self, horizon: int) -> Floats:
        """The spend that is expected of each customer, given all that made the shop."""
        with duckdb.connect(config={"threads": 1}) as connection:
            rows = connection.sql(TRUTH.format(self.folder)).fetchall()
        expected = {key: spend for key, days, spend in rows if days == horizon}
        keys = self.histories.customer_keys.to_pylist()
        return np.array([expected.get(each, 0.0) for each in keys])

    def without_browsing(self) -> "Shop":
        """The same shop, where nobody is watched."""
        return replace(self, histories=self.histories.without(BROWSING))


# With the encoder's tastes, and without views.
ONLY_TASTE = "recommender_with_taste_alone"
ENDS = ("", "_low", "_high")
# Boxes that people subscribe to.
NOT_IN_A_CELL = -1


def judged_shop(folder: str, seeds: list[str], case: str) -> list[tuple]:
    """Judge the recommender and heads of a shop with the encoder and without it.

    And of the same shop, had nobody been watched.
    """
    shop, day = Shop.read(Path(folder)), days_since_1970(AS_OF)
    is_watched = watched(shop.histories, day)
    best = float(by_the_process(shop, REPORTED_SEED).mean())
    found: list[tuple] = [(case, "truth", f"new_recall_at_{LENGTH}", best)]
    for name, each in (
        (case, shop),
        (f"{case}, no browsing", shop.without_browsing()),
    ):
        found += _judged(each, name, list(map(int, seeds)), is_watched)
    return found


def _judged(
    shop: Shop, case: str, seeds: Sequence[int], is_watched: Bools
) -> list[tuple]:
    day = days_since_1970(AS_OF)
    lists: dict[tuple[str, str], list[Floats]] = {}
    heads: dict[tuple[str, str], list[float]] = {}
    seconds = []
    for seed in seeds:
        start = time.process_time()
        chain = trained(shop.histories, day, seed)
        seconds.append(time.process_time() - start)
        for system, measures_of in recommended(shop, chain[WINDOW], chain[0]).items():
            for name, each in measures_of.items():
                lists.setdefault((system, name), []).append(each)
        for place, value in judged_heads(shop, chain, day, is_watched).items():
            heads.setdefault(place, []).append(value)
    rows = [
        (case, system, name, float(np.mean(values)))
        for (system, name), values in (lists | heads).items()
    ]
    for (system, name), values in lists.items():
        if system != LEARNED:
            without = lists[LEARNED, name]
            pairs = zip(values, without, strict=True)
            leads = [np.subtract(each, base) for each, base in pairs]
            for end, value in zip(ENDS, of_customers(leads), strict=True):
                rows.append((case, system, f"{name}_over_recommender{end}", value))
    return [*rows, (case, "encoder", "cpu_seconds_of_4", float(np.mean(seconds)))]


def trained(histories: Histories, day: int, seed: int) -> dict[int, Encoder]:
    """Encoders by how many days before a day they end, each going on from the last."""
    found: dict[int, Encoder] = {}
    before: Encoder | None = None
    for back in (*sorted(HORIZONS, reverse=True), WINDOW, 0):
        shape = Shape(seed=seed)
        shape = shape.going_on() if before else shape
        before = found[back] = train(histories, day - back, shape, first=before)
    return found


def recommended(
    shop: Shop, early: Encoder, late: Encoder
) -> dict[str, dict[str, Floats]]:
    """Recall and NDCG by customer of recommenders that read more and more."""
    plain = shop.purchases
    reading = replace(plain, views=shop.views)
    bought = plain.within(early.end, late.end)
    truth = plain.within(late.end, late.end + WINDOW).bought
    had = plain.until(late.end).bought
    customers = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(had.indptr) > 0))
    systems = {LEARNED: (plain, False), ONLY_TASTE: (plain, True)}
    if shop.views is not None:
        systems |= {WITH_VIEWS: (reading, False), WITH_TASTE: (reading, True)}
    found = {}
    for name, (purchases, reads_taste) in systems.items():
        before, now = (
            replace(
                Known.at(purchases, each.end, learn(purchases.until(each.end).touched)),
                tastes=tastes_of(each, shop) if reads_taste else None,
            )
            for each in (early, late)
        )
        ranker = Learned.fit(before, bought, reads_taste)
        assert ranker is not None
        found[name] = measured(ranker, now, customers, truth, (LENGTH,))
    return found


def by_the_process(shop: Shop, seed: int) -> Floats:
    """Recall of new products of who knows all that made the shop, by customer.

    It ranks products by how likely a line of the person's next order is that product.
    Only chance keeps its lists from holding all that is bought.
    """
    settings = Settings(seed=seed)
    catalogue, people = Catalogue.of(settings), make_people(settings, 0)
    day, purchases = days_since_1970(AS_OF), shop.purchases
    then = settings.day_of(AS_OF) + WINDOW // 2
    month = month_of(settings.start, np.array([then]))
    before = purchases.until(day)
    truth = purchases.within(day, day + WINDOW).bought
    new = sp.csr_matrix(truth - truth.multiply(before.bought))
    customers = np.flatnonzero((new.getnnz(1) > 0) & (before.bought.getnnz(1) > 0))
    place = np.array(
        [
            int(each[1:]) - 1 if each.startswith("P") else NOT_IN_A_CELL
            for each in purchases.product_ids.to_pylist()
        ]
    )
    is_good = place >= 0
    cells, per_cell = np.arange(catalogue.cells), catalogue.per_cell
    shares = [np.diff(each, prepend=0.0) for each in (people.categories, people.grades)]
    last = before.bought.copy()
    last.data = before.day[np.r_[before.pairs[1:], len(before.day)] - 1]
    recalls = []
    for start in range(0, len(customers), 128):
        chosen = customers[start : start + 128]
        keys = shop.histories.customer_keys.take(pa.array(chosen)).to_pylist()
        person = np.searchsorted(people.number, [int(each[1:]) for each in keys])
        row = np.repeat(np.arange(len(chosen)), len(cells))
        had = np.full((len(chosen), len(cells) * per_cell), -1, np.int64)
        bought = last[chosen].tocoo()
        good = is_good[bought.col]
        days = bought.data[good].astype(np.int64) - day + settings.day_of(AS_OF)
        had[bought.row[good], place[bought.col[good]]] = days
        likely = utilities(
            catalogue,
            np.tile(cells, len(chosen)),
            people.style[person[row]],
            people.novelty[person[row]],
            np.full(len(row), then),
            np.repeat(month, len(row)),
            had.reshape(len(row), per_cell),
        )
        chance = np.exp(likely - likely.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        of_cell = shares[0][person][:, :, None] * shares[1][person][:, None, :]
        chance *= of_cell.reshape(-1, 1)
        scores = np.zeros((len(chosen), len(place)), np.float32)
        scores[:, is_good] = chance.reshape(len(chosen), -1)[:, place[is_good]]
        scores[before.bought[chosen].nonzero()] = -np.inf
        wanted = np.asarray(new[chosen].todense()) > 0
        recalls.append(measures(*best_of(scores, LENGTH), wanted, LENGTH)[0])
    return np.concatenate(recalls)


def tastes_of(encoder: Encoder, shop: Shop) -> Tastes | None:
    """Read an encoder's vectors as of its last day, as a build would."""
    everyone = np.ones(len(shop.histories.start) - 1, bool)
    customers = vectors(encoder, shop.histories, encoder.end, everyone)
    return Tastes.as_of(
        pa.Table.from_batches([customers]),
        product_vectors(encoder),
        shop.purchases,
        encoder.end,
    )


def judged_heads(
    shop: Shop, chain: dict[int, Encoder], day: int, is_watched: Bools
) -> dict[tuple[str, str], float]:
    """AUC of buying and Gini of the spend by system and measure.

    A forecast learns from features and the prior at several past dates. A head on the
    forecast alone, and one that also reads the encoder, learn how it did at the last
    date whose horizon is over.
    """
    histories = shop.histories
    customers = histories.begun_by(day)
    seen = is_watched[customers]
    past = Past(histories, day)
    found: dict[tuple[str, str], float] = {}
    for days in (WINDOW, *HORIZONS):
        then, now = (forecast(past, each, days) for each in (day - days, day))
        both = (said_by(chain[days], histories), said_by(chain[0], histories))
        spend = spent(histories, day, day + days)[customers]
        bought = bought_by(histories, day, days)[customers]
        last = histories.begun_by(day - days)
        bought_then = bought_by(histories, day - days, days)[last].astype(float)
        spend_then = spent(histories, day - days, day)[last]
        learned = {"forecast": then, "forecast_and_encoder": np.hstack([then, both[0]])}
        asked = {"forecast": now, "forecast_and_encoder": np.hstack([now, both[1]])}
        found["forecast_as_it_is", f"auc_{days}d"] = area(bought, now[:, 0])
        for system, numbers in learned.items():
            chance = chances_of(Before(numbers, bought_then), asked[system])
            found[system, f"auc_{days}d"] = area(bought, chance)
        if days == WINDOW:
            continue
        found["truth", f"gini_{days}d"] = gini(spend, shop.true_spend(days)[customers])
        said = {"forecast_as_it_is": now[:, 1]}
        for system, numbers in learned.items():
            said[system] = spends_of(Before(numbers, spend_then), asked[system])
        reading, base = said["forecast_and_encoder"], said["forecast_as_it_is"]
        for end, lead in zip(ENDS, gini_lead(spend, reading, base), strict=True):
            found["forecast_and_encoder", f"gini_{days}d_over_forecast{end}"] = lead
        for system, each in said.items():
            found[system, f"gini_{days}d"] = gini(spend, each)
            of_watched = gini(spend[seen], each[seen])
            found[system, f"gini_{days}d_of_watched"] = of_watched
    return found


# Days from one date of which a forecast learns to the one before, and how many of them.
STEP_DAYS, DATES = 91, 4


class Past:
    """What was known of customers as of past dates, computed once each."""

    def __init__(self, histories: Histories, day: int) -> None:
        """Begin with nothing; dates go back from `day`."""
        self.histories, self.day = histories, day
        self.numbers: dict[int, Floats] = {}

    def at(self, day: int) -> Floats:
        """Features and the prior of the customers who had begun by a day."""
        if day not in self.numbers:
            customers = self.histories.begun_by(day)
            self.numbers[day] = np.hstack(
                [
                    all_features(self.histories, customers, day),
                    of_prior(self.histories, customers, day, (WINDOW, *HORIZONS)),
                ]
            )
        return self.numbers[day]

    def dates(self, until: int) -> Ints:
        """Return the last dates not after one, with a year's third before them."""
        every = np.arange(self.day, int(self.histories.day.min()) + 90, -STEP_DAYS)
        return every[every <= until][:DATES]


def forecast(past: Past, day: int, days: int) -> Floats:
    """Log-odds of a purchase within some days and log spend, shape (c, 2), as of a day.

    It learns from dates whose days were over then.
    """
    numbers, bought, spend = [], [], []
    for past_day in past.dates(day - days).tolist():
        customers = past.histories.begun_by(past_day)
        numbers.append(past.at(past_day))
        bought.append(bought_by(past.histories, past_day, days)[customers])
        spend.append(spent(past.histories, past_day, past_day + days)[customers])
    learned, asked = np.concatenate(numbers), past.at(day)
    chance = chances_of(Before(learned, np.concatenate(bought).astype(float)), asked)
    expected = spends_of(Before(learned, np.concatenate(spend)), asked)
    return np.column_stack([np.log(chance / (1 - chance)), np.log(expected)])


def said_by(encoder: Encoder, histories: Histories) -> Floats:
    """What an encoder says of customers as of its last day, shape (c, 4).

    Log-odds of buying within 28 and 91 days, log spend if so, and of all spend.
    """
    read, customers = encoder.read(histories), histories.begun_by(encoder.end)
    days = np.full(len(customers), encoder.end)
    outputs = []
    for start in range(0, len(customers), 2_048):
        part = slice(start, start + 2_048)
        asked = ask(read, customers[part], days[part], encoder.scale)
        outputs.append(encoder.states(asked)[2].astype(np.float64))
    heads = np.concatenate(outputs)
    size = heads[:, 2] * encoder.scale.spread + encoder.scale.mean
    expected = size - np.log1p(np.exp(-heads[:, 1]))
    return np.column_stack([heads[:, :2], size, expected])


def bought_by(histories: Histories, day: int, days: int) -> Bools:
    """Whether customers bought in the days after a day."""
    within = (histories.day > day) & (histories.day <= day + days)
    is_purchase = within & (histories.numbers[:, 0] > 0)
    count = len(histories.start) - 1
    return np.bincount(histories.customer[is_purchase], minlength=count) > 0


def watched(histories: Histories, day: int) -> Bools:
    """Whose browsing was seen by the end of a day."""
    seen = (histories.day <= day) & (histories.numbers[:, 3:6].sum(1) > 0)
    return np.bincount(histories.customer[seen], minlength=len(histories.start) - 1) > 0


@dataclass(frozen=True)
class Scale:
    """A case of the scaling law.

    Attributes:
        customers: of whom an encoder learns.
        days: of history that it learns from; None for all.
        browsing: whether anybody is watched.
        shape: what differs from the encoder's defaults.

    """

    customers: int
    days: int | None = None
    browsing: bool = True
    shape: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.days} days" if self.days else "all days"]
        parts.append("browsing" if self.browsing else "no browsing")
        return ", ".join(
            [*parts, *(f"{name} {each}" for name, each in self.shape.items())]
        )


SMALL = {"size": 16, "width": 32}
LARGE = {"size": 96, "width": 192}
# Epochs are cut where a shop is large; with so many steps they are not.
LONG_STEPS = 6_000
SCALES = (
    *(Scale(count) for count in (2_000, 6_000, 20_000, 50_000)),
    *(Scale(20_000, browsing=False), Scale(20_000, shape=SMALL)),
    *(Scale(20_000, shape=LARGE), Scale(2_000, shape=SMALL)),
    *(Scale(2_000, browsing=False), Scale(20_000, days=366)),
    *(Scale(20_000, shape={"depth": 2}), Scale(2_000, shape=LARGE)),
    *(Scale(2_000, days=366), Scale(50_000, shape={"steps": LONG_STEPS})),
    Scale(50_000, shape=LARGE | {"steps": LONG_STEPS}),
    Scale(50_000, shape=LARGE | {"steps": LONG_STEPS, "depth": 2}),
)
# Of the shop of the scaling law, so many customers are judged and never learned from.
SCALED_PEOPLE, JUDGED_PEOPLE, SCALED_SEED = 76_000, 20_000, 102


def scaled(folder: str) -> list[tuple]:
    """Measure an encoder of each case as of a day, on the same customers.

    None of these did it learn from. Judged are its chances of buying, and what it says
    of products that a customer had not bought, by the shop's popularity and without it.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.sql(SEQUENCES.format(folder)).to_arrow_table()
    judged_rows = rows.slice(rows.num_rows - JUDGED_PEOPLE).sort_by("customer_key")
    everyone = Histories.from_arrow(rows)
    others = Histories.from_arrow(judged_rows, everyone.product_ids)
    found: list[tuple] = []
    for scale in SCALES:
        learned = rows.slice(0, scale.customers).sort_by("customer_key")
        learned_from = Histories.from_arrow(learned, everyone.product_ids)
        found += [
            (f"{scale.customers:,} customers", str(scale), name, value)
            for name, value in _scaled(scale, learned_from, others).items()
        ]
        print(found[-8:], file=sys.stderr, flush=True)
    return found


def _scaled(scale: Scale, histories: Histories, others: Histories) -> dict[str, float]:
    start, day = time.process_time(), days_since_1970(AS_OF)
    if scale.days:
        histories, others = (
            each.after(day - scale.days) for each in (histories, others)
        )
    if not scale.browsing:
        histories, others = (each.without(BROWSING) for each in (histories, others))
    encoder = train(histories, day, Shape(**scale.shape))
    seconds = time.process_time() - start
    judged = others.of_products(encoder.product_ids)
    customers = judged.begun_by(day)
    shop = histories.of_products(encoder.product_ids)
    popular = popularity(shop, np.array([day]), WINDOW)[0]
    wanted = bought_within(judged, customers, day, WINDOW)
    had = bought_within(judged, customers, 0, day)
    new = sp.csr_matrix(wanted - wanted.multiply(had))
    recalls: dict[str, list[Floats]] = {"": [], "_by_popularity": []}
    log_odds: list[Floats] = []
    for begin in range(0, len(customers), 1_024):
        part = slice(begin, begin + 1_024)
        chosen = customers[part]
        asked = ask(judged, chosen, np.full(len(chosen), day), encoder.scale)
        _, tastes, heads = encoder.states(asked)
        log_odds.append(heads[:, :2].astype(np.float64))
        likely = tastes @ encoder.parts["offers"].T + encoder.parts["offers_bias"]
        for name, each in (
            ("", likely + popular),
            ("_by_popularity", np.broadcast_to(popular, likely.shape).copy()),
        ):
            each[had[part].nonzero()] = -np.inf
            then = np.asarray(new[part].todense()) > 0
            recalls[name].append(measures(*best_of(each, LENGTH), then, LENGTH)[0])
    odds = np.concatenate(log_odds)
    return {
        "parameters": float(sum(each.size for each in encoder.parts.values())),
        "cpu_seconds": seconds,
        **{
            f"new_recall_at_20{name}": float(np.concatenate(each).mean())
            for name, each in recalls.items()
        },
        **{
            f"auc_{days}d": area(
                bought_by(others, day, days)[customers], odds[:, place]
            )
            for place, days in enumerate(CHANCE_DAYS)
        },
    }
