"""Decides on later data how much of a network's correction counts, and how sharply."""

import numpy as np

from clv_warehouse.clv.level import Cells
from clv_warehouse.clv.losses import losses_of
from clv_warehouse.clv.network import OUTPUTS
from clv_warehouse.clv.sharpness import of_chance, of_spend, sharpness_of
from clv_warehouse.clv.tuning import Tuning
from clv_warehouse.project.arrays import Singles


def belief_in(
    cells: Cells,
    outcomes: Singles,
    outputs: Singles,
    offsets: Singles,
    tuning: Tuning,
) -> tuple[float, Singles, Singles]:
    """Return the loss with the network's correction, how much counts, and what is kept.

    The second, (OUTPUTS,), is that of `shares` for each output, or 0 where the prior,
    `offsets`, is better beyond doubt; the third is the rest, which stays with the
    prior. Both are multiplied by the sharpness of the chance and of the spend. What all
    customers of a cell share is taken as known, because the level sees to that. A
    buyer's location and scale are believed together.
    """
    losses = []
    full = shares(tuning)
    for share in (np.zeros_like(full), full):
        mixed = share * outputs + (1 - share) * offsets
        mixed = cells.centred(outcomes, mixed, tuning.most_off)
        targets = np.hstack([outcomes, mixed])
        losses.append(np.array(losses_of(targets, np.zeros_like(mixed))))
    gain = losses[0] - losses[1]
    # A customer stands in many cells, but these are not independent observations.
    error = gain.std(axis=1) / np.sqrt(cells.customers.max())
    is_worse = gain.mean(axis=1) < -tuning.doubt * error
    belief = np.where(is_worse[[0, 1, 2, 2]], 0, full).astype(np.float32)
    mixed = belief * outputs + (1 - belief) * offsets
    sharpness = np.ones(OUTPUTS, dtype=np.float32)
    for output, slopes in enumerate((of_chance, of_spend)):
        found = sharpness_of(
            *(cells, outcomes[:, output], mixed[:, output]),
            *(slopes, tuning.sharpness_spread),
        )
        sharpness[output] += tuning.sharpness[output] * (found - 1)
    loss = float(losses[1].mean(axis=1).sum())
    return loss, belief * sharpness, (1 - belief) * sharpness


def shares(tuning: Tuning) -> Singles:
    """Return the share of the correction of each output that counts, if believed.

    That of the scale counts whole, (OUTPUTS,): the prior has no scale to be mixed with.
    """
    return np.array([tuning.belief] * (OUTPUTS - 1) + [1], dtype=np.float32)
