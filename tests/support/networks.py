"""Networks of random weights, for tests that need no training."""

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from clv_warehouse.clv.network import (
    OUTPUTS,
    PAIR_INPUTS,
    Level,
    Network,
    NetworkConfig,
    Scaling,
)
from clv_warehouse.learning.encoders import ENCODED, ENCODER_SHAPES
from clv_warehouse.learning.registry import digest_of


def judged(**columns: Any) -> dict[str, Any]:
    """A row of clv_network, accepted, with the digest of what it holds."""
    row = {
        "network_version": "good",
        "training_number": 1,
        "as_of_date": date(2025, 1, 20),
        "config": "{}",
        "is_accepted": True,
        **columns,
    }
    return {**row, "digest": digest_of(row["weights"], row["config"], row["prior"])}


def network_of(customers, encoder="dense", hidden_units=(16, 8), members=2):
    """A network of random weights that corrects by a factor of two or so.

    What the encoder makes of the purchases counts as much as in a trained network.
    """
    config = NetworkConfig(encoder=encoder, hidden_units=hidden_units)
    random = np.random.default_rng(3)

    def arrays(shapes, spread):
        return tuple(
            random.normal(
                0, spread / np.sqrt(np.prod(shape[:-1] or shape)), shape
            ).astype(np.float32)
            for shape in shapes
        )

    encoders = tuple(arrays(ENCODER_SHAPES[encoder], 1.5) for _ in range(members))
    encoded = ENCODED if encoders[0] else 0
    rows = len(config.features.names) + encoded + len(PAIR_INPUTS)
    sizes = pairwise([rows, *hidden_units, OUTPUTS])
    shapes = [shape for size in sizes for shape in (size, size[1:])]
    layers = tuple(arrays(shapes, 0.6) for _ in range(members))
    for kernel, *_ in layers:
        kernel[len(config.features.names) :][:encoded] *= 4
    pairs = np.array([[1, -3, -6], [8, 12, 6]], dtype=np.float32)
    level = Level.none()
    level.by_horizon[:] = 0.2
    level.by_month[:] = -0.1
    return Network(
        config,
        config.features,
        float(50),
        Scaling.fit(customers.inputs),
        Scaling.fit(pairs),
        Scaling.fit(customers.sequences.reshape(len(customers), -1)),
        encoders,
        layers,
        np.array([0.6, 0.7, 0.8, 1], dtype=np.float32),
        level,
    )
