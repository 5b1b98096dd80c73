"""Tests that features of a date do not depend on what happened after it."""

import numpy as np
import pandas as pd

from warehouse import Warehouse

AS_OF = pd.Timestamp("2024-06-30")
TOMORROW = AS_OF + pd.Timedelta(days=1)


def make_shop(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and lines of 80 customers over two years, some of them returns."""
    random = np.random.default_rng(seed)
    count = 900
    days = np.sort(random.integers(0, 730, count))
    orders = pd.DataFrame(
        {
            "order_id": [f"o{number:04d}" for number in range(count)],
            "customer_id": [f"c{key:02d}" for key in random.integers(0, 80, count)],
            "ordered_at": pd.Timestamp("2023-07-01")
            + pd.to_timedelta(days, unit="D")
            + pd.to_timedelta(random.integers(0, 86_400, count), unit="s"),
        }
    )
    lines = pd.DataFrame(
        {
            "order_id": orders["order_id"].repeat(2).to_numpy(),
            "line_number": np.tile([1, 2], count),
            "product_id": [f"p{key}" for key in random.integers(0, 6, 2 * count)],
            "quantity": random.choice([1, 2, 3, -1], 2 * count, p=[0.5, 0.2, 0.2, 0.1]),
            "unit_price": random.choice([2.5, 4.0, 9.99], 2 * count),
        }
    )
    return orders, lines


def make_visits(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Events, reviews and accounts of these customers over the same two years."""
    random = np.random.default_rng(seed)

    def when(count: int) -> pd.DatetimeIndex:
        seconds = random.integers(0, 730 * 86_400, count)
        return pd.Timestamp("2023-07-01") + pd.to_timedelta(seconds, unit="s")

    def who(count: int) -> list[str]:
        return [f"c{key:02d}" for key in random.integers(0, 80, count)]

    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(3000)],
            "customer_id": who(3000),
            "session_id": [f"s{key}" for key in random.integers(0, 900, 3000)],
            "event_type": random.choice(["view", "cart", "purchase", "search"], 3000),
            "product_id": [f"p{key}" for key in random.integers(0, 6, 3000)],
            "occurred_at": when(3000),
        }
    )
    reviews = pd.DataFrame(
        {
            "review_id": [f"r{number}" for number in range(600)],
            "customer_id": who(600),
            "rating": random.integers(1, 6, 600),
            "written_at": when(600),
        }
    )
    accounts = pd.DataFrame(
        {
            "customer_id": [f"c{key:02d}" for key in range(80)],
            "acquisition_channel": random.choice(["search", "social", "fair"], 80),
            "signed_up_at": when(80),
        }
    )
    return events, reviews, accounts


def make_contacts(seed: int) -> dict[str, pd.DataFrame]:
    """Messages to these customers, and what an experiment without messages showed."""
    random = np.random.default_rng(seed)
    day = pd.Timestamp("2023-07-01")
    sends = pd.DataFrame(
        {
            "send_id": [f"m{number}" for number in range(400)],
            "campaign_id": random.choice(["spring", "summer"], 400),
            "customer_id": [f"c{key:02d}" for key in random.integers(0, 60, 400)],
            "sent_at": day + pd.to_timedelta(random.integers(0, 730, 400), unit="D"),
        }
    )
    shown = random.integers(0, 730, 80)
    assignments = pd.DataFrame(
        {
            "experiment_id": "x",
            "customer_id": [f"c{key:02d}" for key in range(80)],
            "arm": random.choice(["control", "banner"], 80),
            "assigned_at": day,
            "exposed_at": day + pd.to_timedelta(shown, unit="D"),
        }
    )
    experiments = pd.DataFrame(
        {"experiment_id": ["x"], "campaign_id": ["banner"], "started_at": [day]}
    )
    return {
        "campaign_sends": sends,
        "assignments": assignments,
        "experiments": experiments,
    }


def changed_contacts(contacts: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Contacts that differ in whatever happened after AS_OF."""
    sends, assignments = (
        contacts["campaign_sends"].copy(),
        contacts["assignments"].copy(),
    )
    late, later = sends["sent_at"] >= TOMORROW, assignments["exposed_at"] >= TOMORROW
    assert min(late.sum(), later.sum()) > 10
    sends.loc[late, "customer_id"] = "c00"
    assignments.loc[later, "exposed_at"] = TOMORROW
    # Whoever was shown the banner gets it as a message too, later.
    more = pd.DataFrame(
        {
            "send_id": "n" + assignments["customer_id"],
            "campaign_id": "banner",
            "customer_id": assignments["customer_id"],
            "sent_at": TOMORROW,
        }
    )
    return contacts | {
        "campaign_sends": pd.concat([sends, more]),
        "assignments": assignments,
    }


def known(
    warehouse: Warehouse, **feeds: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features, as of AS_OF and earlier dates, and events of this shop."""
    warehouse.write_raw(**feeds)
    selected = ("+customer_features", "+customer_events")
    warehouse.build("--select", *selected, as_of_date=str(AS_OF.date()))
    features = warehouse.query(
        "select * from features.customer_features order by as_of_date, customer_key"
    )
    events = warehouse.query(
        """
        select * replace (
            cast(product_ids as varchar) as product_ids,
            cast(viewed_product_ids as varchar) as viewed_product_ids
        )
        from features.customer_events
        order by activity_date, customer_key
        """
    )
    return features, events


def changed_orders(
    orders: pd.DataFrame, lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and lines that differ in whatever happened after AS_OF."""
    is_late = orders["ordered_at"] >= TOMORROW
    late = set(orders.loc[is_late, "order_id"])
    assert len(late) > 300
    removed = set(sorted(late)[::3])
    changed = set(sorted(late)[1::3])
    orders = orders[~orders["order_id"].isin(removed)].copy()
    lines = lines[~lines["order_id"].isin(removed)].copy()
    is_changed = orders["order_id"].isin(changed)
    orders.loc[is_changed, "customer_id"] = "c00"
    lines.loc[lines["order_id"].isin(changed), "quantity"] *= -2
    new_orders, new_lines = make_shop(seed=2)
    new_orders["ordered_at"] += pd.Timedelta(days=800)
    new_orders["order_id"] = "n" + new_orders["order_id"]
    new_lines["order_id"] = "n" + new_lines["order_id"]
    # Returns of all that was bought before the date, made after it.
    returns = lines[~lines["order_id"].isin(late) & (lines["quantity"] > 0)].copy()
    returned = orders[orders["order_id"].isin(returns["order_id"])].copy()
    returned["ordered_at"] = AS_OF + pd.Timedelta(days=2)
    returned["order_id"] = "r" + returned["order_id"]
    returns["order_id"] = "r" + returns["order_id"]
    returns["quantity"] *= -1
    return (
        pd.concat([orders, new_orders, returned]),
        pd.concat([lines, new_lines, returns]),
    )


def changed_visits(
    events: pd.DataFrame, reviews: pd.DataFrame, accounts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Events, reviews and accounts that differ in whatever happened after AS_OF."""
    events, reviews, accounts = events.copy(), reviews.copy(), accounts.copy()
    late_events = events["occurred_at"] >= TOMORROW
    late_reviews = reviews["written_at"] >= TOMORROW
    late_accounts = accounts["signed_up_at"] >= TOMORROW
    assert min(each.sum() for each in (late_events, late_reviews, late_accounts)) > 30
    events.loc[late_events, ["customer_id", "event_type"]] = ["c00", "view"]
    reviews = reviews.drop(reviews[late_reviews].index[::3])
    reviews.loc[reviews["written_at"] >= TOMORROW, "rating"] = 1
    accounts.loc[late_accounts, "acquisition_channel"] = "radio"
    new_events, new_reviews, _ = make_visits(seed=2)
    new_events["event_id"] = "n" + new_events["event_id"]
    new_reviews["review_id"] = "n" + new_reviews["review_id"]
    return (
        pd.concat([events, new_events[new_events["occurred_at"] >= TOMORROW]]),
        pd.concat([reviews, new_reviews[new_reviews["written_at"] >= TOMORROW]]),
        accounts,
    )


def test_rows_after_a_date_move_no_feature_and_no_event(warehouse: Warehouse) -> None:
    orders, lines = make_shop(seed=1)
    events, reviews, accounts = make_visits(seed=1)
    contacts = make_contacts(seed=1)
    before, events_before = known(
        warehouse,
        **{"orders": orders, "order_lines": lines},
        **{"events": events, "reviews": reviews, "customers": accounts},
        **contacts,
    )
    assert before["as_of_date"].nunique() > 5
    assert (before["returned_amount"] > 0).any()
    told = ["days_since_seen", "rating_mean", "rating_last", "acquisition_channel"]
    told.append("days_since_contact")
    assert before[told].notna().any().all() and before[told].isna().any().all()
    assert events_before["activity_date"].max() == AS_OF
    happened = ["amount", "returned_amount", "views", "searches", "rating", "contacts"]
    assert (events_before[happened] > 0).any().all()

    orders, lines = changed_orders(orders, lines)
    events, reviews, accounts = changed_visits(events, reviews, accounts)
    after, events_after = known(
        warehouse,
        **{"orders": orders, "order_lines": lines},
        **{"events": events, "reviews": reviews, "customers": accounts},
        **changed_contacts(contacts),
    )
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    pd.testing.assert_frame_equal(events_after, events_before, check_exact=True)
