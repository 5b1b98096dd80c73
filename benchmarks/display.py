"""Judges the order of products: off-policy on real clicks, and by known tastes.

Open Bandit (Saito et al. 2021) has 10,000 impressions of a fashion shop for each of two
campaigns and two policies: products by chance, and Thompson sampling ("bts"). The order
is learned from the first half of the impressions by chance, and judged on the second
half and on the other policy's second half. On a made-up shop (docs/made-up-shop.md) it
is known who would click on what, so the best possible order is known too.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.data import DATA, absent
from benchmarks.harness import Row, call, rows
from clv_warehouse.learning.off_policy import (
    Estimate,
    Z,
    difference,
    doubly_robust,
    inverse_propensity,
    self_normalised,
    verdict,
)
from clv_warehouse.project.arrays import Floats, Ints
from clv_warehouse.recommendations.display import ALL, Goods, Responses, ordered
from clv_warehouse.recommendations.rates import by_product, looked_at
from clv_warehouse.shop.browsing import (
    EXAMINED,
    IMPRESSION,
    VIEW,
    Events,
    attraction,
    make_events,
)
from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.people import People
from clv_warehouse.shop.process import make_batch
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.words import CATEGORIES, GRADES

SYSTEM = "clv_warehouse"
OPEN_BANDIT = "open_bandit"
CAMPAIGNS = ("men", "women")
WORLDS = 2000
# Seeds from 100 on report; nothing was chosen on them.
SEEDS = (101, 102, 103)
CUSTOMERS = (2_000, 20_000)
PEOPLE_JUDGED = 2_000
# What a difference to chance may say, as a number of the results.
SAID = {"worse": -1.0, "cannot tell": 0.0, "better": 1.0}


def benchmark(customers: Sequence[int] = CUSTOMERS, data: Path = DATA) -> Iterator[Row]:
    """Measure both, the first only where the data are there."""
    if (data / OPEN_BANDIT).exists():
        for campaign in CAMPAIGNS:
            yield from _called(open_bandit, data / OPEN_BANDIT, campaign)
    else:
        print(absent(data / OPEN_BANDIT))
    for size in customers:
        yield from _called(tastes, size, len(SEEDS))


def _called(function: Callable, *arguments: str | int | Path) -> Iterator[Row]:
    done = call(function, *arguments)
    yield from (Row(*row) for row in done.value)
    cost = {name: done.cost[name] for name in ("cpu_seconds", "peak_mb")}
    yield from rows(done.value[0][0], SYSTEM, cost)


class Log:
    """The impressions of one policy in one campaign, in order of time.

    Attributes:
        item: the product, from 0, shape (n,).
        position: from 1.
        click: 1 or 0.
        propensity: the chance with which the policy showed the item at the position.

    """

    def __init__(self, found: dict[str, np.ndarray], part: slice) -> None:
        """Keep a part of the impressions."""
        self.item: Ints = found["item_id"][part].astype(np.int64)
        self.position: Ints = found["position"][part].astype(np.int64)
        self.click: Floats = found["click"][part].astype(np.float64)
        self.propensity: Floats = found["propensity_score"][part].astype(np.float64)

    @classmethod
    def halves(cls, folder: Path, policy: str, campaign: str) -> tuple["Log", "Log"]:
        """Read the earlier and the later half."""
        path = folder / policy / campaign / f"{campaign}.parquet"
        with duckdb.connect(config={"threads": 1}) as connection:
            found = connection.sql(
                "select item_id, position, click, propensity_score "
                f"from '{path}' order by timestamp, column00"
            ).fetchnumpy()
        middle = len(found["click"]) // 2
        return cls(found, slice(0, middle)), cls(found, slice(middle, None))


def open_bandit(folder: str, campaign: str) -> list[tuple]:
    """Judge policies by what they would have had of clicks per impression."""
    learn, by_chance = Log.halves(Path(folder), "random", campaign)
    _, logged = Log.halves(Path(folder), "bts", campaign)
    case = f"open_bandit/{campaign}"
    count = int(max(learn.item.max(), by_chance.item.max(), logged.item.max())) + 1
    effects = looked_at(
        learn.item, learn.position, np.ones(len(learn.item)), learn.click
    )
    effect = np.array([effects.get(place, 1.0) for place in range(4)])
    rates = by_product(
        np.bincount(learn.item, learn.click, count).astype(np.float64),
        np.bincount(learn.item, effect[learn.position], count).astype(np.float64),
        np.zeros(count, np.int64),
    )
    model = rates.mean[:, None] * effect
    best = np.argsort(-rates.mean, kind="stable")
    worlds = np.argsort(
        -rates.draw(np.random.default_rng(1), WORLDS), axis=1, kind="stable"
    )
    # Chance of each item at each position, shape (items, 4); position 0 is not used.
    chance = np.full((count, 4), 1 / count)
    order, thompson = np.zeros((count, 4)), np.zeros((count, 4))
    for place in range(1, 4):
        order[best[place - 1], place] = 1
        thompson[:, place] = np.bincount(worlds[:, place - 1], minlength=count) / WORLDS
    systems = {SYSTEM: order, "thompson": thompson, "random": chance}
    # What a policy's own impressions had of clicks needs no weights.
    own = {
        "random": self_normalised(by_chance.click, np.ones(len(by_chance.click))),
        "bts": self_normalised(logged.click, np.ones(len(logged.click))),
    }
    found = []
    for system, estimate in own.items():
        found += _told(case, system, "own_log", estimate)
    for name, log in {"random_log": by_chance, "bts_log": logged}.items():
        for system, policy in systems.items():
            estimates = judged(log, policy, model)
            for kind, estimate in estimates.items():
                found += _told(case, system, f"{kind}_on_{name}", estimate)
            surest = estimates["doubly_robust"]
            found.append(
                (case, system, f"effective_rows_on_{name}", surest.effective_rows)
            )
            if name == "random_log" and system != "random":
                against = difference(
                    surest, judged(log, chance, model)["doubly_robust"]
                )
                found += _told(case, system, "gain_over_random", against)
                found.append(
                    (case, system, "is_better_than_random", SAID[verdict(against)])
                )
                gain = surest.value - own["bts"].value
                error = float(np.hypot(surest.error, own["bts"].error))
                found += [
                    (case, system, "gain_over_bts", gain),
                    (case, system, "gain_over_bts_low", gain - Z * error),
                    (case, system, "gain_over_bts_high", gain + Z * error),
                ]
    return found


def judged(log: Log, policy: Floats, model: Floats) -> dict[str, Estimate]:
    """Estimate a policy's clicks per impression from another's log, in three ways.

    `policy` has the chance of each item at each position, `model` its expected clicks.
    """
    weights = policy[log.item, log.position] / log.propensity
    expected = (policy * model).sum(0)[log.position]
    return {
        "inverse_propensity": inverse_propensity(log.click, weights),
        "self_normalised": self_normalised(log.click, weights),
        "doubly_robust": doubly_robust(
            log.click, weights, model[log.item, log.position], expected
        ),
    }


def _told(case: str, system: str, name: str, estimate: Estimate) -> list[tuple]:
    low, high = estimate.interval
    values = {"": estimate.value, "_low": low, "_high": high}
    return [(case, system, name + end, float(value)) for end, value in values.items()]


def tastes(customers: int, seeds: int) -> list[tuple]:
    """Compare orders with the best possible one, on shops of so many customers."""
    shares: dict[str, list[float]] = {}
    for seed in SEEDS[:seeds]:
        for system, share in _of_shop(customers, seed).items():
            shares.setdefault(system, []).append(share)
    case = f"tastes/{customers}"
    return [
        (case, system, f"value_share{name}", float(value(found)))
        for system, found in shares.items()
        for name, value in (("", np.mean), ("_lowest", np.min))
    ]


def _of_shop(customers: int, seed: int) -> dict[str, float]:
    """Return each system's share of the best order's value on all categories' pages.

    A segment is the people who buy most in one grade. A page's value is what the clicks
    of its first places leave, if every click leaves the product's margin.
    """
    settings = Settings(seed=seed, people_per_batch=customers, products_per_cell=6)
    catalogue = Catalogue.of(settings)
    batch = make_batch(settings, catalogue, 0)
    people = batch.people
    events = make_events(settings, catalogue, people, batch.trips, batch.baskets, 0)
    count = catalogue.cells * catalogue.per_cell
    taste = np.diff(people.grades, prepend=0.0).argmax(axis=1)
    last = np.full(count, settings.last_day)
    offered = catalogue.is_on_sale(np.arange(count), last)
    price, cost = catalogue.price[:count] / 100, catalogue.cost[:count] / 100
    category = np.arange(count) // (catalogue.per_cell * len(GRADES))
    names = np.array(list(CATEGORIES))[category]
    ids = np.char.add("p", np.char.zfill(np.arange(count).astype(str), 5))
    goods = Goods.of(
        pa.table(
            {
                "product_id": ids,
                "category": names,
                "usual_amount": price,
                "margin": 1 - cost / price,
                "is_offered": offered,
            }
        )
    )
    truth = _truth(catalogue, batch.people, taste, count)
    clicks = _counted(events, taste)
    bought = batch.baskets.product[
        batch.baskets.day[batch.baskets.order] > last[0] - 91
    ]
    bought = np.bincount(bought[bought < count], minlength=count)
    orders = pa.table(
        {
            "response": pa.repeat("order", count),
            "segment": pa.nulls(count, pa.string()),
            "product_id": ids,
            "position": np.zeros(count, np.int32),
            "chances": np.full(count, 91.0),
            "responses": bought.astype(np.float64),
        }
    )
    margin = price - cost
    draw = np.random.default_rng(seed)
    found = {
        SYSTEM: _ranks(clicks, goods, settings),
        "orders_per_day": _ranks(orders, goods, settings),
        "plain_click_rate": {ALL: _plain(clicks, ids) * margin},
        "margin": {ALL: margin},
        "random": {ALL: draw.random(count)},
    }
    best = {grade: truth[number] * margin for number, grade in enumerate(GRADES)}
    weight = np.bincount(taste, minlength=len(GRADES))
    total = {name: 0.0 for name in [*found, "best"]}
    for number, grade in enumerate(GRADES):
        for page in range(len(CATEGORIES)):
            those = np.flatnonzero(offered & (category == page))
            for name, scores in (found | {"best": best}).items():
                score = scores.get(grade, scores.get(ALL))
                shown = those[np.argsort(-score[those], kind="stable")][: len(EXAMINED)]
                value = (EXAMINED[: len(shown)] * best[grade][shown]).sum()
                total[name] += weight[number] * float(value)
    return {name: total[name] / total["best"] for name in found}


def _truth(catalogue: Catalogue, people: People, taste: Ints, count: int) -> Floats:
    """Chance that a person of each taste clicks on each product, shape (tastes, p)."""
    found = np.zeros((len(GRADES), count))
    for number in range(len(GRADES)):
        those = np.flatnonzero(taste == number)[:PEOPLE_JUDGED]
        for part in np.array_split(those, 1 + len(those) // 200):
            chances = attraction(catalogue, people, part[:, None], np.arange(count))
            found[number] += chances.sum(0)
        found[number] /= max(len(those), 1)
    return found


def _counted(events: Events, taste: Ints) -> pa.Table:
    """Impressions and clicks, as rows of display_counts."""
    segment = taste[events.person]
    keys = np.stack([segment, events.product, events.position], axis=1)
    shown = events.kind == IMPRESSION
    clicked = (events.kind == VIEW) & (events.position > 0)
    found, row = np.unique(keys[shown | clicked], axis=0, return_inverse=True)
    row = row.ravel()
    chances = np.bincount(row, shown[shown | clicked], len(found))
    responses = np.bincount(row, clicked[shown | clicked], len(found))
    ids = np.char.add("p", np.char.zfill(found[:, 1].astype(str), 5))
    return pa.table(
        {
            "response": pa.repeat("click", len(found)),
            "segment": np.array(GRADES)[found[:, 0]],
            "product_id": ids,
            "position": found[:, 2].astype(np.int32),
            "chances": chances.astype(np.float64),
            "responses": responses.astype(np.float64),
        }
    )


def _ranks(counts: pa.Table, goods: Goods, settings: Settings) -> dict[str, Floats]:
    """Score products by their places on their categories' pages, by segment."""
    day = settings.start
    found: dict[str, Floats] = {}
    for page in ordered(Responses.of(counts, goods), goods, day):
        if page.num_rows and page["category"][0].is_valid:
            segment = page["segment"][0].as_py()
            scores = found.setdefault(segment, np.full(len(goods.ids), -np.inf))
            product = np.searchsorted(goods.ids.to_numpy(False), page["product_id"])
            scores[product] = -page["place"].to_numpy()
    return found


def _plain(counts: pa.Table, ids: np.ndarray) -> Floats:
    product = np.searchsorted(ids, counts["product_id"].to_numpy())
    clicks = np.bincount(product, counts["responses"].to_numpy(), len(ids))
    return clicks / np.maximum(
        np.bincount(product, counts["chances"].to_numpy(), len(ids)), 1
    )
