"""Tests that a model that starts over learns the same as one that was never fitted."""

import numpy as np
import pytest

from clv_warehouse.learning.fitting import (
    Examples,
    add_dense_layers,
    compile_model,
    fit,
    import_keras,
    restart,
)


def built(seed):
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    hidden = add_dense_layers(inputs, (8, 4), l2=1e-3, dropout=0.2)
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def compiled(seed):
    model = built(seed)
    compile_model(model, "mse", learning_rate=0.01)
    return model


def examples(rows):
    inputs = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
    return Examples(inputs, inputs.sum(axis=1, keepdims=True))


def weights_after(model, rows=500):
    losses = []
    fit(model, examples(rows), 64, 2, 1, lambda epoch, loss: losses.append(loss))
    assert losses[1] < losses[0]
    return np.concatenate([array.ravel() for array in model.get_weights()])


def test_a_restarted_model_learns_what_a_new_one_does():
    """Whatever it was fitted to before, with so many rows and dropout as there were."""
    expected = weights_after(compiled(seed=5))
    model = compiled(seed=1)
    weights_after(model, rows=777)
    restart(model, built(seed=5))
    assert weights_after(model) == pytest.approx(expected, abs=1e-6)
    restart(model, built(seed=6))
    assert weights_after(model) != pytest.approx(expected, abs=1e-2)
