"""How a network is trained: the only module that imports TensorFlow, and late."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit, logit

from clv_warehouse.clv.network import (
    CHUNK,
    LEAST_LOG_SCALE,
    OUTPUTS,
    PAIR_INPUTS,
    Level,
    Network,
    NetworkConfig,
    Outlook,
    Scaling,
)
from clv_warehouse.clv.observations import (
    CUSTOMER_INPUTS,
    MONTHS,
    PURCHASES,
    SEQUENCES,
    Customers,
    Observations,
    calendar_shares,
)
from clv_warehouse.clv.prior import Prior
from clv_warehouse.learning.encoders import ENCODED, ENCODER_SHAPES
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.arrays import Singles

STEPS_PER_EXECUTION = 16
# Fewer steps than this teach nothing, however few the rows.
STEPS_PER_EPOCH = 32
# Of the days that are known, the last third says when to stop.
VALIDATION_SHARE = 1 / 3
# Standard deviations, on the scale of logs, of what moves all customers together:
# one window from the next, a horizon as a whole, a month of the year, and the start of
# a history, when old customers look new and spend more than new ones.
DRIFT = 0.2
HORIZON_EFFECT = 0.03
MONTH_EFFECT = 0.5
START_EFFECT = 1.0
START_DAYS = 120
MOST_OFF = 2.0
NEWTON_STEPS = 4
# The level is known at these horizons, and at those of training, in days.
LEVEL_DAYS = (7, 30, 61, 91, 122, 182, 273, 365, 548, 730)
# How far the network is believed, the rest being the prior's: what was best on earlier
# dates of several shops. Later data say whether that is too much, where the prior is
# better by so many standard errors; finer choices were no better than a guess.
BELIEF = 0.75
DOUBT = 2.0
# More rows than this make training longer, but nothing better.
TRAINING_ROWS = 400_000
# More observations than this make the judgement no better.
JUDGED_ROWS = 100_000
# Of fewer buyers than this, nothing is learnt that the prior does not say better.
LEAST_BUYERS = 100

INPUTS = len(CUSTOMER_INPUTS) + len(PAIR_INPUTS)


@dataclass(frozen=True)
class Examples:
    """What Keras sees: inputs (n, F), scaled, and targets (n, 2 + OUTPUTS).

    The inputs are the customer's, those that change with the horizon and, where the
    encoder reads it, the sequence of purchases.

    The targets are whether the customer bought, the spend in units of its mean, and
    what the outputs are added to: what all customers of that day and horizon share.
    """

    inputs: Singles
    targets: Singles

    def __len__(self) -> int:
        return len(self.inputs)

    def where(self, chosen: NDArray) -> "Examples":
        """Choose the examples at some places, or where `chosen` is true."""
        return Examples(self.inputs[chosen], self.targets[chosen])


def train(
    observations: Observations,
    prior: Prior,
    today: Customers,
    config: NetworkConfig,
    progress: Progress,
) -> Network:
    """Train a network on `observations`, which must bear their targets.

    `today` are the customers, or some of them, that it is to forecast. Where fewer than
    `LEAST_BUYERS` customers spent anything, the network is untrained: the prior itself.
    """
    if observations.spend is None or observations.purchases is None:
        raise ValueError("the observations to train on have no targets")
    spent = observations.row[observations.spend > 0]
    if len(pc.unique(observations.customers.customer_key.take(spent))) < LEAST_BUYERS:
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
    earlier, later = split_in_time(observations)
    arrays, belief = learn(examples, offsets, cells, earlier, later, config, progress)
    encoding = len(ENCODER_SHAPES[config.encoder])
    network = Network(
        config,
        scale,
        customer_scaling,
        pair_scaling,
        sequence_scaling,
        tuple(member[:encoding] for member in arrays),
        tuple(member[encoding:] for member in arrays),
        1 - belief,
        Level.none(),
    )
    level = cells.level(
        *cells.errors(outcomes, offsets), today.as_of_date[0] if len(today) else None
    )
    return replace(network, level=anchored(network, prior, today, level))


def sequences_of(observations: Observations, config: NetworkConfig) -> Singles:
    """Sequences of the customers, flat, (m, F); of length zero if not encoded.

    Raises ValueError if the encoder reads them and they were not read.
    """
    if config.encoder == "dense":
        return np.zeros((len(observations.customers), 0), dtype=np.float32)
    sequences = observations.customers.sequences
    if sequences is None:
        raise ValueError(f"the encoder {config.encoder} needs {SEQUENCES}")
    return sequences.reshape(len(sequences), -1)


def anchored(network: Network, prior: Prior, today: Customers, level: Level) -> Level:
    """Add to `level` what makes all of today's customers together the prior's.

    Their mean chance of buying, their total spend, and the mean location of buyers.
    """
    if not len(today):
        return level
    days = np.union1d(LEVEL_DAYS, level.horizon_days)
    first = network.customer_layer(today.inputs, today.sequences)
    by_horizon = level(days, np.zeros((1, MONTHS), dtype=np.float32))
    for place, horizon in enumerate(days):
        view = Observations(
            today, np.arange(len(today)), np.full(len(today), horizon, dtype=np.int64)
        )
        outlook = Outlook.of(prior, view, network.scale)
        outputs = network.forward(first, outlook.inputs)
        outputs += network.kept * outlook.offsets
        chance, spend, location, _ = outputs.T.astype(np.float64)
        shift = 0.0
        for _ in range(NEWTON_STEPS):
            chances = expit(chance + shift)
            shift += (outlook.chance - chances).sum() / (chances * (1 - chances)).sum()
        by_horizon[place, 0] += shift
        by_horizon[place, 1] += np.log(outlook.spend.sum() / np.exp(spend).sum())
        by_horizon[place, 2] += np.average(
            outlook.offsets[:, 2] - location, weights=outlook.chance
        )
    return Level(days, by_horizon, level.by_month)


def untrained(config: NetworkConfig) -> Network:
    """Make a network that corrects nothing."""
    shapes = list(ENCODER_SHAPES[config.encoder])
    encoding = len(shapes)
    sizes = [INPUTS + (ENCODED if encoding else 0), *config.hidden_units, OUTPUTS]
    for rows, columns in pairwise(sizes):
        shapes += [(rows, columns), (columns,)]
    arrays = [np.zeros(shape, dtype=np.float32) for shape in shapes]

    def scaling(size: int) -> Scaling:
        return Scaling.fit(np.zeros((1, size), dtype=np.float32))

    return Network(
        config,
        1.0,
        scaling(len(CUSTOMER_INPUTS)),
        scaling(len(PAIR_INPUTS)),
        scaling(PURCHASES * len(SEQUENCES) if encoding else 0),
        (tuple(arrays[:encoding]),),
        (tuple(arrays[encoding:]),),
        np.ones(OUTPUTS, dtype=np.float32),
        Level.none(),
    )


@dataclass(frozen=True)
class Cells:
    """The c pairs of day and horizon among n observations.

    Attributes:
        row: (n,) each observation's cell.
        as_of_date: (c,) datetime64[D].
        horizon_days: (c,)
        customers: (c,) how many observations each has.

    """

    row: NDArray[np.intp]
    as_of_date: NDArray[np.datetime64]
    horizon_days: NDArray[np.int64]
    customers: NDArray[np.int64]

    @classmethod
    def of(cls, observations: Observations) -> "Cells":
        """Find the cells of some observations."""
        pairs = np.column_stack(
            [observations.as_of_date.astype(np.int64), observations.horizon_days]
        )
        code = pairs[:, 0] * (pairs[:, 1].max() + 1) + pairs[:, 1]
        _, first, row, customers = np.unique(
            code, return_index=True, return_inverse=True, return_counts=True
        )
        dates, horizons = pairs[first].T
        return cls(row, dates.astype("datetime64[D]"), horizons, customers)

    def where(self, chosen: NDArray[np.intp]) -> "Cells":
        """Find the cells of the observations at some places."""
        places, row, customers = np.unique(
            self.row[chosen], return_inverse=True, return_counts=True
        )
        return Cells(row, self.as_of_date[places], self.horizon_days[places], customers)

    def typical(self, outcomes: NDArray) -> NDArray:
        """What of each output all of a cell's customers share, (c, OUTPUTS).

        `outcomes` are the first two targets of Examples. Half a customer that bought
        for the mean spend, and half a one that did not, keep it finite.
        """
        bought, spend = outcomes.T
        log_spend = np.log(np.where(spend > 0, spend, 1))

        def total(values: NDArray) -> NDArray:
            return np.bincount(self.row, values, len(self.customers))

        chance = (total(bought) + 0.5) / (self.customers + 1)
        return np.column_stack(
            [
                logit(chance),
                np.log((total(spend) + 0.5) / (self.customers + 1)),
                total(log_spend) / (total(spend > 0) + 0.5),
                np.zeros(len(chance)),
            ]
        )

    def errors(self, outcomes: NDArray, outputs: NDArray) -> tuple[NDArray, NDArray]:
        """How far each output is off on average, and its variance, (c, OUTPUTS) each.

        `outcomes` are the first two targets of Examples. One Newton step for the
        chance's logit, the logarithm
        of true over expected spend, the mean error of the log spend of buyers; the
        scale of log spend has no level of its own. No error exceeds `MOST_OFF`.
        """

        def total(values: NDArray) -> NDArray:
            return np.bincount(self.row, values, len(self.customers))

        (bought, spend), (log_odds, log_mean, location, _) = outcomes.T, outputs.T
        chance, mean, spent = expit(log_odds), np.exp(log_mean), spend > 0
        information = total(chance * (1 - chance))
        log_error = np.where(spent, np.log(np.where(spent, spend, 1)) - location, 0)
        buyers = np.maximum(total(spent), 1)
        true, expected = total(spend), total(mean)
        ratio = np.maximum(true, np.exp(-MOST_OFF) * expected) / expected
        off = np.stack(
            [
                total(bought - chance) / information,
                np.log(ratio),
                total(log_error) / buyers,
                np.zeros(len(buyers)),
            ],
            axis=1,
        )
        variance = np.stack(
            [
                1 / information,
                total((spend - mean) ** 2) / expected**2,
                total(log_error**2) / buyers**2,
                np.ones(len(buyers)),
            ],
            axis=1,
        )
        return np.clip(off, -MOST_OFF, MOST_OFF), variance

    def centred(self, outcomes: NDArray, outputs: NDArray) -> NDArray:
        """Bring every cell of `outputs`, shape (n, OUTPUTS), to the cell's truth."""
        for _ in range(NEWTON_STEPS):
            outputs = outputs + self.errors(outcomes, outputs)[0][self.row]
        return outputs

    def level(
        self, off: NDArray, variance: NDArray, today: np.datetime64 | None
    ) -> Level:
        """Estimate what of the cells' errors goes on `today`, by horizon and month.

        Ridge regression, which is the posterior mean where the effects of horizons,
        months and a history's start are normal around zero (`HORIZON_EFFECT`,
        `MONTH_EFFECT`, `START_EFFECT`) and a cell's error has the variance of its
        customers and that of its time (`DRIFT`). Windows of a horizon overlap: they
        count as what fits side by side.
        """
        horizons, of_horizon, count = np.unique(
            self.horizon_days, return_inverse=True, return_counts=True
        )
        first = self.as_of_date.min()
        span = ((self.as_of_date + self.horizon_days).max() - first).astype(int)
        share = np.minimum(span / horizons / count, 1)[of_horizon]

        def start(dates: NDArray[np.datetime64]) -> NDArray:
            return np.exp(-(dates - first).astype(int) / START_DAYS)

        design = np.column_stack(
            [
                np.eye(len(horizons))[of_horizon],
                calendar_shares(self.as_of_date, self.horizon_days),
                start(self.as_of_date),
            ]
        )
        ridge = np.repeat(
            [HORIZON_EFFECT**-2, MONTH_EFFECT**-2, START_EFFECT**-2],
            [len(horizons), MONTHS, 1],
        )
        effects = np.zeros((design.shape[1], OUTPUTS))
        for output in range(OUTPUTS - 1):
            weighted = design.T * (share / (DRIFT**2 + variance[:, output]))
            effects[:, output] = np.linalg.solve(
                weighted @ design + np.diag(ridge), weighted @ off[:, output]
            )
        by_horizon, by_month, of_start = np.split(
            effects, [len(horizons), len(horizons) + MONTHS]
        )
        if today is not None:
            by_horizon = by_horizon + of_start * start(np.array([today]))
        return Level(
            horizons, by_horizon.astype(np.float32), by_month.astype(np.float32)
        )


def split_in_time(
    observations: Observations,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which observations to learn from, and which later ones to stop by.

    Where the later begin, the horizons of the earlier are over: what they share is
    the customers, not the days.
    """
    origins, ends = observations.as_of_date, observations.end_date
    first, last = origins.min(), ends.max()
    begin = last - np.timedelta64(int((last - first).astype(int) * VALIDATION_SHARE))
    # In a short history no horizon may fit into the last third.
    begin = min(begin, origins.max())
    return ends <= begin, origins >= begin


def sample(chosen: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """At most so many of the places where `chosen` is true, always the same ones."""
    places = np.flatnonzero(chosen)
    return np.sort(np.random.default_rng(0).permutation(places)[:most])


def learn(
    examples: Examples,
    offsets: Singles,
    cells: Cells,
    earlier: NDArray[np.bool_],
    later: NDArray[np.bool_],
    config: NetworkConfig,
    progress: Progress,
) -> tuple[tuple[tuple[Singles, ...], ...], Singles]:
    """Train each member on all examples; return their weights and the belief in them.

    The later examples say, when only the earlier ones are learnt from, for how many
    epochs to go on, and how much to believe, (OUTPUTS,): the rest is the prior's.
    """
    past = examples.where(sample(earlier, TRAINING_ROWS))
    chosen = sample(later, JUDGED_ROWS)
    future = examples.where(chosen)
    judgements: list[tuple[float, Singles]] = []
    view = cells.where(chosen)

    if len(past) and len(future):
        model = build_model(config, config.seed)
        trial = progress.restarted()

        def judge(epoch: int, loss: float) -> None:
            outputs = outputs_of(model, future)
            judgements.append(
                belief_in(view, future.targets[:, :2], outputs, offsets[chosen])
            )
            trial.step(
                epoch,
                config.epochs,
                f"trial epoch {epoch}, loss {loss:.4f}, "
                f"checked on later data {judgements[-1][0]:.4f}",
            )

        fit(model, past, config, config.epochs, judge)
    else:
        progress.say("too short a history to check what is learnt")
    losses = [loss for loss, _ in judgements]
    epochs = 1 + int(np.argmin(losses)) if losses else config.epochs
    belief = (
        judgements[epochs - 1][1]
        if losses
        else np.full(OUTPUTS, BELIEF, dtype=np.float32)
    )
    known = examples.where(sample(np.ones_like(earlier), TRAINING_ROWS))
    members = tuple(
        refit(known, config, config.seed + member, epochs, progress.restarted())
        for member in range(config.ensemble)
    )
    return tuple(
        (*arrays, kernel * belief, bias * belief) for *arrays, kernel, bias in members
    ), belief


def refit(
    examples: Examples,
    config: NetworkConfig,
    seed: int,
    epochs: int,
    progress: Progress,
) -> list[Singles]:
    """Train one member for a settled number of epochs and return its arrays."""
    model = build_model(config, seed)
    fit(
        model,
        examples,
        config,
        epochs,
        lambda epoch, loss: progress.step(
            epoch, epochs, f"epoch {epoch} of {epochs}, loss {loss:.4f}"
        ),
    )
    return model.get_weights()


def belief_in(
    cells: Cells, outcomes: Singles, outputs: Singles, offsets: Singles
) -> tuple[float, Singles]:
    """Say how far to believe each output, (OUTPUTS,), and the loss at `BELIEF`.

    The rest is the prior's, `offsets`. What all customers of a cell share is taken as
    known: the level sees to that. A buyer's location and scale are believed together.
    """
    losses = []
    for share in (0.0, BELIEF):
        mixed = cells.centred(outcomes, share * outputs + (1 - share) * offsets)
        mixed[:, 3] = share * outputs[:, 3]
        targets = np.hstack([outcomes, mixed])
        losses.append(np.array(losses_of(targets, np.zeros_like(mixed))))
    gain = losses[0] - losses[1]
    # A customer stands in many cells, which are not as many witnesses.
    error = gain.std(axis=1) / np.sqrt(cells.customers.max())
    belief = np.where(gain.mean(axis=1) < -DOUBT * error, 0, BELIEF)
    return float(losses[1].mean(axis=1).sum()), belief[[0, 1, 2, 2]].astype(np.float32)


def build_model(config: NetworkConfig, seed: int) -> Any:
    """Build the Keras model of one member, compiled; its last layer is zero.

    The seed is the process's: what else it builds or fits at a time changes weights.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    flat = PURCHASES * len(SEQUENCES)
    encode = ENCODERS[config.encoder]
    inputs = keras.Input((INPUTS + (flat if encode else 0),))
    hidden = inputs
    if encode:
        steps = keras.layers.Reshape((PURCHASES, len(SEQUENCES)))(inputs[:, INPUTS:])
        customer = len(CUSTOMER_INPUTS)
        hidden = keras.layers.Concatenate()(
            [inputs[:, :customer], encode(steps), inputs[:, customer:INPUTS]]
        )
    for units in config.hidden_units:
        hidden = keras.layers.Dense(
            units,
            activation="relu",
            kernel_initializer="he_normal",
            kernel_regularizer=keras.regularizers.L2(config.l2),
        )(hidden)
        if config.dropout:
            hidden = keras.layers.Dropout(config.dropout)(hidden)
    outputs = keras.layers.Dense(OUTPUTS, kernel_initializer="zeros", name="head")
    model = keras.Model(inputs, outputs(hidden))
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, clipnorm=1.0),
        loss=loss,
        steps_per_execution=STEPS_PER_EXECUTION,
        jit_compile=False,
    )
    return model


def cnn_encoder(steps: Any) -> Any:
    """Two convolutions over three purchases each, and the most of each unit."""
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
    """A gated recurrent unit, as it is after the last purchase."""
    return import_keras().layers.GRU(ENCODED, reset_after=False)(steps)


ENCODERS: dict[str, Callable[[Any], Any] | None] = {
    "dense": None,
    "cnn": cnn_encoder,
    "rnn": rnn_encoder,
}


def loss(targets: Any, outputs: Any) -> Any:
    """Add up the three losses of each example, which training makes small, (n,)."""
    return sum(losses_of(targets, outputs))


def losses_of(targets: Any, outputs: Any) -> tuple[Any, Any, Any]:
    """Three losses of each example, shape (n,), of the outputs before their offsets.

    Chance of buying: binary cross-entropy. Expected spend: `tweedie_deviance`. Spend
    of a buyer: the negative log-likelihood of a lognormal, without its constant.
    """
    ops = import_keras().ops
    bought, spend = targets[:, 0], targets[:, 1]
    outputs = outputs + targets[:, 2:]
    chance = ops.softplus(outputs[:, 0]) - bought * outputs[:, 0]
    spent = spend > 0
    log_spend = ops.log(ops.where(spent, spend, 1.0))
    log_scale = ops.maximum(outputs[:, 3], LEAST_LOG_SCALE)
    error = (log_spend - outputs[:, 2]) * ops.exp(-log_scale)
    amount = ops.where(spent, log_scale + 0.5 * error * error, 0.0)
    return chance, tweedie_deviance(spend, outputs[:, 1]), amount


def tweedie_deviance(spend: Any, log_mean: Any) -> Any:
    """Deviance of Tweedie's distribution with power 1.5, shape (n,).

    Jorgensen (1987): between Poisson's and gamma's, it has a mass at zero and a long
    tail. With p = 1.5 its deviance, 2 (y^(2-p) / ((1-p)(2-p)) - y m^(1-p) / (1-p) +
    m^(2-p) / (2-p)), is 4 (sqrt(y) - sqrt(m))^2 / sqrt(m), least where m is the mean
    of y.
    """
    ops = import_keras().ops
    root = ops.exp(0.5 * log_mean)
    return 4 * ops.square(ops.sqrt(spend) - root) / root


def fit(
    model: Any,
    examples: Examples,
    config: NetworkConfig,
    epochs: int,
    after_epoch: Callable[[int, float], None],
) -> None:
    """Train `model` for some epochs; `after_epoch` gets their number and loss."""
    keras = import_keras()
    steps = max(len(examples) // config.batch_rows, STEPS_PER_EPOCH)
    steps = -(-steps // STEPS_PER_EXECUTION) * STEPS_PER_EXECUTION
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after_epoch(epoch + 1, logs["loss"])
    )
    model.fit(
        batches(examples, steps, epochs, config.seed),
        steps_per_epoch=steps,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )


def batches(examples: Examples, steps: int, epochs: int, seed: int) -> Any:
    """Make a tf.data of whole batches, every epoch in another order.

    Batches are gathered by their rows' numbers: no row passes through Python or is
    copied one by one, which is what makes fitting on arrays slow.
    """
    import tensorflow as tf

    shuffle = np.random.default_rng(seed)
    rows = min(len(examples), -(-len(examples) // steps))
    order = np.concatenate(
        [
            np.resize(shuffle.permutation(len(examples)), (steps, rows))
            for _ in range(epochs)
        ]
    )
    inputs, targets = tf.constant(examples.inputs), tf.constant(examples.targets)
    return (
        tf.data.Dataset.from_tensor_slices(order.astype(np.int32))
        .map(lambda batch: (tf.gather(inputs, batch), tf.gather(targets, batch)))
        .prefetch(4)
    )


def outputs_of(model: Any, examples: Examples) -> Singles:
    """Compute the model's outputs without dropout, shape (n, OUTPUTS)."""
    inputs = examples.inputs
    chunks = [
        np.asarray(model(inputs[start : start + CHUNK], training=False))
        for start in range(0, len(inputs), CHUNK)
    ]
    return np.concatenate(chunks)


def import_keras() -> Any:
    """Keras on TensorFlow, without TensorFlow's greetings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    return keras
