"""Maximum likelihood, where data may determine no maximum."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from clv_warehouse.project.arrays import Floats

# Parameters are sought within this factor of a common value.
REACH = 1e4


def climb(
    gain: Callable[[Floats], tuple[float, Floats]],
    starts: Floats,
    size: float,
    near: Floats | None = None,
) -> Floats:
    """Return the log-parameters at which `gain` is highest, shape (k,).

    `gain` returns value and slope. `starts` has a row per climb, the first with common
    values; the best climb counts. From `near`, where a climb of much the same `gain`
    ended, one climb is enough. `size` is the number of customers. Some data determine
    no maximum: nobody repeated, all amounts are equal, or there is one customer. If the
    data bend `gain` in some direction less than a standard normal around the first
    start would, a second search adds the penalty of that normal.
    """
    size = max(size, 1.0)

    def search(penalty: float) -> Floats:
        def loss(point: Floats) -> tuple[float, Floats]:
            value, slope = gain(point)
            away = point - starts[0]
            return (
                (penalty * away @ away / 2 - value) / size,
                (penalty * away - slope) / size,
            )

        reach = np.log(REACH)
        found = [
            minimize(
                loss,
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(starts[0] - reach, starts[0] + reach, strict=True)),
                options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-7},
            )
            for start in (starts if near is None else [near])
        ]
        return min(found, key=lambda each: each.fun).x

    # For four parameters, threads of BLAS that wait for each other take four times as
    # long as one thread.
    with threadpool_limits(1):
        point = search(penalty=0.0)
        steps: Floats = 1e-3 * np.eye(len(point))
        bend = [(gain(point - s)[1] - gain(point + s)[1]) / 2e-3 for s in steps]
        is_determined = np.linalg.eigvalsh(np.array(bend)).min() > 1
        return point if is_determined else search(penalty=1.0)


def total(weights: NDArray, values: NDArray) -> float:
    """Add up values times weights, shape (n,) each.

    It does not use `@`, because BLAS splits a long sum over threads that spin while
    they wait for each other. Beside other work a fit then took fifty times as long.
    """
    return float((weights * values).sum())
