"""Campaigns that write to customers, and what that does to each of them.

Every CAMPAIGN_GAP days a campaign begins; its DESIGNS take turns. In an experiment each
person who may be contacted is assigned to an arm by chance, and the arm to an offer or
to none. In the EFFECT_DAYS days after the day of sending, a contacted person begins
trips at (1 + lift) times the usual rate, where the lift depends on the person's
response and on the offer (LIFTS): some are persuaded, some would have come anyway, some
come less. Of the trips begun in these days after an offer with a coupon, COUPON_USE use
it. A contact makes some withdraw their consent (LEAVE_LIST), and no campaign writes to
them from then on.

A campaign may write to whoever had an account before that day, allows e-mails and is
not held out. One design writes only to recent buyers and has no control group: it does
nothing, although its readers buy more than others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.project.arrays import Bools, Ints
from clv_warehouse.shop.people import People
from clv_warehouse.shop.settings import SECONDS_PER_DAY, Settings, Stream, random

FIRST_CAMPAIGN, CAMPAIGN_GAP = 110, 56
EFFECT_DAYS = 14
RECENT_DAYS = 90

OFFERS = ("mail", "coupon", "postcard", "newsletter")
MAIL, COUPON, POSTCARD, NEWSLETTER = range(4)
NO_OFFER = -1
OFFER_COSTS = (0.02, 0.02, 0.75, 0.01)
# By response (persuadable, sure, indifferent, harmed), then by offer.
LIFTS = np.array(
    [
        [0.5, 1.2, 0.9, 0.0],
        [0.0, 0.05, 0.0, 0.0],
        [0.05, 0.25, 0.1, 0.0],
        [-0.5, -0.2, -0.3, 0.0],
    ]
)
LEAVE_LIST = np.array(
    [
        [0.005, 0.005, 0.0, 0.0],
        [0.01, 0.01, 0.0, 0.0],
        [0.02, 0.015, 0.0, 0.0],
        [0.15, 0.1, 0.0, 0.0],
    ]
)
COUPON_USE = 0.8
# Chance that a message is opened, by whether the person is still here; then clicked.
OPENS, CLICKS = np.array([0.08, 0.45]), 0.2


@dataclass(frozen=True)
class Design:
    """What a kind of campaign tries: its arms, their shares and their offers."""

    name: str
    channel: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    offers: tuple[int, ...]
    is_experiment: bool = True


DESIGNS = (
    Design("Reminder", "email", ("control", "mail"), (0.5, 0.5), (NO_OFFER, MAIL)),
    Design(
        "Coupon",
        "email",
        ("control", "mail", "coupon"),
        (0.34, 0.33, 0.33),
        (NO_OFFER, MAIL, COUPON),
    ),
    # Both arms get the same message: whatever differs, differs by chance.
    Design("Two subject lines", "email", ("a", "b"), (0.5, 0.5), (MAIL, MAIL)),
    Design("Newsletter", "email", ("all",), (1.0,), (NEWSLETTER,), is_experiment=False),
    Design(
        "Postcard", "post", ("control", "postcard"), (0.6, 0.4), (NO_OFFER, POSTCARD)
    ),
)


@dataclass(frozen=True)
class Campaign:
    """One campaign: its number from 0, its day of sending, its design."""

    number: int
    day: int
    design: Design

    @property
    def campaign_id(self) -> str:
        """The id in the feed campaigns."""
        return f"{self.design.name.lower().replace(' ', '-')}-{self.number + 1}"

    @property
    def experiment_id(self) -> str:
        """The id in the feed experiments, which only experiments have."""
        return f"X{self.number + 1}"

    @property
    def coupon_code(self) -> str | None:
        """The code that its offer with a coupon bears."""
        return f"COME{self.number + 1}" if COUPON in self.design.offers else None


def campaigns(settings: Settings, until: int | None = None) -> tuple[Campaign, ...]:
    """Campaigns sent by the shop's last day, or by a later day `until`."""
    last = settings.last_day if until is None else until
    days = range(FIRST_CAMPAIGN, last + 1, CAMPAIGN_GAP)
    return tuple(
        Campaign(number, day, DESIGNS[number % len(DESIGNS)])
        for number, day in enumerate(days)
    )


@dataclass(frozen=True)
class Contacts:
    """Who was assigned to what. A row per person who may be contacted and campaign.

    Attributes:
        left_list: seconds at which each of all people withdrew the consent to e-mails,
            shape (n,); -1 if never.
        person: position in People.
        campaign: the campaign's number.
        arm: position among the arms of its design.
        offer: position in OFFERS, or NO_OFFER, which means that nothing was sent.
        sent: seconds of the sending after midnight of the shop's first day.
        is_opened, is_clicked: what became of the message.

    """

    left_list: Ints
    person: Ints
    campaign: Ints
    arm: Ints
    offer: Ints
    sent: Ints
    is_opened: Bools
    is_clicked: Bools

    def offers(self, people: int, campaigns: int) -> Ints:
        """Offer by person and campaign, NO_OFFER where there was none."""
        table = np.full((people, campaigns), NO_OFFER, dtype=np.int8)
        table[self.person, self.campaign] = self.offer
        return table.astype(np.int64)


def may_be_contacted(people: People) -> Bools:
    """Who gets messages until they withdraw their consent."""
    return people.allows_email & ~people.is_held_out & ~people.is_guest


def make_contacts(settings: Settings, people: People, batch: int) -> Contacts:
    """Assignments and messages of all experiments.

    The messages of other designs depend on who bought lately; `make_newsletters` adds
    them once that is known.
    """
    generator = random(settings, batch, Stream.CONTACTS)
    is_listed = may_be_contacted(people)
    left_list = np.full(len(people), -1)
    none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    rows: list[tuple[NDArray[Any], ...]] = [(none, none, none, none, none, no, no)]
    for campaign in campaigns(settings):
        arms, evening, opened, clicked, leaving, hour = generator.random(
            (6, len(people))
        )
        if not campaign.design.is_experiment:
            continue
        person = np.flatnonzero(is_listed & (people.acquired < campaign.day))
        ends = np.cumsum(campaign.design.shares)
        arm = np.searchsorted(ends[:-1], arms[person], side="right")
        offer = np.array(campaign.design.offers)[arm]
        is_sent = offer != NO_OFFER
        is_here = (people.last_day[person] >= campaign.day).astype(np.int64)
        sent = (
            campaign.day * SECONDS_PER_DAY
            + 9 * 3600
            + (hour[person] * 7200).astype(int)
        )
        is_opened = is_sent & (opened[person] < OPENS[is_here])
        is_clicked = is_opened & (clicked[person] < CLICKS * is_here)
        leave = np.where(is_sent, LEAVE_LIST[people.response[person], offer], 0.0)
        leaves = person[leaving[person] < leave]
        is_listed[leaves] = False
        left_list[leaves] = (
            campaign.day * SECONDS_PER_DAY
            + 12 * 3600
            + (evening[leaves] * 8 * 3600).astype(int)
        )
        number = np.full(len(person), campaign.number)
        rows.append((person, number, arm, offer, sent, is_opened, is_clicked))
    return Contacts(left_list, *_columns(rows))


@dataclass(frozen=True)
class Newsletters:
    """Messages of campaigns that are no experiments; attributes as in Contacts."""

    person: Ints
    campaign: Ints
    sent: Ints
    is_opened: Bools
    is_clicked: Bools


def make_newsletters(
    settings: Settings,
    people: People,
    contacts: Contacts,
    order_person: Ints,
    order_day: Ints,
    batch: int,
) -> Newsletters:
    """Write to whoever bought in the RECENT_DAYS before, by the orders given."""
    generator = random(settings, batch, Stream.NEWSLETTERS)
    none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    rows: list[tuple[NDArray[Any], ...]] = [(none, none, none, no, no)]
    for campaign in campaigns(settings):
        if campaign.design.is_experiment:
            continue
        hour, opened, clicked = generator.random((3, len(people)))
        since = campaign.day - order_day
        is_recent = np.zeros(len(people), dtype=bool)
        is_recent[order_person[(since > 0) & (since <= RECENT_DAYS)]] = True
        sent = campaign.day * SECONDS_PER_DAY + 9 * 3600 + (hour * 7200).astype(int)
        has_left = (contacts.left_list >= 0) & (contacts.left_list < sent)
        person = np.flatnonzero(may_be_contacted(people) & is_recent & ~has_left)
        is_here = (people.last_day[person] >= campaign.day).astype(np.int64)
        is_opened = opened[person] < OPENS[is_here]
        is_clicked = is_opened & (clicked[person] < CLICKS * is_here)
        number = np.full(len(person), campaign.number)
        rows.append((person, number, sent[person], is_opened, is_clicked))
    return Newsletters(*_columns(rows))


def _columns(rows: list[tuple[NDArray[Any], ...]]) -> list[NDArray[Any]]:
    return [np.concatenate(column) for column in zip(*rows, strict=True)]
