"""A rival for sequences: self-attention that looks back, in the style of SASRec.

Kang & McAuley (2018), "Self-attentive sequential recommendation": two blocks of causal
attention over the last 50 items, width 64, the items' vectors shared by both ends.
Instead of one negative for each item it has a softmax over items drawn for the whole
step, or over all where there are few: Klenitskiy & Vasilev (2023), "Turning dross into
gold loss", find that this alone takes SASRec past BERT4Rec. It stops when lists get no
better for the last item but one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.learning.fitting import import_keras
from clv_warehouse.project.arrays import Ints, Singles


@dataclass(frozen=True)
class Attention:
    """Sizes, and how it is trained.

    Attributes:
        length: items that it looks back at.
        negatives: items drawn for a step; all, if there are no more.
        check: steps from one check to the next, or an epoch, if it has more: where
            epochs have few steps, lists get better only slowly.
        patience: how many checks without a gain end it.
        crowded: mean length of a history from which dropout is `dropout_crowded`, as
            the paper has it for dense data.

    """

    length: int = 50
    width: int = 64
    blocks: int = 2
    heads: int = 2
    batch: int = 128
    negatives: int = 2_000
    learning_rate: float = 1e-3
    epochs: int = 1_000
    check: int = 100
    patience: int = 8
    dropout: float = 0.5
    dropout_crowded: float = 0.2
    crowded: int = 50
    seed: int = 1


class Rival:
    """Item n of the tables stands on row n + 1; row 0 pads."""

    def __init__(self, products: int, shape: Attention, dropout: float) -> None:
        """Begin with random weights."""
        import tensorflow as tf

        keras = import_keras()
        keras.utils.set_random_seed(shape.seed)
        self.shape, self.products = shape, products
        small = keras.initializers.TruncatedNormal(stddev=0.02)
        self.items = keras.Variable(small((products + 1, shape.width)))
        items = keras.Input((None,), dtype="int32")
        vectors = keras.Input((None, shape.width))
        place = keras.Input((None,), dtype="int32")
        places = keras.layers.Embedding(
            shape.length, shape.width, embeddings_initializer=small
        )
        found = vectors * np.sqrt(shape.width) + places(place)
        found = keras.layers.Dropout(dropout)(found)
        is_item = keras.ops.not_equal(items, 0)
        normal = keras.layers.LayerNormalization
        for _ in range(shape.blocks):
            asked = normal(epsilon=1e-6)(found)
            looked = keras.layers.MultiHeadAttention(
                shape.heads, shape.width // shape.heads, dropout=dropout
            )(
                asked,
                asked,
                attention_mask=is_item[:, None, :],
                use_causal_mask=True,
            )
            found = found + keras.layers.Dropout(dropout)(looked)
            inner = keras.layers.Dense(shape.width, activation="relu")(
                normal(epsilon=1e-6)(found)
            )
            inner = keras.layers.Dropout(dropout)(inner)
            inner = keras.layers.Dense(shape.width)(inner)
            found = found + keras.layers.Dropout(dropout)(inner)
        self.model = keras.Model([items, vectors, place], normal(epsilon=1e-6)(found))
        self.variables = [self.items, *self.model.trainable_variables]
        self.optimizer = keras.optimizers.Adam(shape.learning_rate, beta_2=0.98)
        self.optimizer.build(self.variables)
        self._step = tf.function(self._learn, reduce_retracing=True, autograph=False)
        self._ask = tf.function(self._last, reduce_retracing=True, autograph=False)

    def learn(
        self,
        inputs: NDArray[np.int32],
        targets: NDArray[np.int32],
        drawn: NDArray[np.int32],
    ) -> float:
        """Take a step, of items (b, l) and those after them, 0 for none."""
        return float(self._step(inputs, targets, drawn))

    def states(self, inputs: NDArray[np.int32]) -> Singles:
        """What is known after the last of some items, shape (b, width)."""
        return np.asarray(self._ask(inputs))

    def _learn(self, inputs: Any, targets: Any, drawn: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            table = tf.convert_to_tensor(self.items)
            states = self._states(inputs, table, training=True)
            told = tf.where(targets > 0)
            states, wanted = tf.gather_nd(states, told), tf.gather_nd(targets, told)
            right = tf.reduce_sum(states * tf.gather(table, wanted), 1, keepdims=True)
            others = tf.matmul(states, tf.gather(table, drawn), transpose_b=True)
            others -= 1e9 * tf.cast(wanted[:, None] == drawn[None], tf.float32)
            # Those drawn stand for all others.
            count = min(self.shape.negatives, self.products - 1)
            logits = tf.concat([right, others + np.log((self.products - 1) / count)], 1)
            loss = tf.reduce_mean(tf.reduce_logsumexp(logits, 1) - right[:, 0])
        gradients = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return loss

    def _last(self, inputs: Any) -> Any:
        import tensorflow as tf

        table = tf.convert_to_tensor(self.items)
        return self._states(inputs, table, training=False)[:, -1]

    def _states(self, inputs: Any, table: Any, training: bool) -> Any:
        import tensorflow as tf

        # The last item always has the last place.
        count = tf.shape(inputs)[1]
        place = tf.range(self.shape.length - count, self.shape.length)
        place = tf.broadcast_to(place[None], tf.shape(inputs))
        return self.model([inputs, tf.gather(table, inputs), place], training=training)


def trained(
    histories: list[Ints],
    products: int,
    shape: Attention,
    judge: Callable[[Callable[[list[Ints]], Singles]], float],
) -> Callable[[list[Ints]], Singles]:
    """Train on histories of items, and return what scores all items after others.

    `judge` says how good such scores are; training ends when they get no better, and
    the best weights are kept.
    """
    mean = float(np.mean([len(each) for each in histories]))
    dropout = shape.dropout_crowded if mean >= shape.crowded else shape.dropout
    rival = Rival(products, shape, dropout)
    draw = np.random.default_rng(shape.seed)
    longer = [each[-shape.length - 1 :] for each in histories if len(each) > 1]

    def scores(asked: list[Ints]) -> Singles:
        found = []
        for start in range(0, len(asked), 256):
            block = [each[-shape.length :] for each in asked[start : start + 256]]
            found.append(rival.states(padded(block, _width(block, shape))))
        table = np.asarray(rival.items)[1:]
        return np.concatenate(found) @ table.T

    best, kept, waited = -1.0, [np.asarray(each) for each in rival.variables], 0
    every = -(-shape.check // -(-len(longer) // shape.batch))
    for epoch in range(shape.epochs):
        losses = []
        for which in _batches(longer, shape.batch, draw):
            block = [longer[place] for place in which]
            inputs = [each[:-1] for each in block]
            targets = [each[1:] for each in block]
            width = _width(inputs, shape)
            if products > shape.negatives:
                drawn = draw.integers(1, products + 1, shape.negatives)
            else:
                drawn = np.arange(1, products + 1)
            losses.append(
                rival.learn(
                    padded(inputs, width),
                    padded(targets, width),
                    drawn.astype(np.int32),
                )
            )
        if (epoch + 1) % every:
            continue
        found = judge(scores)
        print(f"attention, epoch {epoch + 1}, loss {np.mean(losses):.3f}, {found:.4f}")
        if found > best:
            best, waited = found, 0
            kept = [np.asarray(each).copy() for each in rival.variables]
        else:
            waited += 1
        if waited == shape.patience:
            break
    for variable, value in zip(rival.variables, kept, strict=True):
        variable.assign(value)
    return scores


def _batches(histories: list[Ints], size: int, draw: np.random.Generator) -> list[Ints]:
    """Places of histories, those of one length together, in any order."""
    lengths = np.array([len(each) for each in histories])
    # Lengths are blurred, so that batches differ from epoch to epoch.
    order = np.argsort(lengths * draw.uniform(0.8, 1.25, len(lengths)))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[place] for place in draw.permutation(len(batches))]


def _width(block: list[Ints], shape: Attention) -> int:
    """The longest of a block, up to a multiple of ten: few shapes are compiled."""
    longest = max(len(each) for each in block)
    return min(-(-longest // 10) * 10, shape.length)


def padded(block: list[Ints], width: int) -> NDArray[np.int32]:
    """Put items one higher at the end of rows of zeros, shape (b, width)."""
    found = np.zeros((len(block), width), np.int32)
    for row, each in enumerate(block):
        found[row, width - len(each) :] = each[-width:] + 1
    return found
