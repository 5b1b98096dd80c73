"""Stores a network and scores with it: numpy arrays, without TensorFlow.

The network ranks customers; their total is scaled to the prior's total. Let k be the
share of the prior that is kept. The four outputs of the network enter

    logit of the chance of buying    = k0 logit of the prior's chance  + output 0
    log of the expected spend        = k1 log of the prior's           + output 1
    location of log spend, if bought = k2 (log of the prior's spend of a buyer - 1/2)
                                                                       + output 2
    log of that lognormal's scale    =                                   output 3

plus a level, the same for all customers. The level scales the total of today's
customers to the prior's total, times the factor by which past totals of that horizon
and season differed from the prior. A network whose last layer is zero and that keeps
the whole prior gives the prior's forecasts.

Spend is zero with probability 1 - p and lognormal otherwise (ZILN: Wang, Liu & Miao
2019, "A Deep Probabilistic Model for Customer Lifetime Value Prediction"), and the
quantiles follow from that. The mean does not follow: p exp(mu + sigma^2 / 2) explodes
where the tail is heavy, because a slightly larger sigma of a few customers outweighs
all others. So the mean is an output of its own, fitted by Tweedie deviance.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from clv_warehouse.clv.feature_set import (
    FeatureSet,
    OtherInputsError,
    current_features,
)
from clv_warehouse.clv.observations import MONTHS, PURCHASES, Observations
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.learning.encoders import ENCODED, ENCODER_SHAPES, ENCODERS
from clv_warehouse.project.arrays import Singles

PAIR_INPUTS = ("log_horizon_days", "log_prior_spend", "logit_prior_chance")
OUTPUTS = 4
QUANTILES = (0.1, 0.5, 0.9)
# The prior may give a customer almost no chance; a correction in logs needs a start.
LEAST_CHANCE = 1e-4
LEAST_SHARE_OF_MEAN_SPEND = 1e-3
# If all customers pay the same, the spread of log spend would shrink for ever.
LEAST_LOG_SCALE = -3.0
SCALINGS = ("customer_scaling", "pair_scaling", "sequence_scaling")


class DamagedNetworkError(ValueError):
    """What is stored is not the network that was judged; the message says why."""


@dataclass(frozen=True)
class NetworkConfig:
    """How a network is built and trained.

    Attributes:
        encoder: how the last purchases become numbers: not at all (dense), by
            convolutions (cnn) or one after another (rnn); all see all other inputs.
        hidden_units: width of each dense layer.
        dropout: share of hidden units left out in each training step.
        l2: penalty on the weights of the dense layers.
        epochs: the most epochs of training; later data may stop it earlier.
        batch_rows: rows per training step.
        learning_rate: learning rate of Adam.
        seed: seed of the first weights, the order of rows and the dropout.
        ensemble: how many networks, alike except for the seed, are averaged.

    """

    encoder: str = "dense"
    hidden_units: tuple[int, ...] = (128, 64)
    dropout: float = 0.0
    l2: float = 1e-3
    epochs: int = 4
    batch_rows: int = 2048
    learning_rate: float = 1e-3
    seed: int = 1
    ensemble: int = 2

    @classmethod
    def from_json(cls, text: str) -> "NetworkConfig":
        """Read settings from JSON; TypeError names one that does not exist."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "NetworkConfig":
        """Take settings that differ from the defaults; TypeError likewise."""
        units = settings.get("hidden_units", cls.hidden_units)
        return cls(**{**settings, "hidden_units": tuple(units)})

    @property
    def features(self) -> FeatureSet:
        """The features that are read; sequences only if the encoder reads them."""
        features = current_features()
        return features.without_sequences if self.encoder == "dense" else features


@dataclass(frozen=True)
class Outlook:
    """The prior's forecasts of pairs of customer and horizon, shape (n,) each.

    Attributes:
        spend: expected spend, above zero.
        chance: chance of buying, strictly between zero and one.
        horizon_days: days looked ahead, (n,) or one number.
        calendar: (n, 12) or (1, 12) share of the horizon in each month.

    """

    spend: Singles
    chance: Singles
    horizon_days: NDArray
    calendar: Singles

    @classmethod
    def of(cls, prior: Prior, observations: Observations, scale: float) -> "Outlook":
        """Ask the prior about some observations; see `bounded`."""
        prospects = Prospects(prior, observations.customers.history)
        horizon_days, row = observations.horizon_days, observations.row
        return cls.bounded(
            prospects.spend(horizon_days, row),
            prospects.chance(horizon_days, row),
            horizon_days,
            observations.calendar,
            scale,
        )

    @classmethod
    def bounded(
        cls,
        spend: NDArray,
        chance: NDArray,
        horizon_days: NDArray,
        calendar: Singles,
        scale: float,
    ) -> "Outlook":
        """Keep the prior's forecasts off zero and one, where logs have no value.

        `scale` is the mean spend of the training data.
        """
        return cls(
            np.maximum(spend, LEAST_SHARE_OF_MEAN_SPEND * scale).astype(np.float32),
            np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE).astype(np.float32),
            horizon_days,
            calendar,
        )

    @property
    def inputs(self) -> Singles:
        """Shape (n, len(PAIR_INPUTS))."""
        inputs = np.empty((len(self.spend), len(PAIR_INPUTS)), dtype=np.float32)
        inputs[:, 0] = np.log(self.horizon_days)
        inputs[:, 1] = np.log(self.spend)
        inputs[:, 2] = logit(self.chance)
        return inputs

    @property
    def offsets(self) -> Singles:
        """The values to which the outputs are added, shape (n, OUTPUTS)."""
        offsets = np.zeros((len(self.spend), OUTPUTS), dtype=np.float32)
        offsets[:, 0] = logit(self.chance)
        offsets[:, 1] = np.log(self.spend)
        offsets[:, 2] = np.log(self.spend / self.chance) - np.float32(0.5)
        return offsets


@dataclass(frozen=True)
class Forecast:
    """Forecasts, shape (n,) each; float32.

    Attributes:
        spend: expected spend. chance: chance of buying. quantiles: (n, 3), the spend
        that is exceeded with a probability of 90, 50, 10 %.

    """

    spend: Singles
    chance: Singles
    quantiles: Singles


@dataclass(frozen=True)
class Scaling:
    """Range, mean and spread of each input in training, shape (F,) each.

    Inputs are cut off at the range. Beyond it, as with a longer horizon, the correction
    stays as it is and the prior carries on.
    """

    low: Singles
    high: Singles
    center: Singles
    spread: Singles

    @classmethod
    def fit(cls, inputs: Singles) -> "Scaling":
        """Measure inputs, shape (n, F), with n above zero."""
        spread = inputs.std(axis=0, dtype=np.float64)
        return cls(
            inputs.min(axis=0),
            inputs.max(axis=0),
            inputs.mean(axis=0, dtype=np.float64).astype(np.float32),
            np.where(spread > 1e-6, spread, 1).astype(np.float32),
        )

    def __call__(self, inputs: Singles) -> Singles:
        """Cut off, centre and scale inputs, shape (n, F)."""
        scaled = np.clip(inputs, self.low, self.high)
        scaled -= self.center
        scaled /= self.spread
        return scaled


@dataclass(frozen=True)
class Level:
    """The correction of a whole horizon, the same for all customers.

    A season or a good year moves all customers together, and a history holds few of
    either. So the network learns how customers differ, and the level what they share.

    Attributes:
        horizon_days: (h,) the horizons that training knew, rising.
        by_horizon: (h, OUTPUTS) what each horizon adds to the outputs.
        by_month: (12, OUTPUTS) what each month adds, times its share of the horizon.

    """

    horizon_days: NDArray[np.int64]
    by_horizon: Singles
    by_month: Singles

    @classmethod
    def none(cls) -> "Level":
        """Return a level that corrects nothing."""
        return cls(
            np.array([1]),
            np.zeros((1, OUTPUTS), dtype=np.float32),
            np.zeros((MONTHS, OUTPUTS), dtype=np.float32),
        )

    def __call__(self, horizon_days: NDArray, calendar: Singles) -> Singles:
        """Return what to add to the outputs, shape (n, OUTPUTS).

        It interpolates between two known horizons; beyond them it takes the nearest.
        """
        of_horizon = [
            np.interp(horizon_days, self.horizon_days, values)
            for values in self.by_horizon.T
        ]
        return (
            np.stack(of_horizon, axis=-1, dtype=np.float32) + calendar @ self.by_month
        )


@dataclass(frozen=True)
class Network:
    """A trained network.

    Attributes:
        config: how it was built.
        features: what it reads.
        scale: mean spend of the training data, in currency.
        customer_scaling: scaling of the customer's inputs.
        pair_scaling: scaling of the inputs that change with the horizon.
        sequence_scaling: scaling of the sequence of purchases, place by place.
        encoders: for each network of the ensemble the arrays that read the sequence.
        members: for each network of the ensemble a kernel and a bias of each dense
            layer. The rows of the first kernel are customer inputs, values of the
            encoder, then pair inputs.
        kept: (OUTPUTS,) share of the prior's forecast that is kept, times the sharpness
            (sharpness.py), by which the last kernels are multiplied too.
        level: the correction that all customers share.

    """

    config: NetworkConfig
    features: FeatureSet
    scale: float
    customer_scaling: Scaling
    pair_scaling: Scaling
    sequence_scaling: Scaling
    encoders: tuple[tuple[Singles, ...], ...]
    members: tuple[tuple[Singles, ...], ...]
    kept: Singles
    level: Level

    def customer_layer(
        self, inputs: Singles, sequences: Singles | None = None
    ) -> list[Singles]:
        """Compute the customers' share of the first layer, (m, units) per member.

        It is the same for every horizon and half of the work of scoring. Raises
        ValueError if the encoder reads sequences and there are none.
        """
        return self.read(self.inputs_layer(inputs), self.steps(sequences))[0]

    def inputs_layer(self, inputs: Singles) -> list[Singles]:
        """Compute the part of that share that needs no encoder."""
        scaled = self.customer_scaling(inputs)
        return [scaled @ arrays[0][: scaled.shape[1]] for arrays in self.members]

    def steps(self, sequences: Singles | None) -> Singles:
        """Scale sequences as the encoders read them, (PURCHASES, m, 2).

        The shape is (PURCHASES, 1, 0) if no encoder reads them. Raises ValueError if
        one does and they were not read from the table.
        """
        width = len(self.features.sequences)
        if not width:
            return np.zeros((PURCHASES, 1, 0), dtype=np.float32)
        if sequences is None:
            raise ValueError(
                f"the encoder {self.config.encoder} needs {self.features.sequences}"
            )
        flat = self.sequence_scaling(sequences.reshape(len(sequences), -1))
        steps = flat.reshape(-1, PURCHASES, width)
        return np.ascontiguousarray(steps.swapaxes(0, 1))

    def read(
        self, inputs_layer: list[Singles], steps: Singles
    ) -> tuple[list[Singles], Callable[[list[Singles]], Singles]]:
        """Add the values of the encoders of `steps` to the first layer.

        Returns the layer, (m, units) per member, and its backpropagation from slopes in
        the layer to slopes in `steps`.
        """
        encode = ENCODERS[self.config.encoder]
        if encode is None:
            return inputs_layer, lambda slopes: np.zeros_like(steps)
        encoded = slice(len(self.features.names), -len(PAIR_INPUTS))
        kernels = [arrays[0][encoded] for arrays in self.members]
        values, backwards = zip(
            *(encode(steps, arrays) for arrays in self.encoders), strict=True
        )

        def backward(slopes: list[Singles]) -> Singles:
            parts = zip(backwards, slopes, kernels, strict=True)
            return sum(back(slope @ kernel.T) for back, slope, kernel in parts)

        parts = zip(inputs_layer, values, kernels, strict=True)
        return [share + value @ kernel for share, value, kernel in parts], backward

    def forward(self, customer_layer: list[Singles], pair_inputs: Singles) -> Singles:
        """Compute the outputs, shape (n, OUTPUTS).

        `customer_layer` has a row per pair, and so has `pair_inputs`.
        """
        own = self.pair_scaling(pair_inputs)
        total = np.zeros((len(own), OUTPUTS), dtype=np.float32)
        for first, arrays in zip(customer_layer, self.members, strict=True):
            hidden = own @ arrays[0][-own.shape[1] :]
            hidden += first
            hidden += arrays[1]
            for kernel, bias in zip(arrays[2::2], arrays[3::2], strict=True):
                np.maximum(hidden, 0, out=hidden)
                hidden = hidden @ kernel
                hidden += bias
            total += hidden
        return total / np.float32(len(self.members))

    def forecast(self, customer_layer: list[Singles], outlook: Outlook) -> Forecast:
        """Correct the prior's forecasts of pairs, a row of `customer_layer` each."""
        outputs = self.forward(customer_layer, outlook.inputs)
        outputs += self.kept * outlook.offsets
        outputs += self.level(outlook.horizon_days, outlook.calendar)
        chance = expit(outputs[:, 0])
        return Forecast(
            np.exp(outputs[:, 1]),
            chance,
            spend_quantiles(
                chance,
                outputs[:, 2],
                np.exp(np.maximum(outputs[:, 3], np.float32(LEAST_LOG_SCALE))),
            ),
        )

    def predict(self, prior: Prior, observations: Observations) -> Forecast:
        """Forecast some observations, shape (n,)."""
        # Observations often use few of many customers, and encoders need memory.
        places, row = np.unique(observations.row, return_inverse=True)
        customers = observations.customers.take(places)
        first = self.customer_layer(customers.inputs, customers.sequences)
        outlook = Outlook.of(prior, observations, self.scale)
        return self.forecast([layer[row] for layer in first], outlook)

    def to_bytes(self) -> bytes:
        """Write one npz archive; the same network gives the same bytes."""
        arrays: dict[str, Any] = {
            "about": np.array(
                json.dumps(
                    {
                        "config": asdict(self.config),
                        "scale": self.scale,
                        "features": asdict(self.features),
                        "arrays": [len(member) for member in self._arrays],
                    }
                )
            ),
            "kept": self.kept,
        }
        for name in (*SCALINGS, "level"):
            for part, value in asdict(getattr(self, name)).items():
                arrays[f"{name}.{part}"] = value
        for i, member in enumerate(self._arrays):
            for j, array in enumerate(member):
                arrays[f"member.{i}.{j}"] = array
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Network":
        """Read the network that to_bytes wrote, in no more memory than the bytes take.

        It goes on reading the features that it was trained on. Raises OtherInputsError
        if one of them is gone, and DamagedNetworkError if the bytes are no network.
        """
        try:
            network = cls._of(data)
            network._check()
        except (OtherInputsError, DamagedNetworkError):
            raise
        # Whatever the readers of archives, arrays and JSON raise where bytes are wrong.
        except Exception as error:
            raise DamagedNetworkError("cannot be read") from error
        return network

    @classmethod
    def _of(cls, data: bytes) -> "Network":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # to_bytes compresses nothing; a small archive may be gigabytes of zeros.
            if sum(each.file_size for each in archive.infolist()) > len(data):
                raise DamagedNetworkError("holds more than its size")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if "features" not in about:
                raise OtherInputsError(
                    "does not say which features it reads, as networks once did not"
                )

            def read(kind: type, name: str) -> Any:
                return kind(*(arrays[f"{name}.{part.name}"] for part in fields(kind)))

            members = tuple(
                tuple(arrays[f"member.{i}.{j}"] for j in range(count))
                for i, count in enumerate(about["arrays"])
            )
            config = NetworkConfig.from_json(json.dumps(about["config"]))
            encoding = len(ENCODER_SHAPES[config.encoder])
            return cls(
                config,
                FeatureSet.from_json(about["features"]),
                about["scale"],
                read(Scaling, "customer_scaling"),
                read(Scaling, "pair_scaling"),
                read(Scaling, "sequence_scaling"),
                tuple(member[:encoding] for member in members),
                tuple(member[encoding:] for member in members),
                arrays["kept"],
                read(Level, "level"),
            )

    def _check(self) -> None:
        """Raise DamagedNetworkError for an array of a wrong shape, or no number."""
        horizons = len(self.level.horizon_days)
        expected: list[tuple[NDArray, tuple[int, ...]]] = [
            (np.asarray(self.scale, dtype=np.float64), ()),
            (self.kept, (OUTPUTS,)),
            (self.level.horizon_days, (horizons,)),
            (self.level.by_horizon, (horizons, OUTPUTS)),
            (self.level.by_month, (MONTHS, OUTPUTS)),
        ]
        widths = {
            "customer_scaling": len(self.features.names),
            "pair_scaling": len(PAIR_INPUTS),
        }
        if self.features.sequences:
            widths["sequence_scaling"] = PURCHASES * len(self.features.sequences)
        for name, width in widths.items():
            parts = asdict(getattr(self, name)).values()
            expected += [(array, (width,)) for array in parts]
        shapes = array_shapes(self.config, self.features)
        for member in self._arrays:
            expected += zip(member, shapes, strict=True)
        wrong = [
            f"{array.shape} instead of {shape}"
            for array, shape in expected
            if array.shape != shape
        ]
        if wrong or not self.members or not horizons:
            said = wrong[0] if wrong else "none of some kind"
            raise DamagedNetworkError(f"has arrays of other shapes ({said})")
        if not all(np.isfinite(array).all() for array, _ in expected):
            raise DamagedNetworkError("has weights that are no numbers")

    @property
    def _arrays(self) -> tuple[tuple[Singles, ...], ...]:
        """All arrays of each member."""
        return tuple(
            (*encoder, *member)
            for encoder, member in zip(self.encoders, self.members, strict=True)
        )

    @property
    def corrects(self) -> bool:
        """Whether its forecasts differ from the prior's."""
        last = [array for arrays in self.members for array in arrays[-2:]]
        level = [self.level.by_horizon, self.level.by_month]
        return any(array.any() for array in last + level)


def array_shapes(config: NetworkConfig, features: FeatureSet) -> list[tuple[int, ...]]:
    """Return the shapes of a member: its encoder's, then kernels and biases."""
    shapes = list(ENCODER_SHAPES[config.encoder])
    inputs = len(features.names) + len(PAIR_INPUTS) + (ENCODED if shapes else 0)
    for rows, columns in pairwise([inputs, *config.hidden_units, OUTPUTS]):
        shapes += [(rows, columns), (columns,)]
    return shapes


def untrained(config: NetworkConfig) -> Network:
    """Return a network that corrects nothing."""
    features = config.features
    encoding = len(ENCODER_SHAPES[config.encoder])
    arrays = [
        np.zeros(shape, dtype=np.float32) for shape in array_shapes(config, features)
    ]

    def scaling(size: int) -> Scaling:
        return Scaling.fit(np.zeros((1, size), dtype=np.float32))

    return Network(
        config,
        features,
        1.0,
        scaling(len(features.names)),
        scaling(len(PAIR_INPUTS)),
        scaling(PURCHASES * len(features.sequences)),
        (tuple(arrays[:encoding]),),
        (tuple(arrays[encoding:]),),
        np.ones(OUTPUTS, dtype=np.float32),
        Level.none(),
    )


def spend_quantiles(chance: Singles, location: Singles, scale: Singles) -> Singles:
    """Return quantiles of spend: zero with probability 1 - chance, else lognormal.

    Quantile q is zero if q <= 1 - p, else exp(mu + sigma z) where z is the standard
    normal quantile of (q - (1 - p)) / p. Shape (n, len(QUANTILES)).
    """
    levels = np.array(QUANTILES, dtype=np.float32)
    within = (levels - 1 + chance[:, None]) / chance[:, None]
    # Minus infinity for a share of zero or less, so that exp makes it zero.
    normal = ndtri(np.clip(within, 0, 1 - 1e-7, dtype=np.float32))
    return np.exp(location[:, None] + scale[:, None] * normal)
