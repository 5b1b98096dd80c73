"""Who bought what when, as arrays, and what of it was known on a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.sampling import is_sampled
from clv_warehouse.project.arrays import Bools, Ints, Singles

# A day after all others: that of a return that never came.
NEVER = np.iinfo(np.int32).max
# A sample of customers with so many purchases teaches as much as all.
MOST_ROWS = 5_000_000
COLUMNS = "customer_key, product_id, purchase_date, returned_date"
VIEWS = (
    "customer_key, product_id, view_date as purchase_date, "
    "cast(null as date) as returned_date"
)
# What somebody looked at says half as much of them as what they bought, and what they
# like fades by half in so many days. In two made-up shops all from .5 to 1 and from 360
# to 5,000 days do alike.
OF_A_VIEW, LIKING_FADES = 0.5, 720
# Whoever looked at a product and did not buy it has it in mind for weeks.
LOOK_FADES = 14


@dataclass(frozen=True)
class Purchases:
    """Purchases in order of customer, product and day, which may not repeat.

    Attributes:
        customer: place of the customer in `customer_keys`, shape (n,).
        product: place of the product in `product_ids`, shape (n,).
        day: the day, as days since 1970, shape (n,).
        returned: the day on which all of it had come back, or NEVER, shape (n,).
        customer_keys: keys in rising order.
        product_ids: ids in rising order.
        views: days on which they looked at products, in the same shape; None if that
            is not read.

    """

    customer: Ints
    product: Ints
    day: Ints
    returned: Ints
    customer_keys: pa.Array
    product_ids: pa.Array
    views: "Purchases | None" = None

    @classmethod
    def read(cls, rows: Relation, customers: Relation, ids: pa.Array) -> Self:
        """Read rows of product_purchases, batch by batch, without keeping the keys.

        `customers` and `ids`, of products in rising order, name all that there are.
        Purchases of others do not count.
        """
        keys = _sorted(customers, "customer_key")
        batches = rows.project(COLUMNS).to_arrow_reader()
        return cls._joined([_code(batch, keys, ids) for batch in batches], keys, ids)

    @classmethod
    def of(
        cls,
        customer: Ints,
        product: Ints,
        day: Ints,
        customer_keys: pa.Array,
        product_ids: pa.Array,
        returned: Ints | None = None,
    ) -> Self:
        """Put rows in order."""
        if returned is None:
            returned = np.full(len(day), NEVER, np.int32)
        order = np.lexsort((day, product, customer))
        return cls(
            customer[order],
            product[order],
            day[order],
            returned[order],
            customer_keys,
            product_ids,
        )

    @classmethod
    def from_arrow(cls, purchases: pa.Table, products: pa.Table) -> Self:
        """Read rows of product_purchases in memory, of the customers who have any."""
        ids = products["product_id"].combine_chunks().cast(pa.string())
        keys = purchases["customer_key"].combine_chunks().cast(pa.string())
        keys = keys.unique().sort()
        coded = [_code(batch, keys, ids) for batch in purchases.to_batches()]
        return cls._joined(coded, keys, ids)

    @classmethod
    def _joined(
        cls, parts: Sequence[tuple[Ints, ...]], keys: pa.Array, ids: pa.Array
    ) -> Self:
        empty = (np.zeros(0, np.int32),) * 4
        columns = zip(empty, *parts, strict=True)
        customer, product, day, returned = map(np.concatenate, columns)
        return cls.of(customer, product, day, keys, ids, returned)

    @property
    def shape(self) -> tuple[int, int]:
        """How many customers and products there are."""
        return len(self.customer_keys), len(self.product_ids)

    def until(self, day: int) -> Self:
        """Return what was known at the end of a day: later returns were not."""
        found = self._where((self.day <= day) & (self.returned > day))
        if self.views is None:
            return found
        return replace(found, views=self.views.until(day))

    def with_views(self, batches: Iterable[pa.RecordBatch]) -> Self:
        """Return the same with VIEWS of product_views of these customers, if any."""
        keys, ids = self.customer_keys, self.product_ids
        coded = [_code(each, keys, ids) for each in batches]
        views = Purchases._joined(coded, keys, ids)
        return replace(self, views=views if len(views.day) else None)

    def within(self, after: int, until: int) -> Self:
        """Return purchases after one day and up to another."""
        return self._where((self.day > after) & (self.day <= until))

    def of_customers(self, wanted: Bools) -> Self:
        """Return the purchases of some customers; all keep their places."""
        return self._where(wanted[self.customer])

    @cached_property
    def bought(self) -> sp.csr_matrix:
        """1 where a customer bought a product, shape (customers, products)."""
        found = self.summed(np.ones(len(self.day), np.float32))
        found.data[:] = 1
        return found

    @cached_property
    def touched(self) -> sp.csr_matrix:
        """1 where a customer bought a product or looked at it."""
        if self.views is None:
            return self.bought
        found = sp.csr_matrix(self.bought + self.views.bought)
        found.data[:] = 1
        return found

    def liking(self, day: int) -> sp.csr_matrix:
        """Say how much customers like what they bought or looked at, from 0 to 1."""
        found = self.summed(_fresh(day - self.day, LIKING_FADES))
        if self.views is not None:
            looked = self.views.summed(_fresh(day - self.views.day, LIKING_FADES))
            found = sp.csr_matrix(found + np.float32(OF_A_VIEW) * looked)
        np.minimum(found.data, 1, out=found.data)
        return found

    def looked(self, day: int) -> sp.csr_matrix:
        """Say how lately customers looked at products; 0 where nobody is watched."""
        if self.views is None:
            return sp.csr_matrix(self.shape, dtype=np.float32)
        return self.views.summed(_fresh(day - self.views.day, LOOK_FADES))

    @cached_property
    def days(self) -> sp.csr_matrix:
        """On how many days a customer bought a product."""
        return self.summed(np.ones(len(self.day), np.float32))

    def summed(self, values: Singles) -> sp.csr_matrix:
        """Add up a value of each purchase by customer and product.

        Cells are in order, and there is one for each pair, be it 0 or not.
        """
        places = self.pairs
        totals = np.add.reduceat(values, places) if len(places) else values
        rows = self.customer[places] if len(places) else self.customer
        columns = self.product[places] if len(places) else self.product
        ends = np.searchsorted(rows, np.arange(self.shape[0] + 1))
        return sp.csr_matrix(
            (totals.astype(np.float32), columns.astype(np.int32), ends), self.shape
        )

    @cached_property
    def pairs(self) -> Ints:
        """Where the purchases of each pair of customer and product begin."""
        if not len(self.day):
            return np.zeros(0, np.int64)
        new = (np.diff(self.customer) != 0) | (np.diff(self.product) != 0)
        return np.flatnonzero(np.r_[True, new])

    def _where(self, kept: Bools) -> Self:
        columns = (self.customer, self.product, self.day, self.returned)
        customer, product, day, returned = (each[kept] for each in columns)
        return replace(
            self, customer=customer, product=product, day=day, returned=returned
        )


def _fresh(age: Ints, half_life: int) -> Singles:
    return np.exp2(-age / np.float32(half_life)).astype(np.float32)


def _sorted(rows: Relation, column: str) -> pa.Array:
    found = rows.project(column).to_arrow_table()[column].combine_chunks()
    return found.cast(pa.string()).sort()


def sample(purchases: Relation) -> Relation:
    """Return the purchases of enough customers to learn from, always the same ones.

    Keys of customers are random, so those below a bound are a sample.
    """
    (rows,) = purchases.aggregate("count(*)").fetchall()[0]
    return purchases.project(COLUMNS).filter(is_sampled(MOST_ROWS / max(rows, 1)))


def sample_of_views(views: Relation, purchases: Relation) -> Relation:
    """Return what the customers of that sample looked at."""
    (rows,) = purchases.aggregate("count(*)").fetchall()[0]
    return views.project(VIEWS).filter(is_sampled(MOST_ROWS / max(rows, 1)))


def _code(
    batch: pa.RecordBatch, customers: pa.Array, products: pa.Array
) -> tuple[Ints, ...]:
    """Customer, product, day and day of return of rows of product_purchases."""
    customer = pc.index_in(batch["customer_key"].cast(pa.string()), customers)
    product = pc.index_in(batch["product_id"].cast(pa.string()), products)
    known = pc.and_(customer.is_valid(), product.is_valid())
    returned = batch["returned_date"].cast(pa.int32()).fill_null(NEVER)
    day = batch["purchase_date"].cast(pa.int32())
    return tuple(
        each.filter(known).to_numpy(zero_copy_only=False)
        for each in (customer, product, day, returned)
    )
