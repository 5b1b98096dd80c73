"""Trains an encoder on customers' own futures with Keras, in a process of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from clv_warehouse.encoder.histories import (
    AMOUNT,
    OF_PRODUCTS,
    POOLS,
    PURCHASE,
    SPAN,
    Asked,
    Histories,
    Scale,
    ask,
    modalities_of,
)
from clv_warehouse.encoder.network import CHANCE_DAYS, Encoder
from clv_warehouse.learning.fitting import import_keras, seeded_keras, sparse_times
from clv_warehouse.learning.popularity import NOBODY
from clv_warehouse.project.arrays import Ints, Singles

# Products that a customer bought in a window are cut to so many, drawn.
MOST_TARGETS = 60
# A product that was bought on fewer days is not learned, and of others the most bought.
FEWEST_DAYS, MOST_PRODUCTS = 5, 20_000
# A shop's first so many days teach nothing of habits.
FIRST_DAYS = 60
# How much of each pool of products counts as a taste before anything is learned.
STRAIGHT = np.array([1, 1, 0, 0.2, 0.2, 0, 0.5, 0], np.float32)
# The share of steps in which one modality is left out.
LEFT_OUT = 0.3


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder and how it is trained; the first six are var encoder's.

    Attributes:
        size: length of the vectors of products and of tastes.
        width: length of the vectors of days and of states.
        depth: layers from what is read of a customer to their state.
        epochs: how often each customer is drawn, at most.
        steps: steps of training at most, however large the shop: 1,500 take half a
            minute with 5,000 products.
        seed: seed of the weights and of all draws.
        window: days in which products are bought that it learns to say.
        customers: customers of a step.
        dates: past dates as of which each of them is drawn in an epoch.
        step_days: days from one such date to the one before.
        is_timeless: days say nothing but what came first: products sell alike on all,
            the first ones teach as the others do, rare products are learned too, and
            what came before a product teaches as what came after it.

    """

    size: int = 48
    width: int = 96
    depth: int = 1
    epochs: int = 8
    steps: int = 1_500
    seed: int = 1
    window: int = 28
    customers: int = 64
    dates: int = 6
    step_days: int = 14
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    dropout: float = 0.3
    is_timeless: bool = False

    def going_on(self) -> "Shape":
        """Return how an encoder is trained on when its last day moves on."""
        return replace(
            self, epochs=max(self.epochs // 4, 1), learning_rate=self.learning_rate / 3
        )


def train(
    histories: Histories,
    end: int,
    shape: Shape,
    first: Encoder | None = None,
    after_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Encoder:
    """Train an encoder on what happened up to a day; nothing later reaches it.

    `first` is an encoder to go on from. `after_epoch` gets the epoch's number and loss.
    """
    seeded_keras(shape.seed)
    draw = np.random.default_rng(shape.seed)
    known = histories.until(end)
    days = known.bought.getnnz(0)
    kept = np.argsort(-days, kind="stable")[:MOST_PRODUCTS]
    kept = np.sort(kept[days[kept] >= (1 if shape.is_timeless else FEWEST_DAYS)])
    known = known.of_products(known.product_ids.take(pa.array(kept)))
    if shape.is_timeless:
        known = known.both_ways()
    scale = first.scale if first else Scale.of(known)
    grid = dates_of(known, end, shape)
    if shape.is_timeless:
        popular = popularity(known, np.full(len(grid), end), SPAN)
    else:
        popular = popularity(known, grid, shape.window)
    steps = max(-(-len(known.begun_by(grid[-1])) // shape.customers), 1)
    epochs = max(min(shape.epochs, shape.steps // steps), 1)
    network = Network(
        first.going_on(known) if first else initial(known, end, shape, draw),
        popular,
        shape,
        epochs * steps,
    )
    # In some steps a modality is left out, so that the encoder can do without it.
    read = [known, *(known.without([each]) for each in modalities_of(known))]
    chances = np.full(len(read), LEFT_OUT / max(len(read) - 1, 1))
    chances[0] = 1 - chances[1:].sum()
    reading = draw.choice(len(read), (epochs, steps), p=chances).tolist()
    for epoch in range(epochs):
        losses: list[float] = []
        for customer, which in drawn(known, grid, shape, draw):
            asked = ask(
                read[reading[epoch][len(losses)]],
                customer,
                grid[which],
                scale,
            )
            future = futures(known, customer, grid[which], end, shape, scale, draw)
            losses.append(network.learn(asked, future, which))
        after_epoch(epoch + 1, float(np.mean(losses)))
    return Encoder(network.weights, scale, known.product_ids, end)


class Network:
    """The encoder in TensorFlow, which can learn; network.py computes the same."""

    def __init__(
        self, start: dict[str, Singles], popular: Singles, shape: Shape, steps: int
    ) -> None:
        """Begin with some weights; `steps` says for how long it will learn."""
        import tensorflow as tf

        keras = import_keras()
        self.shape, self.popular = shape, tf.constant(popular)
        self.parts = {name: keras.Variable(each) for name, each in start.items()}
        self.variables = [each for each in self.parts.values() if each.shape[0]]
        self.optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(shape.learning_rate, steps),
            weight_decay=shape.weight_decay,
            global_clipnorm=5.0,
        )
        self.optimizer.build(self.variables)
        self._step = tf.function(self._learn, reduce_retracing=True, autograph=False)

    @property
    def weights(self) -> dict[str, Singles]:
        """The weights by name."""
        return {name: np.asarray(each) for name, each in self.parts.items()}

    def learn(self, asked: Asked, future: "Futures", which: Ints) -> float:
        """Take a step, of queries as of the dates at some places; return the loss."""
        return float(
            self._step(
                asked.days,
                *map(sparse, (asked.bought, asked.viewed, asked.pools)),
                *map(sparse, (asked.tastes, asked.looks)),
                asked.known,
                future.buyers.astype(np.int32),
                which[future.buyers].astype(np.int32),
                future.product,
                future.weight,
                future.happened,
                future.spend,
                future.told,
            )
        )

    def _read(
        self,
        days: Any,
        bought: Any,
        viewed: Any,
        pools: Any,
        tastes: Any,
        looks: Any,
        known: Any,
    ) -> tuple[Any, Any]:
        """Return tastes (q, size) and outputs of heads (q, 3), with dropout."""
        import tensorflow as tf

        parts, shape = self.parts, self.shape
        times = sparse_times
        products = parts["products"]
        bought = tf.nn.dropout(times(bought, products), shape.dropout)
        viewed = times(viewed, products)
        days = tf.concat([days, bought, viewed], 1)
        days = tf.nn.gelu(days @ parts["day"] + parts["day_bias"])
        queries = tf.shape(known)[0]
        pooled = tf.reshape(times(pools, days), (len(POOLS), queries, shape.width))
        taste = tf.concat([times(tastes, bought), times(looks, viewed)], 0)
        taste = tf.reshape(taste, (OF_PRODUCTS, queries, shape.size))
        read = tf.concat([*tf.unstack(pooled), *tf.unstack(taste), known], 1)
        read = tf.nn.dropout(read, shape.dropout)
        state = tf.nn.gelu(read @ parts["state"] + parts["state_bias"])
        for layer in range(shape.depth - 1):
            more = state @ parts["deeper"][layer] + parts["deeper_bias"][layer]
            state += tf.nn.gelu(more)
        found = state @ parts["taste"] + parts["taste_bias"]
        found += tf.reduce_sum(tf.matmul(taste, parts["skip"]), 0)
        return found, state @ parts["heads"] + parts["heads_bias"]

    def _learn(self, *given: Any) -> Any:
        import tensorflow as tf

        *asked, buyers, when, product, weight, happened, spend, told = given
        with tf.GradientTape() as tape:
            taste, heads = self._read(*asked)
            logits = tf.matmul(
                tf.gather(taste, buyers), self.parts["offers"], transpose_b=True
            )
            logits += self.parts["offers_bias"] + tf.gather(self.popular, when)
            likely = tf.gather(tf.reshape(tf.nn.log_softmax(logits), [-1]), product)
            count = tf.maximum(tf.cast(tf.size(buyers), tf.float32), 1.0)
            of_products = -tf.reduce_sum(weight * likely) / count
            chances = tf.nn.sigmoid_cross_entropy_with_logits(happened, heads[:, :2])
            of_chances = _mean(chances[:, 0], told[:, 0]) + _mean(
                chances[:, 1], told[:, 1]
            )
            of_spend = _mean(
                tf.square(spend - heads[:, 2]) / 2, told[:, 1] * happened[:, 1]
            )
            loss = of_products + 2 * of_chances + of_spend
        gradients = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return loss


def _mean(values: Any, counted: Any) -> Any:
    """The mean of the values that count, by 1 or 0; 0 if none does."""
    import tensorflow as tf

    return tf.reduce_sum(values * counted) / tf.maximum(tf.reduce_sum(counted), 1.0)


def sparse(matrix: sp.csr_matrix) -> Any:
    """Turn a matrix of scipy into TensorFlow's."""
    import tensorflow as tf

    found = matrix.tocoo()
    places = np.column_stack([found.row, found.col]).astype(np.int64)
    return tf.SparseTensor(places, found.data.astype(np.float32), matrix.shape)


def dates_of(known: Histories, end: int, shape: Shape) -> Ints:
    """Return the dates as of which it learns, in their order."""
    first = int(known.day.min()) + (-1 if shape.is_timeless else FIRST_DAYS)
    return np.arange(end - shape.window, first, -shape.step_days)[::-1]


def initial(
    known: Histories, end: int, shape: Shape, draw: np.random.Generator
) -> dict[str, Singles]:
    """Weights to begin with: products by a truncated SVD of who bought what."""
    from sklearn.utils.extmath import randomized_svd

    products = len(known.product_ids)
    nobody = ask(known, np.zeros(1, np.int64), np.array([end]), Scale(0.0, 1.0))
    age = (end - known.day).astype(np.float32)
    weighted = sp.diags_array(np.exp2(-age / 365)) @ known.bought
    members = sp.csr_matrix(
        (np.ones(len(age), np.float32), (known.customer, np.arange(len(age)))),
        (len(known.start) - 1, len(age)),
    )
    bought = sp.csr_matrix(members @ weighted)
    bought.data = np.minimum(bought.data, 1)
    by_customer = np.maximum(np.asarray(bought.sum(1)).ravel(), 1e-3) ** -0.5
    by_product = np.maximum(np.asarray(bought.sum(0)).ravel(), 0.1) ** -0.5
    normal = sp.diags_array(by_customer) @ bought @ sp.diags_array(by_product)
    rank = min(shape.size + 1, min(normal.shape) - 1)
    _, values, vectors = randomized_svd(
        sp.csr_matrix(normal), rank, n_iter=3, random_state=shape.seed
    )
    found = np.zeros((products, shape.size), np.float32)
    used = vectors[1:].T * np.sqrt(values[1:] / max(values[1], 1e-9))
    length = np.linalg.norm(used, axis=1, keepdims=True)
    used = used / np.maximum(length, np.median(length))
    found[:, : used.shape[1]] = used

    def dense(rows: int, columns: int) -> Singles:
        limit = np.sqrt(6 / (rows + columns))
        return draw.uniform(-limit, limit, (rows, columns)).astype(np.float32)

    liked = OF_PRODUCTS * shape.size
    read = len(POOLS) * shape.width + liked + nobody.known.shape[1]
    deeper = [dense(shape.width, shape.width) / 4 for _ in range(shape.depth - 1)]

    def zeros(count: int) -> Singles:
        return np.zeros(count, np.float32)

    return {
        "products": found * np.float32(1.5),
        "offers": found * np.float32(2),
        "offers_bias": zeros(products),
        "day": dense(nobody.days.shape[1] + 2 * shape.size, shape.width),
        "day_bias": zeros(shape.width),
        "state": dense(read, shape.width),
        "state_bias": zeros(shape.width),
        "deeper": np.array(deeper, np.float32).reshape(-1, shape.width, shape.width),
        "deeper_bias": np.zeros((shape.depth - 1, shape.width), np.float32),
        "taste": dense(shape.width, shape.size) / 4,
        "taste_bias": zeros(shape.size),
        "skip": np.multiply.outer(STRAIGHT, np.eye(shape.size, dtype=np.float32)),
        "heads": dense(shape.width, 3),
        "heads_bias": zeros(3),
    }


def popularity(known: Histories, days: Ints, window: int) -> Singles:
    """Logarithm of products' shares of what was bought before days, (d, products)."""
    found = np.zeros((len(days), len(known.product_ids)), np.float32)
    for row, day in enumerate(days):
        recent = (known.day <= day) & (known.day > day - window)
        found[row] = np.asarray(known.bought[recent].sum(0)).ravel()
    total = found.sum(1, keepdims=True) + NOBODY * found.shape[1]
    return np.log((found + NOBODY) / total).astype(np.float32)


def drawn(
    known: Histories, grid: Ints, shape: Shape, draw: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """Customers and places of dates in the grid, of whom something was known then."""
    everyone = draw.permutation(known.begun_by(grid[-1]))
    for at in range(0, len(everyone), shape.customers):
        chosen = np.sort(everyone[at : at + shape.customers])
        dates = draw.choice(len(grid), min(shape.dates, len(grid)), replace=False)
        customer = np.repeat(chosen, len(dates))
        which = np.tile(np.sort(dates), len(chosen))
        is_known = known.day[known.start[customer]] <= grid[which]
        if is_known.any():
            yield customer[is_known], which[is_known]


@dataclass(frozen=True)
class Futures:
    """What customers did after days: what the network learns to say.

    Attributes:
        buyers: places of those who bought products in the window, shape (b,).
        product: flat places of what they bought among (b, products), shape (p,).
        weight: of each, one over the count of the buyer's products, shape (p,).
        happened: whether they bought in each horizon, shape (q, 2).
        spend: scaled logarithm of what they spent in the longer one, shape (q,).
        told: whether the horizon is over, shape (q, 2).

    """

    buyers: Ints
    product: Ints
    weight: Singles
    happened: Singles
    spend: Singles
    told: Singles


def futures(
    known: Histories,
    customer: Ints,
    day: Ints,
    end: int,
    shape: Shape,
    scale: Scale,
    draw: np.random.Generator,
) -> Futures:
    """Read what happened after the days, none later than `end`."""
    start = np.searchsorted(known.place, customer * SPAN + day, side="right")
    ends = [
        np.searchsorted(known.place, customer * SPAN + day + days, side="right")
        for days in CHANCE_DAYS
    ]
    is_purchase = np.r_[0, np.cumsum(known.numbers[:, PURCHASE] > 0)]
    amounts = np.r_[0, np.cumsum(known.numbers[:, AMOUNT], dtype=np.float64)]
    happened = np.column_stack(
        [is_purchase[end_] > is_purchase[start] for end_ in ends]
    )
    spend = np.log1p(np.maximum(amounts[ends[1]] - amounts[start], 0))
    told = np.column_stack([day + days <= end for days in CHANCE_DAYS])
    within = customer * SPAN + day + shape.window
    within = np.searchsorted(known.place, within, side="right")
    first, last = known.bought.indptr[start], known.bought.indptr[within]
    buyers = np.flatnonzero(last > first)
    products, weights = [], []
    for row, query in enumerate(buyers):
        bought = known.bought.indices[first[query] : last[query]]
        if len(bought) > MOST_TARGETS:
            bought = draw.choice(bought, MOST_TARGETS, replace=False)
        products.append(row * len(known.product_ids) + bought.astype(np.int64))
        weights.append(np.full(len(bought), 1 / len(bought), np.float32))
    return Futures(
        buyers,
        np.concatenate([np.zeros(0, np.int64), *products]),
        np.concatenate([np.zeros(0, np.float32), *weights]),
        happened.astype(np.float32),
        np.clip((spend - scale.mean) / scale.spread, -6, 6).astype(np.float32),
        told.astype(np.float32),
    )


def bought_within(
    histories: Histories, customer: Ints, day: int, window: int
) -> sp.csr_matrix:
    """1 where a customer bought a product in the days after one, (c, products)."""
    later = (histories.day > day) & (histories.day <= day + window)
    members = sp.csr_matrix(
        (
            np.ones(int(later.sum()), np.float32),
            (histories.customer[later], np.flatnonzero(later)),
        ),
        (len(histories.start) - 1, len(histories.day)),
    )
    found = sp.csr_matrix(members[customer] @ histories.bought)
    found.data[:] = 1
    return found
