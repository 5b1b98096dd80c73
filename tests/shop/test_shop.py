"""Compares the made-up shop with closed forms, simulation and its own money."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.shop import process, sample
from clv_warehouse.shop.process import Batch, Catalogue, Settings, make_batch
from clv_warehouse.shop.tables import SCHEMAS, batch_tables, products_table
from clv_warehouse.shop.truth import HORIZONS, SHORTEST_HORIZON, expected_spend
from clv_warehouse.shop.words import TITLES
from clv_warehouse.shop.writing import write_shop

SETTINGS = Settings(seed=31)
YEAR_BEFORE_END = SETTINGS.last_day - 365
FEEDS = tuple(SCHEMAS)


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Twenty thousand people."""
    return make_batch(SETTINGS, Catalogue.of(SETTINGS), 0)


@pytest.fixture(scope="module")
def shop(batch: Batch) -> duckdb.DuckDBPyConnection:
    """Their feeds as tables, the truth at the last day but 365."""
    people = SETTINGS.people_per_batch
    tables = batch_tables(batch, people, FEEDS, [YEAR_BEFORE_END])
    tables["products"] = products_table(batch.catalogue)
    connection = duckdb.connect()
    for feed, table in tables.items():
        connection.register(feed, table)
    return connection


def test_repeat_orders_are_as_many_as_the_closed_form_says(batch: Batch) -> None:
    """E[exp(-dropout x)] of a gamma distributed dropout is (1 + x m / s) ** -s."""
    people, trips = batch.people, batch.trips
    seasons = process.season(SETTINGS.start, SETTINGS.days)
    days = np.arange(SETTINGS.days)
    rates = SETTINGS.mean_rate * np.array(process.CHANNEL_RATES)
    dropouts = SETTINGS.mean_dropout * np.array(process.CHANNEL_DROPOUTS)
    expected = np.empty(len(people))
    for channel in range(len(rates)):
        age = np.maximum(days - days[:, None], 0)
        here = (1 + age * dropouts[channel] / SETTINGS.dropout_shape) ** (
            -SETTINGS.dropout_shape
        )
        by_day = (here * (days > days[:, None])) @ seasons.T * rates[channel]
        chosen = people.channel == channel
        acquired = people.acquired[chosen]
        expected[chosen] = by_day[acquired, people.is_gift_buyer[chosen]]
    orders = np.bincount(trips.person[trips.is_order], minlength=len(people)) - 1
    assert abs(z_score(orders - expected)) < 3.5
    assert orders.mean() == pytest.approx(expected.mean(), rel=0.03)


def test_tastes_are_as_concentrated_as_their_distribution(batch: Batch) -> None:
    """Two picks of one person share a category with chance (a + 1) / (K a + 1)."""
    lines = batch.baskets
    category = lines.product // (batch.catalogue.per_cell * 5)
    person = lines.person[lines.order]
    counts = np.zeros((len(batch.people), 8))
    np.add.at(counts, (person, category), 1)
    totals = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / np.maximum(totals * (totals - 1), 1)
    chance = (process.TASTE_CONCENTRATION + 1) / (8 * process.TASTE_CONCENTRATION + 1)
    assert abs(z_score(same[totals > 1] - chance)) < 3.5


def test_the_season_of_a_year_averages_one() -> None:
    for year in (2023, 2025):
        mean = process.season(dt.date(year, 1, 1), 365).mean(axis=1)
        assert mean == pytest.approx([1, 1], abs=0.01)


# Where people soon go and often come, what a day more or less means is seen.
FICKLE = Settings(
    seed=8,
    days=200,
    people_per_batch=8000,
    mean_rate=0.06,
    mean_dropout=0.15,
    dropout_shape=5.0,
)


@pytest.mark.parametrize(("settings", "day"), [(SETTINGS, 700), (FICKLE, 180)])
def test_the_truth_is_the_mean_of_many_futures(settings: Settings, day: int) -> None:
    batch = make_batch(settings, Catalogue.of(settings), 0)
    horizons = (30, 365)
    truth = expected_spend(batch, day, horizons)
    random = np.random.default_rng(5)
    scores = []
    for group in interesting(batch, day, truth.position):
        of_group = []
        for place in random.choice(group, 25, replace=False):
            person = int(truth.position[place])
            futures = simulated_futures(batch, person, day, horizons, 3000, random)
            difference = futures - truth.spend[place]
            error = difference.std(axis=0) / np.sqrt(len(futures))
            # Where no copy spends anything, the truth is a few cents at most.
            is_sure = error < 1e-6
            assert np.abs(difference.mean(axis=0)[is_sure]).max(initial=0) < 5
            of_group.append(difference.mean(axis=0) / np.where(is_sure, np.inf, error))
        # Both horizons share their first days: not two independent scores.
        assert abs(np.sum(of_group)) < 3.5 * 2 * np.sqrt(len(of_group))
        scores += of_group
    assert np.abs(scores).max() < 4.5
    assert np.sqrt(np.mean(np.square(scores))) < 1.3


def interesting(batch: Batch, day: int, known: NDArray) -> list[NDArray]:
    """Places in `known` of people who are still here, are on a trip, may return."""
    people, trips, baskets = batch.people, batch.trips, batch.baskets
    here = np.flatnonzero(people.last_day >= day)
    on_trip = trips.person[(trips.start_day <= day) & (trips.end_day > day)]
    age = day - baskets.day[baskets.order]
    may_return = (age > 8) & (age < 16) & (baskets.return_chance > 0.15)
    fresh = baskets.person[baskets.order[may_return]]
    return [np.flatnonzero(np.isin(known, group)) for group in (here, on_trip, fresh)]


def simulated_futures(
    batch: Batch,
    person: int,
    day: int,
    horizons: tuple[int, ...],
    copies: int,
    random: np.random.Generator,
) -> NDArray:
    """What so many copies of a person spend within each horizon, (copies, horizons)."""
    settings = batch.settings
    people, trips, baskets = batch.people, batch.trips, batch.baskets
    longest = max(horizons)
    seasons = process.season(settings.start, day + longest + 1)
    spend = np.zeros((copies, len(horizons)))

    def pay(copy: NDArray, days_ahead: NDArray, cents: NDArray) -> None:
        for column, horizon in enumerate(horizons):
            within = (days_ahead >= 1) & (days_ahead <= horizon)
            np.add.at(spend[:, column], copy[within], cents[within])

    def delays(chances: NDArray, n: int) -> NDArray:
        return random.choice(len(chances), n, p=chances / chances.sum())

    def order(copy: NDArray, days_ahead: NDArray) -> None:
        """Buy, ship, cancel and return, piece by piece of the process."""
        going = random.random(len(copy)) >= settings.cancelled_share
        copy, days_ahead = copy[going], days_ahead[going]
        shipping = random.random(len(copy)) < settings.shipped_share
        pay(copy, days_ahead, shipping * settings.shipping_cents)
        discount = (random.random(len(copy)) < people.coupon[person]) * 0.1
        lines = 1 + random.poisson(people.extra_lines[person], len(copy))
        copy, days_ahead, discount = (
            np.repeat(values, lines) for values in (copy, days_ahead, discount)
        )
        cell_chances = np.outer(
            np.diff(people.categories[person], prepend=0),
            np.diff(people.grades[person], prepend=0),
        )
        popularity = np.diff(batch.catalogue.cumulative, prepend=0)
        chances = np.repeat(cell_chances, batch.catalogue.per_cell) * popularity
        product = delays(chances, len(copy))
        quantity = 1 + delays(process.QUANTITY_CHANCES, len(copy))
        amount = batch.catalogue.price[product] * quantity * (1 - discount)
        pay(copy, days_ahead, amount)
        chance = people.returns[person] * batch.catalogue.return_factor[product]
        back = random.random(len(copy)) < chance
        delay = delays(process.RETURN_CHANCES, len(copy))
        pay(copy[back], (days_ahead + delay)[back], -amount[back])

    leads = process.LEAD_CHANCES
    if people.last_day[person] >= day:
        gone_after = random.geometric(1 - np.exp(-people.dropout[person]), copies)
        rate = people.rate[person] / people.conversion[person]
        by_day = rate * seasons[people.is_gift_buyer[person], day + 1 :]
        begun = random.poisson(by_day, (copies, longest))
        begun *= np.arange(1, longest + 1) < gone_after[:, None]
        copy, ahead = (np.repeat(axis, begun.ravel()) for axis in grid(begun.shape))
        has_cart = random.random(len(copy)) < process.CART_SHARE
        factor = np.where(has_cart, process.WITH_CART, process.WITHOUT_CART)
        buys = random.random(len(copy)) < people.conversion[person] * factor
        order(copy[buys], (ahead + 1 + delays(leads, len(copy)))[buys])

    mine = trips.person == person
    for trip in np.flatnonzero(mine & (trips.start_day <= day) & (trips.end_day > day)):
        elapsed = day - trips.start_day[trip]
        lead = elapsed + 1 + delays(leads[elapsed + 1 :], copies)
        factor = process.WITH_CART if trips.has_cart[trip] else process.WITHOUT_CART
        buys = random.random(copies) < people.conversion[person] * factor
        order(np.flatnonzero(buys), (lead - elapsed)[buys])

    mine = baskets.person[baskets.order] == person
    age = day - baskets.day[baskets.order]
    seen = (baskets.return_day >= 0) & (baskets.return_day <= day)
    for line in np.flatnonzero(mine & (age >= 0) & (age < 22) & ~seen):
        # Of many equal lines those count that are not back yet.
        back = random.random(40 * copies) < baskets.return_chance[line]
        delay = delays(process.RETURN_CHANCES, 40 * copies)
        open_ones = np.flatnonzero(~back | (delay > age[line]))[:copies]
        assert len(open_ones) == copies
        back, delay = back[open_ones], delay[open_ones]
        refund = np.full(back.sum(), -baskets.amount[line])
        pay(np.flatnonzero(back), (delay - age[line])[back], refund)
    return spend


def grid(shape: tuple[int, ...]) -> list[NDArray]:
    """The row and the column of every cell of a matrix."""
    return [axis.ravel() for axis in np.indices(shape)]


def test_the_truth_is_what_the_feeds_go_on_to_tell(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    rows = shop.sql(
        """
        with spent as (
            select
                customer_id,
                cast(ordered_at as date) as day,
                quantity * unit_price
                - sign(quantity) * discount as amount
            from order_lines
            inner join orders using (order_id)
            where status != 'cancelled'
        )
        select
            truth.horizon_days,
            truth.expected_spend,
            coalesce(sum(spent.amount), 0)::double as actual
        from truth
        left join spent on
            truth.customer_id = spent.customer_id
            and spent.day > truth.as_of_date
            and spent.day <= truth.as_of_date + truth.horizon_days
        group by all
        order by all
        """
    ).fetchnumpy()
    for horizon in HORIZONS:
        chosen = rows["horizon_days"] == horizon
        expected, actual = rows["expected_spend"][chosen], rows["actual"][chosen]
        assert len(expected) > 5000
        for part in np.array_split(np.argsort(expected), 5):
            assert abs(z_score(actual[part] - expected[part])) < 4
        assert abs(z_score(actual - expected)) < 3.5
        assert 0.5 < np.corrcoef(expected, actual)[0, 1] < 0.95


def test_an_orders_amount_is_that_of_its_lines(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    ((orders, wrong, refunds),) = shop.sql(
        """
        with totals as (
            select
                order_id,
                sum(quantity * unit_price - sign(quantity) * discount) as amount
            from order_lines
            group by order_id
        )
        select
            count(*),
            count_if(totals.amount is distinct from orders.amount),
            count_if(orders.amount < 0)
        from orders
        full join totals using (order_id)
        """
    ).fetchall()
    assert orders > 80_000
    assert refunds > 1000
    assert wrong == 0


def test_browsing_foretells_orders(shop: duckdb.DuckDBPyConnection) -> None:
    """Who filled a cart and did not buy soon buys more often than who only looked."""
    shares = shop.sql(
        """
        with visits as (
            select
                session_id,
                any_value(customer_id) as customer_id,
                max(occurred_at) as seen_at,
                bool_or(event_type = 'cart') as has_cart
            from events
            where customer_id is not null
            group by session_id
            having not bool_or(event_type = 'purchase')
        )
        select
            has_cart,
            avg(case when exists (
                select 1 from orders
                where orders.customer_id = visits.customer_id
                    and orders.ordered_at > visits.seen_at
                    and orders.ordered_at <= visits.seen_at + interval 7 days
            ) then 1 else 0 end) as share
        from visits
        group by has_cart
        order by has_cart
        """
    ).fetchall()
    (_, looked), (_, filled) = shares
    # Less than the ratio of the chances, 2.7: who does not buy today may tomorrow.
    assert filled > 1.5 * looked
    assert 0 < looked < filled < 0.8


def test_reviews_say_what_their_rating_says(shop: duckdb.DuckDBPyConnection) -> None:
    reviews = shop.sql("select rating, title, product_id from reviews").fetchall()
    assert {rating for rating, *_ in reviews} == {1, 2, 3, 4, 5}
    assert all(title in TITLES[rating - 1] for rating, title, _ in reviews)
    ((spread,),) = shop.sql(
        """
        select stddev(mean) from (
            select avg(rating) as mean from reviews
            group by product_id having count(*) >= 30
        )
        """
    ).fetchall()
    # Noise alone would leave 1.1 / sqrt(30) at most.
    assert spread > 0.35


def test_feeds_have_the_columns_of_the_sources() -> None:
    names = {pa.string(): "varchar", pa.int32(): "integer", pa.timestamp("us"): ""}
    made = [feed for feed in read_feeds() if feed.name in SCHEMAS]
    assert {feed.name for feed in made} == SCHEMAS.keys() - {"truth"}
    for feed in made:
        schema = SCHEMAS[feed.name]
        columns = [column for column in feed.columns if column.name in schema.names]
        assert schema.names == [column.name for column in columns]
        for column in columns:
            arrow = schema.field(column.name).type
            if pa.types.is_decimal(arrow):
                name = f"decimal({arrow.precision},{arrow.scale})"
            else:
                name = names[arrow] or "timestamp"
            assert name == column.data_type


def test_a_person_is_the_same_in_a_shop_of_any_size(tmp_path: Path) -> None:
    settings = replace(SETTINGS, people_per_batch=400, days=500)
    told: list[tuple[int, int]] = []
    for people in (1000, 3000):
        folder = tmp_path / str(people)
        rows = write_shop(
            settings, people, folder, FEEDS, [300], lambda *done: told.append(done)
        )
        assert set(rows) == set(FEEDS)
    assert [people for people, _ in told[:3]] == [400, 800, 1000]
    for feed in FEEDS:
        small, large = (
            duckdb.read_parquet(str(tmp_path / size / f"{feed}.parquet"))
            for size in ("1000", "3000")
        )
        assert len(small.except_(large)) == 0
        key = {"products": "product_id", "order_lines": "order_id"}.get(feed)
        if key is None:
            mine = "customer_id is not null and cast(customer_id[2:] as int) <= 1000"
            named = small.filter("customer_id is not null")
            assert len(named) == len(large.filter(mine)) > 0
        if feed not in ("truth", "customers", "products", "order_lines"):
            ids = large.project(large.columns[0])
            assert len(ids.distinct()) == len(ids)


def test_leaving_feeds_out_changes_no_other(tmp_path: Path) -> None:
    settings = replace(SETTINGS, people_per_batch=300)
    for name, feeds in (("all", FEEDS), ("few", ("orders", "order_lines"))):
        write_shop(settings, 300, tmp_path / name, feeds, [10], lambda *_: None)
    assert len(list((tmp_path / "few").iterdir())) == 2
    for feed in ("orders", "order_lines"):
        name = f"{feed}.parquet"
        written = [(tmp_path / folder / name).read_bytes() for folder in ("all", "few")]
        assert written[0] == written[1]


def test_what_cannot_be_is_an_error(batch: Batch) -> None:
    with pytest.raises(ValueError, match=f"{SHORTEST_HORIZON} days or longer"):
        expected_spend(batch, 100, (SHORTEST_HORIZON - 1,))
    with pytest.raises(ValueError, match="day 915"):
        expected_spend(batch, SETTINGS.days)
    with pytest.raises(ValueError, match="products_per_cell is 49"):
        Settings(products_per_cell=49)


def test_seeds_are_made_again_byte_by_byte(root: Path, tmp_path: Path) -> None:
    size = sample.write_seeds(tmp_path)
    assert size <= 4_000_000
    committed = root / "seeds" / "sample"
    made = sorted(path.name for path in tmp_path.iterdir())
    # Of the feeds that the shop lacks there are headings alone.
    for path in committed.glob("*.csv"):
        assert path.name in made or path.read_text(encoding="utf-8").count("\n") == 1
    for name in made:
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), name


def test_dirt_takes_nothing_away() -> None:
    clean = sample.clean_rows()
    dirty = sample.dirty_rows(clean)
    for feed, rows in clean.items():
        altered, dropped, added = (
            sum(dirt.count for dirt in kinds if dirt.feed == feed)
            for kinds in (sample.ALTERED, sample.DROPPED, sample.ADDED)
        )
        assert len(dirty[feed]) == len(rows) - dropped + added
        left = {tuple(row.values()) for row in dirty[feed]}
        lost = sum(tuple(row.values()) not in left for row in rows)
        assert lost <= altered + dropped
        assert (lost > 0) == (altered + dropped > 0)
    money = ("order_id", "line_number", "quantity", "unit_price", "discount")
    trimmed = {
        tuple(row[name].strip() for name in money) for row in dirty["order_lines"]
    }
    assert all(
        tuple(row[name] for name in money) in trimmed for row in clean["order_lines"]
    )


def z_score(differences: NDArray) -> float:
    """How many standard errors the mean lies from zero."""
    return float(differences.mean() / differences.std() * np.sqrt(len(differences)))
