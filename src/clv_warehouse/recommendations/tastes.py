"""Vectors of customers and products: the closer two are, the likelier a purchase."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.popularity import NOBODY
from clv_warehouse.project.arrays import Bools, Singles
from clv_warehouse.project.days import date_of
from clv_warehouse.recommendations.purchases import Purchases

COLUMNS = "customer_key, as_of_date, knows_until, taste, chance_28d"


@dataclass(frozen=True)
class Tastes:
    """How the encoder says that customers differ in what they like, as of a day.

    What all like alike is left out, and so is the encoder's bias of each product: what
    sells is known better from the last days than from an encoder's weights, which in
    four trials of 28 days on Online Retail II made lists of new products worse (recall
    + .001 with it, + .007 without).

    Attributes:
        customers: shape (customers, size); zeros of a customer without a vector.
        products: shape (products, size); zeros of a product without one.
        is_known: whether a product has a vector, shape (products,).

    """

    customers: Singles
    products: Singles
    is_known: Bools

    @classmethod
    def as_of(
        cls, customers: pa.Table, products: pa.Table, purchases: Purchases, day: int
    ) -> Self | None:
        """Read the rows of customer_vectors of a day, and the encoder's products.

        `day` is days since 1970. None if there are none of either. Raises ValueError if
        the encoder knew of later days: what learns from it would see the future.
        """
        as_of_date = date_of(day)
        rows = customers.filter(
            pc.equal(customers["as_of_date"], pa.scalar(as_of_date, pa.date32()))
        )
        if not rows.num_rows:
            return None
        knows_until = pc.max(rows["knows_until"]).as_py()
        if knows_until > as_of_date:
            raise ValueError(
                f"customer_vectors as of {as_of_date} are of an encoder that knows all "
                f"until {knows_until}: build customer_vectors again"
            )
        of_encoder = pa.scalar(knows_until, pa.date32())
        known = products.filter(pc.equal(products["knows_until"], of_encoder))
        place = pc.index_in(purchases.product_ids, known["product_id"].combine_chunks())
        place = place.fill_null(-1).to_numpy(zero_copy_only=False)
        is_known = place >= 0
        if not is_known.any():
            return None
        vectors = _rows(known["vector"])[np.where(is_known, place, 0)]
        vectors[~is_known] = 0
        return cls(_by_customer(rows, purchases, vectors.shape[1]), vectors, is_known)

    @classmethod
    def read(
        cls, customers: Relation, products: Relation, purchases: Purchases, day: int
    ) -> Self | None:
        """Read them from the tables."""
        as_of_date = date_of(day)
        rows = customers.filter(f"as_of_date = date '{as_of_date}'").project(COLUMNS)
        return cls.as_of(
            rows.to_arrow_table(), products.to_arrow_table(), purchases, day
        )

    def log_chances(self, customers: Singles, popularity: Singles) -> Singles:
        """Return how likely products are next, (c, products), given tastes (c, size).

        What has no vector is as likely as its popularity says.
        """
        found = customers @ self.products.T
        popular = popularity + NOBODY
        known = self.is_known
        total = np.exp(found[:, known]) @ popular[known] / popular[known].sum()
        found[:, ~known] = np.log(total)[:, None]
        found += np.log(popular)
        found -= found.max(1, keepdims=True)
        found -= np.log(np.exp(found).sum(1, keepdims=True))
        return found


def _by_customer(rows: pa.Table, purchases: Purchases, size: int) -> Singles:
    """Put tastes into the places of the customers, less what all have in common.

    Those count for that who are likely to buy soon.
    """
    keys = rows["customer_key"].combine_chunks().cast(pa.string())
    place = pc.index_in(keys, purchases.customer_keys).fill_null(-1)
    places = place.to_numpy(zero_copy_only=False)
    tastes, chances = _rows(rows["taste"]), rows["chance_28d"].to_numpy()
    tastes = tastes - (chances @ tastes / max(chances.sum(), 1e-9)).astype(np.float32)
    found = np.zeros((purchases.shape[0], size), np.float32)
    found[places[places >= 0]] = tastes[places >= 0]
    return found


def _rows(lists: pa.ChunkedArray) -> Singles:
    """Turn lists of one length into rows."""
    flat = lists.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float32).reshape(len(lists), -1)
