"""The process that makes the shop: who comes, when they buy, what, and what they keep.

Everything happens on a grid of days, so that truth.py can sum up exactly what a
customer will spend on average. Money is in whole cents.

- Arrivals (acquisition.py). People come through a channel, more of them as the shop
  grows, in season, and where the shop spends on advertisements; more money brings ever
  fewer. They buy at once.
- Lifetimes (people.py). `rate`, a person's purchases per day, is gamma distributed;
  channels differ in its mean. After every day the person leaves for good with
  probability 1 - exp(-dropout); `dropout` is gamma distributed too. So far this is the
  Pareto/NBD of Schmittlein, Morrison & Colombo (1987). The rest departs from it:
- Seasons (seasons.py). All rates rise and fall with month and weekday, on sale days and
  before Easter. One person in four is a gift buyer, who buys more late in the year.
- Trips (trips.py). Until they leave, a person begins a Poisson number of shopping trips
  a day, with mean rate / conversion. A trip begins with browsing, with a full cart or
  without, and ends up to six days later. It ends in an order with probability
  `conversion`, times a factor for the cart. So browsing foretells orders, but not every
  visit does.
- Contacts (contacts.py). Campaigns write to people chosen by chance, who begin more
  trips than usual in the days after, as many, or fewer.
- Baskets (baskets.py). An order has 1 + Poisson(extra_lines) lines. The person's tastes
  choose the category and the grade (price level) of each line, then its product. What
  is used up, some order again, alone and without a trip, as long as they are here.
  Subscribers get a box each month or quarter until they end it. A line comes back as a
  whole, three to 21 days later, with a chance of the person's and of the category's.
- Browsing (browsing.py). What people who let themselves be watched look at and see.

Chance decides which orders are cancelled, shipped or discounted by a coupon. Guests
behave like other people; the feeds just do not name them.

Each batch of people has its own random streams, one for each step. So a person's rows
depend on the seed and on the number of people per batch, not on the number of batches.
"""

from dataclasses import dataclass

from clv_warehouse.shop.baskets import (
    Baskets,
    Subscriptions,
    make_baskets,
    make_subscriptions,
)
from clv_warehouse.shop.contacts import (
    Contacts,
    Newsletters,
    make_contacts,
    make_newsletters,
)
from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.people import People, make_people
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.trips import Trips, make_trips


@dataclass(frozen=True)
class Batch:
    """A batch of people and all that they do, by the shop's last day or later."""

    index: int
    settings: Settings
    catalogue: Catalogue
    people: People
    contacts: Contacts
    trips: Trips
    subscriptions: Subscriptions
    baskets: Baskets
    newsletters: Newsletters


def make_batch(settings: Settings, catalogue: Catalogue, index: int) -> Batch:
    """Batch `index` of a shop, 0 for the first."""
    people = make_people(settings, index)
    contacts = make_contacts(settings, people, index)
    trips = make_trips(settings, people, contacts, index)
    subscriptions = make_subscriptions(settings, people, index)
    baskets = make_baskets(settings, catalogue, people, trips, subscriptions, index)
    newsletters = make_newsletters(
        settings, people, contacts, baskets.person, baskets.day, index
    )
    return Batch(
        index=index,
        settings=settings,
        catalogue=catalogue,
        people=people,
        contacts=contacts,
        trips=trips,
        subscriptions=subscriptions,
        baskets=baskets,
        newsletters=newsletters,
    )
