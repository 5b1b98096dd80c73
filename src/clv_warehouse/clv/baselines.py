"""The forecasts that the network has to beat, each by the name it is judged under.

All see what the network sees: training observations whose horizons are over, and
the features of the customers judged. All forecasts are in currency, at least 0.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.project.arrays import Floats

YEAR = 365


class Baseline(Protocol):
    """A way to forecast spend."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Spend expected of each judged observation within its horizon, shape (n,)."""


@dataclass(frozen=True)
class Zero:
    """Nobody buys again."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect nothing, shape (n,)."""
        return np.zeros(len(judged))


@dataclass(frozen=True)
class LastYearRate:
    """Everybody goes on spending as they did over the last year."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect last year's net spend per day, times the horizon, shape (n,).

        Who came less than a year ago is taken by the days since, but by no fewer
        than the horizon has: one purchase yesterday is not a purchase every day.
        """
        horizon = judged.horizon_days
        known_days = np.minimum(judged.column("tenure_days") + 1, YEAR)
        days = np.maximum(known_days, np.minimum(horizon, YEAR))
        return np.maximum(judged.column("spend_365d"), 0) / days * horizon


@dataclass(frozen=True)
class InProportion:
    """Future spend is in proportion to one column of customer_features."""

    column: str

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect the column times one factor per horizon, shape (n,).

        The factor makes the forecasts of the latest training date add up to what
        was spent: totals since the first purchase grow with a shop's age, so that
        earlier dates know of another proportion. It is that of the horizon or,
        where training has none so long, of the nearest one, per day.
        """
        forecast = np.zeros(len(judged))
        if len(training) == 0:
            return forecast
        known_horizons = np.unique(training.horizon_days)
        for horizon in np.unique(judged.horizon_days):
            nearest = known_horizons[np.abs(known_horizons - horizon).argmin()]
            known = training.where(training.horizon_days == nearest)
            known = known.where(known.as_of_date == known.as_of_date.max())
            total = self._score(known).sum()
            factor = _spend(known).sum() / total * horizon / nearest if total else 0.0
            rows = judged.horizon_days == horizon
            forecast[rows] = self._score(judged)[rows] * factor
        return forecast

    def _score(self, observations: Observations) -> Floats:
        """Read the column, shape (n,); 0 for null and for more returned than bought."""
        return np.maximum(np.nan_to_num(observations.column(self.column)), 0)


@dataclass(frozen=True)
class BgNbdGammaGamma:
    """The prior alone, fitted on the histories of the customers it is judged on."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect what the prior does, shape (n,); it learns from no target."""
        prior = Prior.fit(judged.history)
        return prior.expected_spend(judged.history, judged.horizon_days)


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
        # Heavy to import, and wanted only where a backtest runs.
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        training = _sample(training, self.most_rows, self.seed)
        if not _spend(training).any():
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
            trees.fit(training.matrix, _spend(training))
        return trees.predict(judged.matrix)


@dataclass(frozen=True)
class DenseMse:
    """A plain dense network, 128-64-1 with ReLU, under the mean squared error.

    Attributes:
        most_rows: of training; more are sampled down to it.
        epochs: passes over the training rows.
        seed: of the sample, the first weights and the order of rows.

    """

    most_rows: int = 400_000
    epochs: int = 12
    seed: int = 1

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect what the network says, floored at 0, shape (n,)."""
        import keras
        import tensorflow as tf

        training = _sample(training, self.most_rows, self.seed)
        spend = _spend(training)
        if not spend.any():
            return np.zeros(len(judged))
        inputs = training.matrix
        centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
        spread[spread == 0] = 1
        unit = spend.std() or spend.mean()

        # Seeds of its own throughout: Keras' global one belongs to all threads.
        seeds = iter(range(self.seed, self.seed + 3))
        network = keras.Sequential(
            [
                keras.layers.Dense(
                    width,
                    activation=activation,
                    kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                )
                for width, activation in ((128, "relu"), (64, "relu"), (1, None))
            ]
        )
        network.compile(optimizer="adam", loss="mse", steps_per_execution=16)
        # Whole batches, many enough to learn from few rows, large enough for many.
        batch = int(np.clip(len(training) // 128, 32, 1024))
        order = np.random.default_rng(self.seed).permutation(len(training))
        order = np.resize(order, (-(-len(order) // batch), batch))
        batches = tf.data.Dataset.from_tensor_slices(
            (((inputs - centre) / spread)[order], (spend / unit)[order, None])
        ).shuffle(len(order), seed=self.seed)
        network.fit(batches, epochs=self.epochs, shuffle=False, verbose=0)
        forecast = network.predict((judged.matrix - centre) / spread, 8192, verbose=0)
        return np.maximum(forecast[:, 0].astype(np.float64) * unit, 0)


@dataclass(frozen=True)
class Ziln:
    """A dense network under the zero-inflated lognormal's likelihood, as published.

    Wang, Liu & Miao (2019): chance p, location mu and scale sigma of each customer by
    one network of 64-32 units with ReLU; the forecast is the mean of that
    distribution, p exp(mu + sigma^2 / 2). For use in benchmarks; slow beside others.

    Attributes:
        most_rows: of training; more are sampled down to it.
        epochs: passes over the training rows.
        seed: of the sample, the first weights and the order of rows.

    """

    most_rows: int = 400_000
    epochs: int = 12
    seed: int = 1

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect the mean of the distribution, shape (n,)."""
        import keras
        from keras import ops

        training = _sample(training, self.most_rows, self.seed)
        spend = _spend(training)
        if not spend.any():
            return np.zeros(len(judged))
        inputs = training.matrix
        centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
        spread[spread == 0] = 1
        unit = spend.mean()

        def loss(spend: Any, outputs: Any) -> Any:
            spend = spend[:, 0]
            spent = ops.cast(spend > 0, outputs.dtype)
            chance = ops.softplus(outputs[:, 0]) - spent * outputs[:, 0]
            scale = ops.maximum(ops.softplus(outputs[:, 2]), 1e-3)
            error = ops.log(ops.where(spend > 0, spend, 1.0)) - outputs[:, 1]
            return chance + spent * (ops.log(scale) + 0.5 * ops.square(error / scale))

        seeds = iter(range(self.seed, self.seed + 3))
        network = keras.Sequential(
            [
                keras.layers.Dense(
                    width,
                    activation=activation,
                    kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                )
                for width, activation in ((64, "relu"), (32, "relu"), (3, None))
            ]
        )
        network.compile(optimizer="adam", loss=loss, steps_per_execution=16)
        order = np.random.default_rng(self.seed).permutation(len(training))
        network.fit(
            ((inputs - centre) / spread)[order],
            (spend / unit)[order, None],
            batch_size=int(np.clip(len(training) // 128, 32, 1024)),
            epochs=self.epochs,
            shuffle=False,
            verbose=0,
        )
        outputs = network.predict((judged.matrix - centre) / spread, 8192, verbose=0)
        odds, location, width = outputs.astype(np.float64).T
        scale = np.maximum(np.logaddexp(0, width), 1e-3)
        # A single customer may be said to spend more than can be written down.
        log_mean = np.minimum(location + scale**2 / 2, 50)
        return expit(odds) * np.exp(log_mean) * unit


BASELINES: dict[str, Baseline] = {
    "dense_mse": DenseMse(),
    "bgnbd_gamma_gamma": BgNbdGammaGamma(),
    "last_year_rate": LastYearRate(),
    "past_spend": InProportion("past_spend"),
    "formula": InProportion("formula_value"),
    "zero": Zero(),
    "gradient_boosting": GradientBoosting(),
}


def _spend(training: Observations) -> Floats:
    """Read what was spent, shape (n,); ValueError if that is not known."""
    if training.spend is None:
        raise ValueError("training observations need their spend")
    return training.spend


def _sample(training: Observations, most_rows: int, seed: int) -> Observations:
    """At most so many of the observations, in their order."""
    if len(training) <= most_rows:
        return training
    chosen = np.zeros(len(training), dtype=bool)
    random = np.random.default_rng(seed)
    chosen[random.choice(len(training), most_rows, replace=False)] = True
    return training.where(chosen)
