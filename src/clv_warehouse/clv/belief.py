"""How far a network is believed, as later data say; the rest is the prior's."""

import numpy as np

from clv_warehouse.clv.level import Cells
from clv_warehouse.clv.losses import losses_of
from clv_warehouse.project.arrays import Singles

# How far the network is believed, the rest being the prior's: what was best on earlier
# dates of several shops. Later data say whether that is too much, where the prior is
# better by so many standard errors; finer choices were no better than a guess.
BELIEF = 0.75
DOUBT = 2.0


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
