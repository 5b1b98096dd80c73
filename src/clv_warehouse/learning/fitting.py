"""Builds and fits Keras models.

Keras is imported when it is first needed, because importing TensorFlow takes seconds
and much memory, and a run that only scores does not need it.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.learning.encoders import ENCODED
from clv_warehouse.project.arrays import Singles

STEPS_PER_EXECUTION = 16
# With fewer steps than this a model learns nothing, however few the rows.
STEPS_PER_EPOCH = 32
# How many rows a model gets at a time when it only predicts.
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Examples:
    """What a model learns from: inputs, shape (n, F), and targets, shape (n, T)."""

    inputs: Singles
    targets: Singles

    def __len__(self) -> int:
        return len(self.inputs)

    def where(self, chosen: NDArray) -> "Examples":
        """Choose the examples at some places, or where `chosen` is true."""
        return Examples(self.inputs[chosen], self.targets[chosen])


def fit(
    model: Any,
    examples: Examples,
    batch_rows: int,
    epochs: int,
    seed: int,
    after_epoch: Callable[[int, float], None],
) -> None:
    """Train `model` for some epochs; `after_epoch` gets the epoch's number and loss."""
    keras = import_keras()
    steps = max(len(examples) // batch_rows, STEPS_PER_EPOCH)
    steps = -(-steps // STEPS_PER_EXECUTION) * STEPS_PER_EXECUTION
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after_epoch(epoch + 1, logs["loss"])
    )
    model.fit(
        batches(examples, steps, epochs, seed),
        steps_per_epoch=steps,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )


def batches(examples: Examples, steps: int, epochs: int, seed: int) -> Any:
    """Return a tf.data dataset of whole batches, in another order each epoch.

    TensorFlow gathers batches by row number. So no row passes through Python or is
    copied one by one, which makes fitting on arrays slow. The number of rows is not
    part of the batches' type, so other rows are no reason to trace the model anew.
    """
    import tensorflow as tf

    shuffle = np.random.default_rng(seed)
    rows = min(len(examples), -(-len(examples) // steps))
    order = np.concatenate(
        [
            np.resize(shuffle.permutation(len(examples)), steps * rows)
            for _ in range(epochs)
        ]
    )
    places = tf.constant(order.astype(np.int32))
    inputs, targets = tf.constant(examples.inputs), tf.constant(examples.targets)

    def gathered(start: Any) -> Any:
        batch = places[start : start + rows]
        return tf.gather(inputs, batch), tf.gather(targets, batch)

    return tf.data.Dataset.range(0, len(order), rows).map(gathered).prefetch(4)


def outputs_of(model: Any, examples: Examples) -> Singles:
    """Compute the model's outputs without dropout, one row per example."""
    inputs = examples.inputs
    chunks = [
        np.asarray(model(inputs[start : start + CHUNK_ROWS], training=False))
        for start in range(0, len(inputs), CHUNK_ROWS)
    ]
    return np.concatenate(chunks)


def add_dense_layers(
    hidden: Any, units: Sequence[int], l2: float, dropout: float
) -> Any:
    """Put dense layers of so many units on top of each other, with ReLU."""
    keras = import_keras()
    for width in units:
        hidden = keras.layers.Dense(
            width,
            activation="relu",
            kernel_initializer="he_normal",
            kernel_regularizer=keras.regularizers.L2(l2),
        )(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout)(hidden)
    return hidden


def compile_model(model: Any, loss: Callable[..., Any], learning_rate: float) -> None:
    """Make a Keras model ready for `fit`."""
    keras = import_keras()
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, clipnorm=1.0),
        loss=loss,
        steps_per_execution=STEPS_PER_EXECUTION,
        jit_compile=False,
    )


def restart(model: Any, first: Any) -> None:
    """Reset a compiled model to the weights of `first`, as if it was never fitted.

    TensorFlow traces a model when it is first fitted. That takes more than a CPU
    second, as long as two epochs over 400,000 rows; so fit one model many times.
    """
    for layer, start in zip(model.layers, first.layers, strict=True):
        for variable, value in zip(layer.variables, start.variables, strict=True):
            variable.assign(value)
    optimizer = model.optimizer
    learning_rate = float(optimizer.learning_rate)
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    optimizer.learning_rate = learning_rate


def cnn_encoder(steps: Any) -> Any:
    """Convolve twice over three purchases each; return the maximum of each unit."""
    keras = import_keras()
    for _ in range(2):
        steps = keras.layers.Conv1D(
            ENCODED,
            3,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(steps)
    return keras.layers.GlobalMaxPooling1D()(steps)


def rnn_encoder(steps: Any) -> Any:
    """Return the state of a gated recurrent unit after the last purchase."""
    return import_keras().layers.GRU(ENCODED, reset_after=False)(steps)


ENCODING_LAYERS: dict[str, Callable[[Any], Any] | None] = {
    "dense": None,
    "cnn": cnn_encoder,
    "rnn": rnn_encoder,
}


def import_keras() -> Any:
    """Import Keras on TensorFlow, without TensorFlow's notices."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # Two threads share the work on a batch of 2,048 rows for more CPU, and no sooner.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    # Otherwise TensorFlow takes all memory of a GPU at once.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import keras

    return keras


def seeded_keras(seed: int) -> Any:
    """Import Keras and set its seeds: the same data then give the same weights.

    A GPU adds up in any order, unless it is told not to.
    """
    keras = import_keras()
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    return keras


def sparse_times(matrix: Any, dense: Any) -> Any:
    """Multiply a tf.SparseTensor by a matrix, on the CPU even where there is a GPU.

    A GPU whose sums must repeat refuses this product, and that of its gradient
    (https://github.com/tensorflow/tensorflow/issues/56547).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def product(dense: Any) -> tuple[Any, Any]:
        def gradient(upstream: Any) -> Any:
            with tf.device("CPU"):
                return tf.sparse.sparse_dense_matmul(matrix, upstream, adjoint_a=True)

        with tf.device("CPU"):
            return tf.sparse.sparse_dense_matmul(matrix, dense), gradient

    return product(tf.convert_to_tensor(dense))
