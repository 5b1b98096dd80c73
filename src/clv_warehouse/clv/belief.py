"""Decides on later data how much of a network's correction counts."""

import numpy as np

from clv_warehouse.clv.level import Cells
from clv_warehouse.clv.losses import losses_of
from clv_warehouse.clv.tuning import Tuning
from clv_warehouse.project.arrays import Singles


def belief_in(
    cells: Cells,
    outcomes: Singles,
    outputs: Singles,
    offsets: Singles,
    tuning: Tuning,
) -> tuple[float, Singles]:
    """Return the loss with the network's correction, and how much of it counts.

    The second, (OUTPUTS,), is `tuning.belief` for each output, or 0 where the prior,
    `offsets`, is better beyond doubt. What all customers of a cell share is taken as
    known, because the level sees to that. A buyer's location and scale are believed
    together.
    """
    losses = []
    for share in (0.0, tuning.belief):
        mixed = share * outputs + (1 - share) * offsets
        mixed = cells.centred(outcomes, mixed, tuning.most_off)
        mixed[:, 3] = share * outputs[:, 3]
        targets = np.hstack([outcomes, mixed])
        losses.append(np.array(losses_of(targets, np.zeros_like(mixed))))
    gain = losses[0] - losses[1]
    # A customer stands in many cells, but these are not independent observations.
    error = gain.std(axis=1) / np.sqrt(cells.customers.max())
    is_worse = gain.mean(axis=1) < -tuning.doubt * error
    belief = np.where(is_worse, 0, tuning.belief)
    return float(losses[1].mean(axis=1).sum()), belief[[0, 1, 2, 2]].astype(np.float32)
