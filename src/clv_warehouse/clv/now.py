"""Forecasts one customer between builds, as the next build would.

A shop's back end or call centre loads a Forecaster once and asks it for each order. It
holds what the last build stored, the network and the prior, and runs the SQL of
models/features on the days of the one customer, in a DuckDB of its own in memory. So a
feature is computed by the same text as in a build. TensorFlow is not imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa

from clv_warehouse.clv.feature_set import FeatureSet, current_features
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.registry import Accepted, last_accepted
from clv_warehouse.clv.scoring import SCHEMA, fit_prior, score_batch
from clv_warehouse.clv.spread import Spread
from clv_warehouse.project.macros import sql_of, sql_of_model
from clv_warehouse.project.opening import opened, trusted
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.problems import CommandError

# What is known of a customer: tables of the warehouse, with schema and columns.
KNOWN = {
    "customer_days": (
        "features",
        *("customer_key", "activity_date", "orders", "items", "purchase_amount"),
        *("net_amount", "new_products"),
    ),
    "customer_visits": ("features", "*"),
    "customer_reviews": ("features", "*"),
    "customer_contacts": ("features", "*"),
    "dim_customers": (
        *("orders", "customer_key", "acquisition_channel", "signed_up_at"),
    ),
}
# The models that make the features of one customer, each before those that read it.
MODELS = (
    *("purchase_features", "browsing_features", "review_features"),
    *("account_features", "contact_features", "customer_features"),
)
# The key of a customer of whom the warehouse knows nothing.
NEW = "new customer"

Rows = Sequence[Mapping[str, Any]]


class ForecastError(CommandError):
    """A customer cannot be forecast; the message says why."""


@dataclass(frozen=True)
class History:
    """What is known of one customer: rows of tables of the warehouse.

    Attributes:
        customer_key: the customer.
        customer_days: columns activity_date, orders, items, purchase_amount, net_amount
            and new_products; one row per day with a purchase or a return.
        customer_visits: rows of features.customer_visits.
        customer_reviews: rows of features.customer_reviews.
        customer_contacts: rows of features.customer_contacts.
        dim_customers: the customer's row of orders.dim_customers, or none.

    """

    customer_key: str = NEW
    customer_days: Rows = ()
    customer_visits: Rows = ()
    customer_reviews: Rows = ()
    customer_contacts: Rows = ()
    dim_customers: Rows = ()

    def with_order(
        self, day: date, amount: Decimal, items: int, new_products: int
    ) -> "History":
        """Return the history with an order that no build has seen.

        `amount` is what counts as spend, in the shop's currency; `new_products` are how
        many of its products the customer had never bought before.
        """
        added = {
            "activity_date": day,
            "orders": 1,
            "items": items,
            "purchase_amount": amount,
            "net_amount": amount,
            "new_products": new_products,
        }
        days = {row["activity_date"]: dict(row) for row in self.customer_days}
        before = days.get(day, {})
        days[day] = {
            name: value if name == "activity_date" else value + before.get(name, 0)
            for name, value in added.items()
        }
        known = {name: getattr(self, name) for name in KNOWN}
        return History(self.customer_key, **known | {"customer_days": [*days.values()]})


class Forecaster:
    """Forecasts single customers with what the last build has stored.

    Calls from several threads come one after the other.
    """

    def __init__(self, warehouse: Path, vars: str = "{}") -> None:
        """Load network, prior and SQL from a built warehouse, in a second or two.

        `vars` is what dbt takes after --vars, as in the build. The file is closed
        again, so a build may go on; load anew after it. Raises WarehouseError if the
        warehouse cannot be read.
        """
        with opened(warehouse) as connection:
            features = connection.table("features.customer_features")
            (self.as_of_date,) = features.aggregate("max(as_of_date)").fetchall()[0]
            self._accepted = last_accepted(
                connection.table("clv.clv_network"), self.as_of_date
            )
            self._prior: Prior
            self._spread: Spread | None
            self._prior, self._spread = (
                (self._accepted.prior, None)
                if self._accepted
                else fit_prior(features, connection.table("features.shop_days"))
            )
            horizons = connection.sql(
                "select distinct horizon_days, is_extrapolated from clv.clv_scores "
                "order by horizon_days"
            ).fetchall()
            columns = {
                table: connection.table(f"{schema}.{table}")
                .project(", ".join(names))
                .limit(0)
                .to_arrow_table()
                for table, (schema, *names) in KNOWN.items()
            }
        self._horizons = [days for days, is_later in horizons if not is_later]
        self._later = [days for days, is_later in horizons if is_later]
        self._schemas = {table: rows.schema for table, rows in columns.items()}
        self._lock = Lock()
        self._memory = _features_of_one(columns, vars)
        # The first forecast takes a quarter of a second, and nobody should wait for it.
        self.score_now(History().with_order(self.as_of_date, Decimal(10), 1, 1))

    @property
    def reads(self) -> FeatureSet:
        """The features that are read."""
        if self._accepted:
            return self._accepted.network.features
        return current_features().without_sequences

    @property
    def accepted(self) -> Accepted | None:
        """The network that forecasts; None if the prior does."""
        return self._accepted

    def history_of(
        self, connection: duckdb.DuckDBPyConnection, customer_key: str
    ) -> History:
        """Read what a warehouse knows of a customer, by an open connection."""
        known = {}
        for table, (schema, *names) in KNOWN.items():
            found = connection.execute(
                f"select {', '.join(names)} from {schema}.{table} "
                "where customer_key = ?",
                [customer_key],
            )
            columns = [name for name, *_ in found.description or ()]
            known[table] = [
                dict(zip(columns, row, strict=True)) for row in found.fetchall()
            ]
        return History(customer_key, **known)

    def score_now(self, history: History, as_of_date: date | None = None) -> pa.Table:
        """Forecast a customer: rows of clv_scores, one per horizon.

        They are those of a build as of that day, by default the day of the customer's
        last purchase or return, or of the last build if that is later. Raises
        ForecastError if the customer has no purchase by then.
        """
        days = [row["activity_date"] for row in history.customer_days]
        day = as_of_date or max([self.as_of_date, *days])
        with self._lock:
            features = self._features(history, day)
        if not len(features):
            raise ForecastError(
                f"Customer {history.customer_key} has no purchase of more than nothing "
                f"by {day}: only who has bought can be forecast."
            )
        (batch,) = features.select(self.reads.columns).to_batches()
        scored = score_batch(
            *(batch, self.reads, self._accepted, self._prior, self._spread),
            *(self._horizons, self._later),
        )
        return pa.Table.from_batches(scored, SCHEMA)

    def _features(self, history: History, day: date) -> pa.Table:
        """Return the customer's row of customer_features; none before a purchase."""
        key = history.customer_key
        self._memory.execute("delete from customer_dates")
        self._memory.execute(
            "insert into customer_dates values (?, ?, true)", [key, day]
        )
        for table in KNOWN:
            self._memory.execute(f"delete from given_{table}")
            rows = [
                dict(row) | {"customer_key": key} for row in getattr(history, table)
            ]
            if rows:
                # Arrow finds no type for 3.000 pieces of a build and 12 of a call.
                given = pa.Table.from_pylist(rows, self._schemas[table])
                self._memory.register("given", given)
                self._memory.execute(f"insert into given_{table} by name from given")
                self._memory.unregister("given")
        return self._memory.sql("execute features").to_arrow_table()


def _features_of_one(
    columns: Mapping[str, pa.Table], vars: str
) -> duckdb.DuckDBPyConnection:
    """A database in memory whose statement `features` gives those of one customer."""
    memory = trusted(duckdb.connect(config={"threads": 1}))
    memory.execute("set TimeZone = 'UTC'")
    memory.execute(
        "create table customer_dates "
        "(customer_key varchar, as_of_date date, is_scoring_date boolean)"
    )
    for table, empty in columns.items():
        memory.register("empty", empty)
        memory.execute(f"create table given_{table} as from empty")
        memory.unregister("empty")
    parts = {name: f"select * from given_{name}" for name in KNOWN}
    parts["customer_days"] = sql_of("with_gaps", "given_customer_days")
    for model in MODELS:
        parts[model] = sql_of_model(ROOT / "models" / "features" / f"{model}.sql", vars)
    texts = ", ".join(f"{name} as ({text}\n)" for name, text in parts.items())
    memory.execute(
        f"prepare features as with {texts} select * from customer_features "
        "where frequency > 0"
    )
    return memory
