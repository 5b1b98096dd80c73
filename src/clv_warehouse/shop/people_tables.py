"""Feeds of who people are and what they do beside buying."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.project.arrays import Ints
from clv_warehouse.shop.acquisition import CHANNELS
from clv_warehouse.shop.baskets import PLAN_MONTHS, renewal_day
from clv_warehouse.shop.browsing import EVENT_TYPES, NONE, SEARCH, make_events
from clv_warehouse.shop.columns import (
    customer_ids,
    ids,
    is_told,
    money,
    numbered,
    product_ids,
    times,
    words,
)
from clv_warehouse.shop.contacts import (
    NO_OFFER,
    OFFER_COSTS,
    POSTCARD,
    campaigns,
)
from clv_warehouse.shop.goods import BOX_PRICES, BOXES
from clv_warehouse.shop.order_tables import noun_of
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.settings import SECONDS_PER_DAY, Stream, random
from clv_warehouse.shop.words import (
    CATEGORIES,
    COUNTRIES,
    FIRST_NAMES,
    LAST_NAMES,
    NOT_SOLD,
)

# Chance per day of allowing ads no longer.
ADS_REFUSED = 0.0002
PERIODS = {1: "month", 3: "quarter"}
HOLD_OUT = "HOLD-OUT"


def signed_up(batch: Batch) -> Ints:
    """Seconds of the sign-up, some minutes before the first order, shape (n,)."""
    n = len(batch.people)
    first_time = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first_time, batch.baskets.person, batch.baskets.time)
    generator = random(batch.settings, batch.index, Stream.CONSENTS)
    return first_time - 60 * generator.integers(2, 30, n)


def customers_table(batch: Batch, people: int) -> pa.Table:
    """Feed of the customers."""
    generator = random(batch.settings, batch.index, Stream.NAMES)
    n = len(batch.people)
    first = generator.integers(len(FIRST_NAMES), size=n)
    last = generator.integers(len(LAST_NAMES), size=n)
    country = np.minimum(generator.geometric(0.45, n), len(COUNTRIES)) - 1
    phone = generator.integers(100, size=n)
    rows = np.flatnonzero(~batch.people.is_guest[:people])
    first_name, last_name = (
        words(FIRST_NAMES, first[rows]),
        words(LAST_NAMES, last[rows]),
    )
    number = ids("", batch.people.number[rows])
    email = pc.binary_join_element_wise(
        pc.utf8_lower(first_name), number, pa.scalar("@example.com"), ""
    )
    return pa.table(
        [
            customer_ids(batch, rows),
            email,
            pc.binary_join_element_wise(first_name, last_name, " "),
            # Telephone numbers that are reserved for fiction.
            words([f"+1 202-555-01{line:02d}" for line in range(100)], phone[rows]),
            words(COUNTRIES, country[rows]),
            words(CHANNELS, batch.people.channel[rows]),
            times(batch.settings, signed_up(batch)[rows]),
        ],
        schema=SCHEMAS["customers"],
    )


def consents_table(batch: Batch, people: int) -> pa.Table:
    """Feed of the consents, given at the sign-up and some withdrawn since."""
    settings, traits = batch.settings, batch.people
    generator = random(settings, batch.index, Stream.CONSENTS)
    given = signed_up(batch)
    refused = given + (
        generator.exponential(SECONDS_PER_DAY / ADS_REFUSED, len(given))
    ).astype(np.int64)
    end = settings.days * SECONDS_PER_DAY
    person = np.concatenate(
        [np.flatnonzero(traits.allows_email), np.flatnonzero(traits.allows_ads)]
    )
    emails = int(traits.allows_email.sum())
    purpose = (np.arange(len(person)) >= emails).astype(np.int64)
    withdrawn = np.where(
        purpose == 0, batch.contacts.left_list[person], refused[person]
    )
    withdrawn = np.where(withdrawn < end, withdrawn, -1)
    rows = np.flatnonzero((person < people) & ~traits.is_guest[person])
    rows = rows[np.argsort(person[rows], kind="stable")]
    return pa.table(
        [
            customer_ids(batch, person[rows]),
            words(("email", "ads"), purpose[rows]),
            times(settings, given[person[rows]]),
            times(settings, withdrawn[rows], withdrawn[rows] < 0),
        ],
        schema=SCHEMAS["consents"],
    )


def subscriptions_table(batch: Batch, people: int) -> pa.Table:
    """Feed of the subscriptions; their renewals are orders."""
    settings, subscriptions = batch.settings, batch.subscriptions
    rows = np.flatnonzero(subscriptions.person < people)
    plan, started = subscriptions.plan[rows], subscriptions.started[rows]
    ended = renewal_day(settings, started, plan, subscriptions.periods[rows])
    return pa.table(
        [
            numbered("B", batch, rows + 1),
            customer_ids(batch, subscriptions.person[rows]),
            words(BOXES, plan),
            money(BOX_PRICES[plan]),
            words(["EUR"], 0 * plan),
            times(settings, started * SECONDS_PER_DAY),
            words([PERIODS[int(months)] for months in PLAN_MONTHS], plan),
            times(settings, ended * SECONDS_PER_DAY, ended > settings.last_day),
        ],
        schema=SCHEMAS["subscriptions"],
    )


def events_table(batch: Batch, people: int) -> pa.Table:
    """Feed of the browsing events."""
    settings, catalogue = batch.settings, batch.catalogue
    events = make_events(
        settings, catalogue, batch.people, batch.trips, batch.baskets, batch.index
    )
    rows = np.flatnonzero(is_told(settings, events.person, events.time, people))
    kind, product = events.kind[rows], events.product[rows]
    is_search = kind == SEARCH
    nouns = [noun for nouns in CATEGORIES.values() for noun in nouns]
    query = events.query[rows]
    query = np.where(query == NONE, noun_of(catalogue, product), len(nouns) + query)
    position = events.position[rows].astype(np.int32)
    return pa.table(
        [
            numbered("E", batch, rows + 1),
            customer_ids(batch, events.person[rows]),
            numbered("S", batch, events.session[rows] + 1),
            words(EVENT_TYPES, kind),
            product_ids(catalogue, product, is_search | (product == NONE)),
            times(settings, events.time[rows]),
            pa.array(position, mask=position == NONE),
            words([*nouns, *NOT_SOLD], query, ~is_search),
        ],
        schema=SCHEMAS["events"],
    )


def sends_table(batch: Batch, people: int) -> pa.Table:
    """Feed of the messages that were sent."""
    settings, contacts, letters = batch.settings, batch.contacts, batch.newsletters
    sent_rows = np.flatnonzero(contacts.offer != NO_OFFER)
    campaign = np.concatenate([contacts.campaign[sent_rows], letters.campaign])
    person = np.concatenate([contacts.person[sent_rows], letters.person])
    sent = np.concatenate([contacts.sent[sent_rows], letters.sent])
    offer = np.concatenate(
        [contacts.offer[sent_rows], np.full(len(letters.person), len(OFFER_COSTS) - 1)]
    )
    opened = np.concatenate([contacts.is_opened[sent_rows], letters.is_opened])
    clicked = np.concatenate([contacts.is_clicked[sent_rows], letters.is_clicked])
    # Nobody knows who reads a postcard.
    unseen = offer == POSTCARD
    rows = np.argsort(sent, kind="stable")
    number = np.arange(len(rows)) + 1
    told = is_told(settings, person[rows], sent[rows], people)
    rows, number = rows[told], number[told]
    # Who opens a message does so within ten hours.
    opened_at = sent + 60 + (person * 7919 + campaign * 104_729) % 36_000
    names = [each.campaign_id for each in campaigns(settings)]
    cents = np.rint(np.array(OFFER_COSTS) * 100).astype(np.int64)
    return pa.table(
        [
            numbered("M", batch, number),
            words(names, campaign[rows]),
            customer_ids(batch, person[rows]),
            times(settings, sent[rows]),
            times(settings, opened_at[rows], (unseen | ~opened)[rows]),
            times(settings, opened_at[rows] + 40, (unseen | ~clicked)[rows]),
            money(cents[offer[rows]]),
        ],
        schema=SCHEMAS["campaign_sends"],
    )


def assignments_table(batch: Batch, people: int) -> pa.Table:
    """Feed of who was assigned to which arm; the hold-out is an experiment too."""
    settings, contacts, traits = batch.settings, batch.contacts, batch.people
    end = settings.days * SECONDS_PER_DAY
    planned = campaigns(settings)
    names, arms = [HOLD_OUT], ["contacted", "held out"]
    first_arm = np.zeros(len(planned), dtype=np.int64)
    for campaign in planned:
        first_arm[campaign.number] = len(arms)
        names.append(campaign.experiment_id)
        arms += campaign.design.arms
    assigned = (
        np.array([each.day for each in planned], dtype=np.int64) * SECONDS_PER_DAY
    )

    listed = np.flatnonzero(traits.allows_email & ~traits.is_guest)
    first_sent = np.full(len(traits), end)
    is_sent = contacts.offer != NO_OFFER
    np.minimum.at(first_sent, contacts.person[is_sent], contacts.sent[is_sent])
    person = np.concatenate([listed, contacts.person])
    name = np.concatenate([0 * listed, contacts.campaign + 1])
    arm = np.concatenate(
        [
            traits.is_held_out[listed].astype(np.int64),
            first_arm[contacts.campaign] + contacts.arm,
        ]
    )
    at = np.concatenate([signed_up(batch)[listed], assigned[contacts.campaign]])
    exposed = np.concatenate(
        [first_sent[listed], np.where(is_sent, contacts.sent, end)]
    )
    rows = np.flatnonzero(is_told(settings, person, at, people))
    rows = rows[np.lexsort((person[rows], name[rows]))]
    return pa.table(
        [
            words(names, name[rows]),
            customer_ids(batch, person[rows]),
            words(arms, arm[rows]),
            times(settings, at[rows]),
            times(settings, exposed[rows], exposed[rows] >= end),
        ],
        schema=SCHEMAS["assignments"],
    )
