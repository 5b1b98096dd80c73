"""The encoder: one network that reads what a customer did and serves many tables.

It reads the days of a customer's events up to a date. Each day becomes a vector; how
fresh the days are, by five half-lives, weighs them into one state, from which the
network says which products the customer will buy in the next 28 days, whether they buy
at all, and how much they spend. Decayed sums instead of a recurrent network make it
possible to compute all as-of dates in one pass, and to train it in a minute; on Online
Retail II they rank new products as well as a recurrent network does
(docs/encoder.md).

Keras only trains it (pretraining.py). This module scores with numpy alone.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from scipy.special import erf

from clv_warehouse.encoder.histories import (
    OF_PRODUCTS,
    POOLS,
    Asked,
    Histories,
    Scale,
)
from clv_warehouse.learning.registry import Stored
from clv_warehouse.project.arrays import Singles

# What the heads say: chance of a purchase in so many days, then the spend.
CHANCE_DAYS = (28, 91)
PARTS = (
    "products",
    "offers",
    "offers_bias",
    "day",
    "day_bias",
    "state",
    "state_bias",
    "deeper",
    "deeper_bias",
    "taste",
    "taste_bias",
    "skip",
    "heads",
    "heads_bias",
)


@dataclass(frozen=True)
class Encoder:
    """Weights of a trained encoder.

    Attributes:
        parts: weights by name; shapes are those of `initial`.
        scale: how amounts are read.
        product_ids: ids of the products that it knows, in rising order.
        end: the last day that it knows of, as days since 1970.
        ignored: modalities that it does not read, for they did not help.
        version: its name among the trainings; empty while it has none.

    """

    parts: dict[str, Singles]
    scale: Scale
    product_ids: pa.Array
    end: int
    ignored: tuple[str, ...] = ()
    version: str = ""

    def read(self, histories: Histories) -> Histories:
        """Return of customers' days what it reads."""
        return histories.of_products(self.product_ids).without(self.ignored)

    def states(self, asked: Asked) -> tuple[Singles, Singles, Singles]:
        """Return states (q, width), tastes (q, size) and outputs of heads (q, 3)."""
        parts = self.parts
        queries = len(asked.known)
        bought = asked.bought @ parts["products"]
        viewed = asked.viewed @ parts["products"]
        days = gelu(
            np.hstack([asked.days, bought, viewed]) @ parts["day"] + parts["day_bias"]
        )
        pooled = (asked.pools @ days).reshape(len(POOLS), queries, -1)
        tastes = np.vstack([asked.tastes @ bought, asked.looks @ viewed])
        tastes = tastes.reshape(OF_PRODUCTS, queries, -1)
        read = np.hstack([*pooled, *tastes, asked.known])
        states = gelu(read @ parts["state"] + parts["state_bias"])
        for weights, bias in zip(parts["deeper"], parts["deeper_bias"], strict=True):
            states = states + gelu(states @ weights + bias)
        taste = states @ parts["taste"] + parts["taste_bias"]
        taste = taste + np.matmul(tastes, parts["skip"]).sum(0)
        return states, taste, states @ parts["heads"] + parts["heads_bias"]

    def going_on(self, known: Histories) -> dict[str, Singles]:
        """Return the weights for other products, to train on from.

        A product that it does not know begins where those lie that its buyers bought.
        """
        place = pc.index_in(known.product_ids, self.product_ids)
        place = place.fill_null(-1).to_numpy(zero_copy_only=False)
        is_known = place >= 0
        parts = dict(self.parts)
        for name in ("products", "offers", "offers_bias"):
            own = self.parts[name]
            parts[name] = np.zeros((len(place), *own.shape[1:]), np.float32)
            parts[name][is_known] = own[place[is_known]]
        others = sp.csr_matrix(known.bought[:, ~is_known].T)
        together = sp.csr_matrix(others @ known.bought[:, is_known])
        total = np.maximum(np.asarray(together.sum(1)).reshape(-1, 1), 1)
        for name in ("products", "offers"):
            borrowed = together @ parts[name][is_known] / total
            parts[name][~is_known] = borrowed
        return parts


def to_bytes(encoders: Sequence[Encoder], heads: str = "") -> bytes:
    """Return some encoders as an npz archive, and heads that read them."""
    file = io.BytesIO()
    told = []
    arrays: dict[str, Any] = {}
    for number, encoder in enumerate(encoders):
        told.append(
            {
                "end": encoder.end,
                "scale": [encoder.scale.mean, encoder.scale.spread],
                "product_ids": encoder.product_ids.to_pylist(),
                "ignored": list(encoder.ignored),
            }
        )
        # Half the digits say as much and take half the room.
        for part, each in encoder.parts.items():
            arrays[f"{number}.{part}"] = each.astype(np.float16)
    arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    arrays["heads"] = np.frombuffer(heads.encode(), np.uint8)
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def from_stored(stored: Stored) -> list[Encoder]:
    """Read them; raises ValueError or KeyError if they cannot be read."""
    with np.load(io.BytesIO(stored.weights)) as found:
        told = json.loads(found["told"].tobytes())
        encoders = [
            Encoder(
                {part: found[f"{number}.{part}"].astype(np.float32) for part in PARTS},
                Scale(*about["scale"]),
                pa.array(about["product_ids"], pa.string()),
                about["end"],
                tuple(about["ignored"]),
                stored.version,
            )
            for number, about in enumerate(told)
        ]
    for encoder in encoders:
        shape = encoder.parts["skip"].shape
        size = encoder.parts["products"].shape[1]
        if shape != (OF_PRODUCTS, size, size):
            raise ValueError(f"it was trained to read products otherwise, by {shape}")
    return encoders


def heads_from_stored(stored: Stored) -> str:
    """Read the heads; empty if there are none."""
    with np.load(io.BytesIO(stored.weights)) as found:
        return found["heads"].tobytes().decode() if "heads" in found else ""


def gelu(values: Singles) -> Singles:
    """Hendrycks & Gimpel (2016): the value times the chance that a normal is below."""
    return (values * (1 + erf(values / np.float32(np.sqrt(2)))) / 2).astype(np.float32)
