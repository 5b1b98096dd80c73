"""Compares the true values of the made-up shop with closed forms and simulation."""

import calendar
import datetime as dt
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from clv_warehouse.shop import baskets, contacts, people, trips
from clv_warehouse.shop.acquisition import CHANNEL_DROPOUTS, CHANNEL_RATES
from clv_warehouse.shop.goods import BOX_PRICES, Catalogue
from clv_warehouse.shop.process import Batch, make_batch
from clv_warehouse.shop.seasons import season
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.truth import (
    HORIZONS,
    SHORTEST_HORIZON,
    campaign_effects,
    expected_spend,
    is_on_list,
)

# What does not concern the test is left out: nobody is contacted.
PLAIN = Settings(seed=32, holdout_share=1.0)


def test_repeat_orders_are_as_many_as_the_closed_form_says() -> None:
    """E[exp(-dropout x)] of a gamma distributed dropout is (1 + x m / s) ** -s."""
    batch = make_batch(PLAIN, Catalogue.of(PLAIN), 0)
    seasons = season(PLAIN.start, PLAIN.days)
    days = np.arange(PLAIN.days)
    expected = np.empty(len(batch.people))
    for channel in range(len(CHANNEL_RATES)):
        age = np.maximum(days - days[:, None], 0)
        dropout = PLAIN.mean_dropout * CHANNEL_DROPOUTS[channel]
        here = (1 + age * dropout / PLAIN.dropout_shape) ** -PLAIN.dropout_shape
        by_day = (here * (days > days[:, None])) @ seasons.T
        by_day *= PLAIN.mean_rate * CHANNEL_RATES[channel]
        chosen = batch.people.channel == channel
        acquired = batch.people.acquired[chosen]
        expected[chosen] = by_day[acquired, batch.people.is_gift_buyer[chosen]]
    made = batch.trips.person[batch.trips.is_order]
    orders = np.bincount(made, minlength=len(batch.people)) - 1
    assert abs(z_score(orders - expected)) < 3.5
    assert orders.mean() == pytest.approx(expected.mean(), rel=0.03)


SETTINGS = Settings(seed=31)
# Where people soon go and often come, what a day more or less means is seen.
FICKLE = Settings(
    seed=8,
    days=200,
    people_per_batch=8000,
    mean_rate=0.06,
    mean_dropout=0.15,
    dropout_shape=5.0,
)


# On both days a campaign's effect goes on.
@pytest.mark.parametrize(("settings", "day"), [(SETTINGS, 730), (FICKLE, 170)])
def test_the_truth_is_the_mean_of_many_futures(settings: Settings, day: int) -> None:
    batch = make_batch(settings, Catalogue.of(settings), 0)
    horizons = (30, 365)
    truth = expected_spend(batch, day, horizons)
    random = np.random.default_rng(5)
    scores = []
    for group in interesting(batch, day, truth.position):
        of_group = []
        for place in random.choice(group, 10, replace=False):
            person = int(truth.position[place])
            futures = Futures(batch, person, day, horizons, 2000, random).spend
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


def interesting(batch: Batch, day: int, known: NDArray) -> Iterator[NDArray]:
    """Places in `known` of people about whom there is something to know on a day."""
    of, bought = batch.people, batch.baskets
    here = of.last_day >= day
    yield places(known, np.flatnonzero(here))
    under_way = (batch.trips.start_day <= day) & (batch.trips.end_day > day)
    yield places(known, batch.trips.person[under_way])
    owner, age = bought.person[bought.order], day - bought.day[bought.order]
    may_return = (age > 8) & (age < 16) & (bought.return_chance > 0.1)
    yield places(known, owner[may_return])
    cell = bought.product // batch.catalogue.per_cell
    is_used_up = (cell < batch.catalogue.cells) & (batch.catalogue.cycle[cell % 40] > 0)
    fresh = is_used_up & (age >= 0) & (age < 60) & (of.habit[owner] == 2) & here[owner]
    yield places(known, owner[fresh])
    running = (
        batch.contacts.campaign == contacts.campaigns(batch.settings, day)[-1].number
    )
    offered = running & (batch.contacts.offer == contacts.COUPON)
    offered &= here[batch.contacts.person]
    yield places(known, batch.contacts.person[offered])
    yield places(known, batch.subscriptions.person)


def places(known: NDArray, group: NDArray) -> NDArray:
    return np.flatnonzero(np.isin(known, group))


class Futures:
    """What so many copies of a person spend within each horizon, (copies, horizons).

    It goes through the process piece by piece and uses none of the sums of the truth.
    """

    def __init__(
        self,
        batch: Batch,
        person: int,
        day: int,
        horizons: tuple[int, ...],
        copies: int,
        random: np.random.Generator,
    ) -> None:
        self.batch, self.person, self.day = batch, person, day
        self.horizons, self.copies, self.random = horizons, copies, random
        self.longest = max(horizons)
        self.spend = np.zeros((copies, len(horizons)))
        of = batch.people
        # A copy is here on the days before this one.
        self.gone = np.zeros(copies, dtype=int)
        if of.last_day[person] >= day:
            self.gone = random.geometric(1 - np.exp(-of.dropout[person]), copies)
        self.new_trips()
        self.trips_under_way()
        self.lines_to_repeat()
        self.boxes()
        self.lines_to_return()

    def pay(self, copy: NDArray, ahead: NDArray, cents: NDArray) -> None:
        for column, horizon in enumerate(self.horizons):
            within = (ahead >= 1) & (ahead <= horizon)
            np.add.at(self.spend[:, column], copy[within], cents[within])

    def delays(self, chances: NDArray, n: int) -> NDArray:
        return self.random.choice(len(chances), n, p=chances / chances.sum())

    def order(self, copy: NDArray, ahead: NDArray, has_offer: NDArray) -> None:
        """Orders in which trips end, by the person's tastes."""
        of = self.batch.people
        lines = 1 + self.random.poisson(of.extra_lines[self.person], len(copy))
        chances = np.outer(
            np.diff(of.categories[self.person], prepend=0),
            np.diff(of.grades[self.person], prepend=0),
        )
        cells = self.delays(chances.ravel(), lines.sum())
        self.sell(copy, ahead, has_offer, np.repeat(np.arange(len(copy)), lines), cells)

    def sell(
        self,
        copy: NDArray,
        ahead: NDArray,
        has_offer: NDArray,
        order: NDArray,
        cells: NDArray,
    ) -> None:
        """Ship, cancel and return orders, and order again what is used up."""
        settings, of, random = self.batch.settings, self.batch.people, self.random
        catalogue = self.batch.catalogue
        while len(copy):
            going = random.random(len(copy)) >= settings.cancelled_share
            shipped = going & (random.random(len(copy)) < settings.shipped_share)
            self.pay(copy[shipped], ahead[shipped], np.full(shipped.sum(), 490))
            coupon = has_offer | (random.random(len(copy)) < of.coupon[self.person])
            order, cells = order[going[order]], cells[going[order]]
            quantity = 1 + self.delays(baskets.QUANTITY_CHANCES, len(order))
            amount = catalogue.cell_price[cells] * quantity * (1 - 0.1 * coupon[order])
            self.pay(copy[order], ahead[order], amount)
            chance = of.returns[self.person] * catalogue.cell_return[cells]
            back = random.random(len(order)) < chance
            delay = self.delays(baskets.RETURN_CHANCES, len(order))
            self.pay(copy[order][back], (ahead[order] + delay)[back], -amount[back])
            copy, ahead, cells = self.again(copy[order], ahead[order], cells)
            order, has_offer = np.arange(len(copy)), np.zeros(len(copy), dtype=bool)

    def again(
        self, copy: NDArray, ahead: NDArray, cells: NDArray
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Copies that order a line again, when, and of which cell."""
        habit = people.REFILL_CHANCES[self.batch.people.habit[self.person]]
        wants = self.random.random(len(copy)) < habit
        wants &= self.batch.catalogue.cycle[cells] > 0
        copy, ahead, cells = copy[wants], ahead[wants].copy(), cells[wants]
        for cell in np.unique(cells):
            chosen = cells == cell
            chances = self.batch.catalogue.cycle_chances(cell)
            ahead[chosen] += 1 + self.delays(chances, chosen.sum())
        here = ahead < np.minimum(self.gone[copy], self.longest + 1)
        return copy[here], ahead[here], cells[here]

    def new_trips(self) -> None:
        settings, of = self.batch.settings, self.batch.people
        seasons = season(settings.start, self.day + self.longest + 1)
        by_day = of.rate[self.person] / of.conversion[self.person]
        by_day = by_day * seasons[of.is_gift_buyer[self.person], self.day + 1 :]
        factor, has_coupon = self.contacted()
        begun = self.random.poisson(by_day * factor)
        begun *= np.arange(1, self.longest + 1) < self.gone[:, None]
        copy, ahead = (
            np.repeat(axis.ravel(), begun.ravel()) for axis in np.indices(begun.shape)
        )
        has_cart = self.random.random(len(copy)) < trips.CART_SHARE
        cart = np.where(has_cart, trips.WITH_CART, trips.WITHOUT_CART)
        buys = self.random.random(len(copy)) < of.conversion[self.person] * cart
        uses = self.random.random(len(copy)) < contacts.COUPON_USE
        uses &= has_coupon[copy, ahead]
        lead = self.delays(trips.LEAD_CHANCES, len(copy))
        self.order(copy[buys], (ahead + 1 + lead)[buys], uses[buys])

    def contacted(self) -> tuple[NDArray, NDArray]:
        """Factor on the rate, and whether there is a coupon, by copy and day ahead."""
        batch, random = self.batch, self.random
        response = batch.people.response[self.person]
        factor = np.ones((self.copies, self.longest))
        has_coupon = np.zeros((self.copies, self.longest), dtype=bool)
        listed = np.full(self.copies, is_on_list(batch, self.day)[self.person])
        for campaign in contacts.campaigns(batch.settings, self.day + self.longest):
            ahead = campaign.day - self.day
            if ahead > 0 and campaign.design.is_experiment:
                arm = self.delays(np.array(campaign.design.shares), self.copies)
                offer = np.where(listed, np.array(campaign.design.offers)[arm], -1)
            else:
                found = batch.contacts.offer[
                    (batch.contacts.person == self.person)
                    & (batch.contacts.campaign == campaign.number)
                ]
                offer = np.full(self.copies, found[0] if len(found) else -1)
            sent = np.flatnonzero(offer >= 0)
            days = slice(max(ahead, 0), max(ahead + contacts.EFFECT_DAYS, 0))
            lift = contacts.LIFTS[response, offer[sent]]
            factor[sent, days] *= 1 + lift[:, None]
            has_coupon[sent, days] |= (offer[sent] == contacts.COUPON)[:, None]
            if ahead > 0:
                leave = contacts.LEAVE_LIST[response, offer[sent]]
                listed[sent[random.random(len(sent)) < leave]] = False
        return factor, has_coupon

    def trips_under_way(self) -> None:
        of, made = self.batch.people, self.batch.trips
        under_way = (made.start_day <= self.day) & (made.end_day > self.day)
        for trip in np.flatnonzero(under_way & (made.person == self.person)):
            elapsed = self.day - made.start_day[trip]
            lead = (
                elapsed
                + 1
                + self.delays(trips.LEAD_CHANCES[elapsed + 1 :], self.copies)
            )
            cart = trips.WITH_CART if made.has_cart[trip] else trips.WITHOUT_CART
            chance = of.conversion[self.person] * cart
            buys = np.flatnonzero(self.random.random(self.copies) < chance)
            offer = np.full(len(buys), made.campaign[trip] >= 0)
            self.order(buys, (lead - elapsed)[buys], offer)

    def lines_to_repeat(self) -> None:
        bought, of, catalogue = (
            self.batch.baskets,
            self.batch.people,
            self.batch.catalogue,
        )
        cell = np.minimum(bought.product // catalogue.per_cell, catalogue.cells)
        age = self.day - bought.day[bought.order]
        mine = (bought.person[bought.order] == self.person) & (age >= 0)
        mine &= ~bought.is_cancelled[bought.order] & (catalogue.cycle[cell] > 0)
        mine &= (bought.refill_day < 0) | (bought.refill_day > self.day)
        if of.last_day[self.person] < self.day:
            return
        habit = people.REFILL_CHANCES[of.habit[self.person]]
        for line in np.flatnonzero(mine):
            # Of many equal lines those count that are not ordered again yet.
            n = 200 * self.copies
            delay = 1 + self.delays(catalogue.cycle_chances(cell[line]), n)
            wants = self.random.random(n) < habit
            open_ones = np.flatnonzero(~wants | (delay > age[line]))[: self.copies]
            assert len(open_ones) == self.copies
            wants, ahead = wants[open_ones], delay[open_ones] - age[line]
            copy = np.flatnonzero(wants & (ahead < self.gone))
            none, one = np.zeros(len(copy), dtype=bool), np.arange(len(copy))
            self.sell(copy, ahead[copy], none, one, np.full(len(copy), cell[line]))

    def boxes(self) -> None:
        subscriptions, start = self.batch.subscriptions, self.batch.settings.start
        for row in np.flatnonzero(subscriptions.person == self.person):
            plan = subscriptions.plan[row]
            first = start + dt.timedelta(days=int(subscriptions.started[row]))
            going = np.ones(self.copies, dtype=bool)
            for number in range(1, 60):
                month = first.month - 1 + number * (1, 3)[plan]
                due = dt.date(
                    first.year + month // 12, month % 12 + 1, min(first.day, 28)
                )
                assert due.day <= calendar.monthrange(due.year, due.month)[1]
                ahead = (due - start).days - self.day
                if ahead <= 0:
                    # It is known whether the subscription went on.
                    going &= number < subscriptions.periods[row]
                    continue
                going &= self.random.random(self.copies) >= baskets.ENDING
                copy = np.flatnonzero(going)
                self.pay(
                    copy,
                    np.full(len(copy), ahead),
                    np.full(len(copy), BOX_PRICES[plan]),
                )

    def lines_to_return(self) -> None:
        bought = self.batch.baskets
        age = self.day - bought.day[bought.order]
        seen = (bought.return_day >= 0) & (bought.return_day <= self.day)
        mine = (bought.person[bought.order] == self.person) & ~seen
        for line in np.flatnonzero(mine & (age >= 0) & (age < 22)):
            # Of many equal lines those count that are not back yet.
            back = self.random.random(40 * self.copies) < bought.return_chance[line]
            delay = self.delays(baskets.RETURN_CHANCES, 40 * self.copies)
            open_ones = np.flatnonzero(~back | (delay > age[line]))[: self.copies]
            assert len(open_ones) == self.copies
            back, delay = back[open_ones], delay[open_ones]
            refund = np.full(back.sum(), -bought.amount[line])
            self.pay(np.flatnonzero(back), (delay - age[line])[back], refund)


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
            union all
            select customer_id, cast(refunded_at as date), -refunds.amount
            from refunds
            inner join orders using (order_id)
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
        by_value = np.argsort(expected)
        # Those who have left spend nothing, and the truth says so.
        by_value = by_value[expected[by_value] > 1]
        for part in np.array_split(by_value, 5):
            assert abs(z_score(actual[part] - expected[part])) < 4
        assert abs(z_score(actual - expected)) < 3.5
        assert 0.5 < np.corrcoef(expected, actual)[0, 1] < 0.95


def test_the_effects_of_campaigns_are_what_their_arms_differ_by(batch: Batch) -> None:
    """Compares orders of trips begun in the days after with the true effects."""
    settings, of, bought = batch.settings, batch.contacts, batch.baskets
    trip = np.maximum(bought.trip, 0)
    is_trip = (bought.trip >= 0) & ~bought.is_cancelled
    spent = np.bincount(bought.order, bought.amount, len(bought.person))
    spent += bought.is_shipped * settings.shipping_cents
    back = bought.amount * (bought.return_day >= 0)
    spent -= np.bincount(bought.order, back, len(bought.person))
    found: dict[str, list[tuple[float, float]]] = {}
    for campaign in contacts.campaigns(settings):
        if campaign.day + contacts.EFFECT_DAYS > settings.last_day:
            continue
        day = batch.trips.start_day[trip]
        within = (day > campaign.day) & (day <= campaign.day + contacts.EFFECT_DAYS)
        rows = np.flatnonzero(is_trip & within)
        after = np.bincount(bought.person[rows], spent[rows], len(batch.people))
        effects = campaign_effects(batch, campaign)
        offer = of.offer[of.campaign == campaign.number]
        actual = after[effects.position]
        for name, code in (("none", -1), ("mail", 0), ("coupon", 1), ("postcard", 2)):
            expected = effects.without + (effects.change[:, code] if code >= 0 else 0)
            chosen = offer == code
            if chosen.any():
                difference = (actual - expected)[chosen]
                found.setdefault(name, []).append(
                    (difference.sum(), difference.var() * len(difference))
                )
    assert found.keys() == {"none", "mail", "coupon", "postcard"}
    for name, parts in found.items():
        total, variance = np.sum(parts, axis=0)
        assert abs(total / np.sqrt(variance)) < 3.5, name


def test_some_are_harmed_by_contact_and_some_would_have_come_anyway(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    effects = (
        shop.sql(
            """
        select response, avg(effect_of_mail) as mail, avg(effect_of_coupon) as coupon
        from true_effects where spend_without > 0
        group by response
        """
        )
        .df()
        .set_index("response")
    )
    assert effects.loc["persuadable"].min() > 0.5
    assert effects.loc["harmed"].max() < -0.2
    assert effects.loc["sure", "mail"] == 0
    # Who would have come anyway takes the coupon.
    assert effects.loc["sure", "coupon"] < -0.02


def test_what_cannot_be_is_an_error(batch: Batch) -> None:
    with pytest.raises(ValueError, match=f"{SHORTEST_HORIZON} days or longer"):
        expected_spend(batch, 100, (SHORTEST_HORIZON - 1,))
    with pytest.raises(ValueError, match="day 915"):
        expected_spend(batch, batch.settings.days)
    with pytest.raises(ValueError, match="products_per_cell is 49"):
        Settings(products_per_cell=49)


def z_score(differences: NDArray) -> float:
    """How many standard errors the mean lies from zero."""
    return float(differences.mean() / differences.std() * np.sqrt(len(differences)))
