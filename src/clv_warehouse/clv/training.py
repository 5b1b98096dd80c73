"""Trains a network on the past, checks it on the last third, and sets its level."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.clv.belief import belief_in, shares
from clv_warehouse.clv.level import Cells, anchored
from clv_warehouse.clv.losses import loss
from clv_warehouse.clv.network import (
    OUTPUTS,
    PAIR_INPUTS,
    Level,
    Network,
    NetworkConfig,
    Outlook,
    Scaling,
    untrained,
)
from clv_warehouse.clv.observations import PURCHASES, Customers, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.tuning import TUNING, Tuning
from clv_warehouse.learning.encoders import ENCODER_SHAPES
from clv_warehouse.learning.fitting import (
    ENCODING_LAYERS,
    Examples,
    add_dense_layers,
    compile_model,
    fit,
    outputs_of,
    restart,
    seeded_keras,
)
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.arrays import Singles


def train(
    observations: Observations,
    prior: Prior,
    today: Customers,
    config: NetworkConfig,
    progress: Progress,
    tuning: Tuning = TUNING,
) -> Network:
    """Train a network on `observations`, which must have their targets.

    Keras gets scaled inputs: those of the customer, those that change with the horizon
    and, if the encoder reads it, the sequence of purchases. Its targets, shape (n, 2 +
    OUTPUTS), are whether the customer bought, the spend in units of its mean, and the
    values to which the outputs are added: what all customers of that day and horizon
    share.

    `today` are the customers to forecast, or some of them. If fewer than
    `tuning.least_buyers` customers spent anything, the network stays untrained and
    gives the prior's forecasts.
    """
    if observations.spend is None or observations.purchases is None:
        raise ValueError("the observations to train on have no targets")
    if observations.buyers < tuning.least_buyers:
        return untrained(config)
    scale = float(observations.spend.mean())
    outlook = Outlook.of(prior, observations, scale)
    inputs, pairs = observations.customers.inputs, outlook.inputs
    customer_scaling = Scaling.fit(inputs[np.unique(observations.row)])
    pair_scaling = Scaling.fit(pairs)
    cells = Cells.of(observations)
    outcomes = np.column_stack([observations.purchases > 0, observations.spend / scale])
    offsets = outlook.offsets
    offsets[:, 1:3] -= np.float32(np.log(scale))
    sequences = sequences_of(observations, config)
    sequence_scaling = Scaling.fit(sequences[np.unique(observations.row)])
    parts = [customer_scaling(inputs)[observations.row], pair_scaling(pairs)]
    if config.encoder != "dense":
        parts.append(sequence_scaling(sequences)[observations.row])
    examples = Examples(
        np.hstack(parts),
        np.hstack([outcomes, cells.typical(outcomes)[cells.row]]).astype(np.float32),
    )
    split = split_in_time(observations, tuning.validation_share)
    arrays, kept = learn(examples, offsets, cells, split, config, tuning, progress)
    encoding = len(ENCODER_SHAPES[config.encoder])
    network = Network(
        config,
        config.features,
        scale,
        customer_scaling,
        pair_scaling,
        sequence_scaling,
        tuple(member[:encoding] for member in arrays),
        tuple(member[encoding:] for member in arrays),
        kept,
        Level.none(),
    )
    level = cells.level(
        *cells.errors(outcomes, offsets, tuning.most_off),
        today.as_of_date[0] if len(today) else None,
        tuning,
    )
    level = anchored(network, prior, today, level, tuning.level_days)
    return replace(network, level=level)


def sequences_of(observations: Observations, config: NetworkConfig) -> Singles:
    """Return the customers' sequences, flat, (m, F); F is zero if none are read.

    Raises ValueError if the encoder reads them and they were not read from the table.
    """
    if config.encoder == "dense":
        return np.zeros((len(observations.customers), 0), dtype=np.float32)
    sequences = observations.customers.sequences
    if sequences is None:
        raise ValueError(
            f"the encoder {config.encoder} needs {config.features.sequences}"
        )
    return sequences.reshape(len(sequences), -1)


def split_in_time(
    observations: Observations, validation_share: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which observations to learn from, and which later ones to check on.

    The horizons of the earlier ones are over when the later ones begin. So the two
    share customers, but no days.
    """
    origins, ends = observations.as_of_date, observations.end_date
    first, last = origins.min(), ends.max()
    begin = last - np.timedelta64(int((last - first).astype(int) * validation_share))
    # In a short history no horizon fits into the last third.
    begin = min(begin, origins.max())
    return ends <= begin, origins >= begin


def sample(chosen: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return at most `most` places where `chosen` is true, always the same ones."""
    places = np.flatnonzero(chosen)
    return np.sort(np.random.default_rng(0).permutation(places)[:most])


def learn(
    examples: Examples,
    offsets: Singles,
    cells: Cells,
    split: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    config: NetworkConfig,
    tuning: Tuning,
    progress: Progress,
) -> tuple[tuple[tuple[Singles, ...], ...], Singles]:
    """Train each member on all examples; return their weights and what is kept.

    `split` says which examples are earlier and which are later. A trial learns from the
    earlier ones alone and is checked on the later ones. That decides for how many
    epochs to train, and how much of each output's correction counts. The second,
    (OUTPUTS,), is the share of the prior's forecast that is kept.
    """
    earlier, later = split
    past = examples.where(sample(earlier, tuning.training_rows))
    chosen = sample(later, tuning.judged_rows)
    future = examples.where(chosen)
    judgements: list[tuple[float, Singles, Singles]] = []
    view = cells.where(chosen)

    if len(past) and len(future):
        model = unfitted(config, config.seed)
        trial = progress.restarted()

        def judge(epoch: int, loss: float) -> None:
            outputs = outputs_of(model, future)
            judgements.append(
                belief_in(view, future.targets[:, :2], outputs, offsets[chosen], tuning)
            )
            trial.note(0, epoch, loss, judgements[-1][0])
            trial.step(
                epoch,
                config.epochs,
                f"trial epoch {epoch}, loss {loss:.4f}, "
                f"checked on later data {judgements[-1][0]:.4f}",
            )

        fit(model, past, config.batch_rows, config.epochs, config.seed, judge)
    else:
        progress.say("too short a history to check what is learnt")
    losses = [loss for loss, *_ in judgements]
    epochs = 1 + int(np.argmin(losses)) if losses else config.epochs
    belief = shares(tuning)
    kept = 1 - belief
    if losses:
        _, belief, kept = judgements[epochs - 1]
    known = examples.where(sample(np.ones_like(earlier), tuning.training_rows))
    members = tuple(
        refit(known, config, config.seed + member, epochs, progress.restarted())
        for member in range(config.ensemble)
    )
    return tuple(
        (*arrays, kernel * belief, bias * belief) for *arrays, kernel, bias in members
    ), kept


def refit(
    examples: Examples,
    config: NetworkConfig,
    seed: int,
    epochs: int,
    progress: Progress,
) -> list[Singles]:
    """Train one member for a fixed number of epochs and return its arrays."""
    model = unfitted(config, seed)

    def told(epoch: int, loss: float) -> None:
        progress.note(1 + seed - config.seed, epoch, loss)
        progress.step(epoch, epochs, f"epoch {epoch} of {epochs}, loss {loss:.4f}")

    fit(model, examples, config.batch_rows, epochs, config.seed, told)
    return model.get_weights()


def unfitted(config: NetworkConfig, seed: int) -> Any:
    """Make the model of one member ready for `fit`; it is the same model each time."""
    model = compiled(config)
    restart(model, build_model(config, seed))
    return model


@cache
def compiled(config: NetworkConfig) -> Any:
    """Compile the model that trials, members and origins use in turn."""
    model = build_model(config, config.seed)
    compile_model(model, loss, config.learning_rate)
    return model


def build_model(config: NetworkConfig, seed: int) -> Any:
    """Build the Keras model of one member; its last layer is zero.

    Keras' seed belongs to the process: other models built meanwhile change the weights.
    """
    keras = seeded_keras(seed)
    encode = ENCODING_LAYERS[config.encoder]
    customer, width = len(config.features.names), len(config.features.sequences)
    known = customer + len(PAIR_INPUTS)
    inputs = keras.Input((known + PURCHASES * width,))
    hidden = inputs
    if encode:
        steps = keras.layers.Reshape((PURCHASES, width))(inputs[:, known:])
        hidden = keras.layers.Concatenate()(
            [inputs[:, :customer], encode(steps), inputs[:, customer:known]]
        )
    hidden = add_dense_layers(hidden, config.hidden_units, config.l2, config.dropout)
    outputs = keras.layers.Dense(OUTPUTS, kernel_initializer="zeros", name="head")
    return keras.Model(inputs, outputs(hidden))
