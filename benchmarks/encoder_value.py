"""Measures what the encoder adds to the network's forecasts of value.

A made-up shop, half of whose customers are watched, is built up to a day after which a
year is known. Of the day a horizon before it, the backtest has what the network said
and what customers then spent. From this a head of few weights learns what the encoder
that ends on that day adds, and corrects the network's forecast of the last day with the
encoder that ends there. Beside it stand the network as it is, and the same head without
the encoder: what that gains is not the encoder's. Heads move spend between customers
and keep the network's total. Of a purchase within 91 days, the outlook `churn` of a
build stands there too, which does without the network.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import logit

from benchmarks.encoder_shop import ENDS, HORIZONS, said_by, trained, watched
from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.outside_heads import area, gini, gini_lead, of_customers
from benchmarks.shop import load_shop, make_known_shop
from benchmarks.truth import AS_OF, DAYS, START
from clv_warehouse.encoder.heads import CHURN, LONG_DAYS, fit_long, log_loss
from clv_warehouse.encoder.histories import Histories
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.seen import Catalogue, Seen
from clv_warehouse.encoder.training import read
from clv_warehouse.learning.logistic import Logistic
from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.project.days import days_since_1970

PEOPLE = 20_000
NETWORK, ALONE, READING = "network", "head", "head_and_encoder"
# Churn by its rule and by its head.
RULE, OUTLOOK = "churn_rule", "churn_head"
# How strongly weights of standardised numbers are drawn to 0, where the head of spend
# says what the network does; per customer, and of chances in all.
OF_SPEND, OF_CHANCE = 0.01, 30.0
NO_PRODUCTS = pa.table(
    {
        "product_id": pa.array([], pa.string()),
        "category": pa.array([], pa.string()),
        "customer_days": pa.array([], pa.int64()),
    }
)
THEN = """
    select
        customer_key,
        predicted_spend,
        chance_of_buying,
        actual_spend,
        actual_purchases > 0
    from clv.backtest_predictions
    where model = 'clv_network' and horizon_days = $days
    order by customer_key
"""
NOW = """
    select
        scores.customer_key,
        scores.predicted_spend,
        scores.chance_of_buying,
        greatest(coalesce(sum(days.net_amount), 0), 0),
        coalesce(bool_or(days.is_purchase), false)
    from clv.clv_scores as scores
    left join features.customer_days as days
        on
            scores.customer_key = days.customer_key
            and days.activity_date > scores.as_of_date
            and days.activity_date <= scores.as_of_date + scores.horizon_days
    where scores.scored_by = 'network' and scores.horizon_days = $days
    group by all
    order by scores.customer_key
"""


@dataclass(frozen=True)
class Said:
    """What the network said of customers as of a day, and what they then did.

    Attributes:
        place: of each customer among the histories, shape (n,).
        spend: what it said they would spend.
        chance: what it said of their chance of a purchase.
        spent: what they spent.
        bought: whether they bought.

    """

    place: Ints
    spend: Floats
    chance: Floats
    spent: Floats
    bought: Bools

    @classmethod
    def read(
        cls, warehouse: duckdb.DuckDBPyConnection, query: str, days: int, keys: list
    ) -> Self:
        """Read customers whose keys are in the histories."""
        places = {key: place for place, key in enumerate(keys)}
        rows = warehouse.execute(query, {"days": days}).fetchall()
        rows = [(places[key], *rest) for key, *rest in rows if key in places]
        place, *amounts, bought = map(np.array, zip(*rows, strict=True))
        spend, chance, spent = (each.astype(float) for each in amounts)
        return cls(place, spend, chance, spent, bought)

    def numbers(self, encoder: Encoder | None, histories: Histories) -> Floats:
        """What a head reads: log spend, log-odds, and what the encoder says."""
        columns = np.column_stack([np.log(self.spend), logit(self.chance)])
        if encoder is None:
            return columns
        every = np.zeros((len(histories.start) - 1, 4))
        every[histories.begun_by(encoder.end)] = said_by(encoder, histories)
        return np.hstack([columns, every[self.place]])


def benchmark(
    seeds: Sequence[int], people: int = PEOPLE, folder: Path = FOLDER
) -> Iterator[Row]:
    """Build a shop, and judge heads of the encoders of each seed, as means of them."""
    shop = make_known_shop(people, START, DAYS, AS_OF, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        warehouse = Path(scratch) / "shop.duckdb"
        build(shop, warehouse)
        done = call(judged, warehouse, [str(each) for each in seeds], f"value/{people}")
        yield from (Row(*row) for row in done.value)
        yield from rows(f"value/{people}", "process", done.cost)


def build(shop: Path, warehouse: Path) -> None:
    """Build forecasts as of the day after which a year is known."""
    dbt = Dbt(warehouse)
    load_shop(shop, warehouse)
    settings = json.dumps({"as_of_date": str(AS_OF)})
    dbt("seed", "--select", "reference")
    selected = ("+clv_scores", "+customer_sequences")
    dbt("run", "--vars", settings, "--select", *selected)


def judged(warehouse: str, seeds: list[str], case: str) -> list[tuple]:
    """Judge forecasts by what came after; return rows."""
    found: dict[tuple[str, str], list[float]] = {}
    with duckdb.connect(warehouse, read_only=True) as connection:
        sequences = connection.table("features.customer_sequences")
        histories = read(sequences.to_arrow_table())
        for seed in map(int, seeds):
            chain = trained(histories, days_since_1970(AS_OF), seed)
            for days in HORIZONS:
                for place, value in _judged(connection, histories, chain, days):
                    found.setdefault(place, []).append(value)
    return [
        (case, system, name, float(np.mean(values)))
        for (system, name), values in found.items()
    ]


def _judged(
    connection: duckdb.DuckDBPyConnection,
    histories: Histories,
    chain: dict[int, Encoder],
    days: int,
) -> Iterator[tuple[tuple[str, str], float]]:
    keys = histories.customer_keys.to_pylist()
    then, now = (Said.read(connection, each, days, keys) for each in (THEN, NOW))
    seen = watched(histories, chain[0].end)[now.place]
    spends, log_odds = {NETWORK: now.spend}, {NETWORK: logit(now.chance)}
    for system, early, late in ((ALONE, None, None), (READING, chain[days], chain[0])):
        known, asked = then.numbers(early, histories), now.numbers(late, histories)
        spends[system] = spends_of(then, known, now, asked)
        head = Logistic.fit(known, then.bought, OF_CHANCE)
        log_odds[system] = asked @ head.weights + head.intercept
    for system, said in spends.items():
        yield (system, f"gini_{days}d"), gini(now.spent, said)
        of_watched = gini(now.spent[seen], said[seen])
        yield (system, f"gini_{days}d_of_watched"), of_watched
        yield (system, f"deviance_{days}d"), deviance(now.spent, said)
        yield (system, f"total_{days}d"), float(said.sum() / now.spent.sum())
    for rival in (ALONE, NETWORK):
        lead = gini_lead(now.spent, spends[READING], spends[rival])
        for end, value in zip(ENDS, lead, strict=True):
            yield (READING, f"gini_{days}d_over_{rival}{end}"), value
    if days == LONG_DAYS:
        for system, each in churn(histories, chain[days], chain[0]).items():
            log_odds[system] = -each[now.place]
    losses = {name: log_loss(each, now.bought) for name, each in log_odds.items()}
    for system, each in log_odds.items():
        yield (system, f"auc_{days}d"), area(now.bought, each)
        yield (system, f"log_loss_{days}d"), float(losses[system].mean())
        if system != NETWORK:
            gain = of_customers([losses[NETWORK] - losses[system]])
            for end, value in zip(ENDS, gain, strict=True):
                yield (system, f"log_loss_{days}d_gain{end}"), value


def spends_of(then: Said, known: Floats, now: Said, asked: Floats) -> Floats:
    """What a head expects: the network's forecast times what few numbers say.

    It is a Poisson regression of what was spent, of which the network's forecast is the
    exposure. What is expected of all together is what the network expects.
    """
    from sklearn.linear_model import PoissonRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # What few customers are must not explode in the exponent.
    low, high = np.quantile(known, [0.001, 0.999], axis=0)
    known, asked = (np.clip(each, low, high) for each in (known, asked))
    regression = PoissonRegressor(alpha=OF_SPEND, max_iter=500)
    head = make_pipeline(StandardScaler(), regression)
    head.fit(known, then.spent / then.spend, poissonregressor__sample_weight=then.spend)
    said = now.spend * head.predict(asked)
    return np.asarray(said * (now.spend.sum() / said.sum()))


def deviance(spent: Floats, said: Floats) -> float:
    """Mean of Tweedie's deviance of power 1.5, where all have spent 1 on average."""
    spent, said = spent / spent.mean(), said / said.mean()
    return float((4 * (np.sqrt(spent) - np.sqrt(said)) ** 2 / np.sqrt(said)).mean())


def churn(histories: Histories, early: Encoder, late: Encoder) -> dict[str, Floats]:
    """Log-odds that those who have bought buy nothing within LONG_DAYS, (customers,).

    As a build says them, by the rule and by the head. Both learn from the day on which
    the first encoder ends.
    """
    catalogue = Catalogue.of(NO_PRODUCTS, histories)
    count = len(histories.start) - 1
    then, now = (
        Seen.at(each, histories, each.end, catalogue, count) for each in (early, late)
    )
    head = fit_long(then, histories)[CHURN]
    found = {RULE: np.zeros(count), OUTLOOK: np.zeros(count)}
    for system, each in found.items():
        reads = system == OUTLOOK
        each[now.customers] = head.log_odds(now.habits, now.log_odds, reads)
    return found
