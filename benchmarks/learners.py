"""Other models that learn to forecast spend from the features that the network sees.

Each is a Baseline as clv_warehouse.clv.baselines has them. A build does not fit them:
together they take more CPU than the network, and no decision of a build rests on them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from clv_warehouse.clv.baselines import Baseline, known_spend
from clv_warehouse.clv.observations import Observations
from clv_warehouse.learning.fitting import Examples, fit, import_keras, outputs_of
from clv_warehouse.project.arrays import Floats


@dataclass(frozen=True)
class GradientBoosting:
    """Boosted trees under the Poisson deviance, which fits a mean at or above 0.

    Attributes:
        most_rows: of training; more are sampled down to it.
        trees: how many, fixed: no rows are spent on stopping early.
        seed: of the sample.

    """

    most_rows: int = 200_000
    trees: int = 150
    seed: int = 1

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect the mean spend of similar training observations, shape (n,)."""
        training = sample(training, self.most_rows, self.seed)
        spend = known_spend(training)
        if not spend.any():
            return np.zeros(len(judged))
        trees = HistGradientBoostingRegressor(
            loss="poisson",
            learning_rate=0.05,
            max_iter=self.trees,
            max_leaf_nodes=15,
            min_samples_leaf=100,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        # Its threads wait for each other by spinning: beside any other work on the
        # machine, two were measured to take six times as long as one.
        with threadpool_limits(limits=1, user_api="openmp"):
            trees.fit(training.matrix, spend)
        return trees.predict(judged.matrix)


@dataclass(frozen=True)
class DenseNetwork(ABC):
    """Dense layers with ReLU on standardised features; a subclass says what they mean.

    Attributes:
        most_rows: of training; more are sampled down to it.
        epochs: passes over the training rows.
        seed: of the sample, the first weights and the order of rows.

    """

    units: ClassVar[tuple[int, ...]]

    most_rows: int = 400_000
    epochs: int = 12
    seed: int = 1

    @abstractmethod
    def unit(self, spend: Floats) -> float:
        """Say in which unit of money the network sees the spend."""

    @abstractmethod
    def loss(self, spend: Any, outputs: Any) -> Any:
        """Loss of each row, (n,), of its spend, (n, 1), and outputs, (n, units[-1])."""

    @abstractmethod
    def expected(self, outputs: Floats) -> Floats:
        """Spend that the outputs stand for, shape (n,), in the same unit."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect what the outputs stand for, shape (n,)."""
        training = sample(training, self.most_rows, self.seed)
        spend = known_spend(training)
        if not spend.any():
            return np.zeros(len(judged))
        unit = self.unit(spend)
        centre, spread = training.matrix.mean(axis=0), training.matrix.std(axis=0)
        spread[spread == 0] = 1
        low, high = training.matrix.min(axis=0), training.matrix.max(axis=0)

        def inputs(observations: Observations) -> Any:
            # As the network does. A young shop's dense_mse, asked beyond the range of
            # what it had learned from, forecast 37,025 times what was spent.
            known = np.clip(observations.matrix, low, high)
            return ((known - centre) / spread).astype(np.float32)

        keras = import_keras()
        keras.utils.set_random_seed(self.seed)
        *hidden, last = self.units
        network = keras.Sequential(
            [
                *(keras.layers.Dense(width, activation="relu") for width in hidden),
                keras.layers.Dense(last),
            ]
        )
        network.compile(optimizer="adam", loss=self.loss, steps_per_execution=16)
        # Batches enough to learn from few rows, and large enough for many.
        fit(
            network,
            Examples(inputs(training), (spend / unit).astype(np.float32)[:, None]),
            batch_rows=int(np.clip(len(training) // 128, 32, 1024)),
            epochs=self.epochs,
            seed=self.seed,
            after_epoch=lambda epoch, loss: None,
        )
        asked = Examples(inputs(judged), np.empty((len(judged), 0), dtype=np.float32))
        return self.expected(outputs_of(network, asked).astype(np.float64)) * unit


class DenseMse(DenseNetwork):
    """A plain dense network, 128-64-1, under the mean squared error."""

    units = (128, 64, 1)

    def unit(self, spend: Floats) -> float:
        """Its standard deviation, or the spend itself where all spent the same."""
        return float(spend.std() or spend.mean())

    def loss(self, spend: Any, outputs: Any) -> Any:
        """Squared error, (n,)."""
        return import_keras().ops.square(spend - outputs)[:, 0]

    def expected(self, outputs: Floats) -> Floats:
        """What the network says, floored at 0, shape (n,)."""
        return np.maximum(outputs[:, 0], 0)


class Ziln(DenseNetwork):
    """A dense network, 64-32-3, under the zero-inflated lognormal's likelihood.

    Wang, Liu & Miao (2019): chance p, location mu and scale sigma of each customer by
    one network; the forecast is the mean of that distribution, p exp(mu + sigma^2 / 2).
    """

    units = (64, 32, 3)

    def unit(self, spend: Floats) -> float:
        """Its mean."""
        return float(spend.mean())

    def loss(self, spend: Any, outputs: Any) -> Any:
        """Negative log-likelihood without its constant, (n,)."""
        ops = import_keras().ops
        spend = spend[:, 0]
        spent = ops.cast(spend > 0, outputs.dtype)
        chance = ops.softplus(outputs[:, 0]) - spent * outputs[:, 0]
        scale = ops.maximum(ops.softplus(outputs[:, 2]), 1e-3)
        error = ops.log(ops.where(spend > 0, spend, 1.0)) - outputs[:, 1]
        return chance + spent * (ops.log(scale) + 0.5 * ops.square(error / scale))

    def expected(self, outputs: Floats) -> Floats:
        """The distribution's mean, shape (n,)."""
        odds, location, width = outputs.T
        scale = np.maximum(np.logaddexp(0, width), 1e-3)
        # A single customer may be said to spend more than can be written down.
        return expit(odds) * np.exp(np.minimum(location + scale**2 / 2, 50))


# By the names they are judged under.
LEARNERS: dict[str, Baseline] = {
    "gradient_boosting": GradientBoosting(),
    "dense_mse": DenseMse(),
    "ziln": Ziln(),
}


def sample(training: Observations, most_rows: int, seed: int) -> Observations:
    """At most so many of the observations, in their order."""
    if len(training) <= most_rows:
        return training
    chosen = np.zeros(len(training), dtype=bool)
    random = np.random.default_rng(seed)
    chosen[random.choice(len(training), most_rows, replace=False)] = True
    return training.where(chosen)
