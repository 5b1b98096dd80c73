"""Integrated gradients: how much each input of a learned model adds to its output.

Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks". On the
straight line x(t) from a baseline, x(0), to a case, x(1),

    contribution of input j = (x_j(1) - x_j(0)) * integral from 0 to 1 of df/dx_j dt

so that all contributions add up to f(x(1)) - f(x(0)).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from clv_warehouse.project.arrays import Singles

# Points on the line. The slopes of a network with ReLU jump, so more points gain
# little: tests/clv/test_attribution.py measures what is missed.
POINTS = 16


def nodes(points: int = POINTS) -> Iterator[tuple[float, float]]:
    """Gauss-Legendre quadrature from 0 to 1: each node and the mass that it counts."""
    places, masses = legendre.leggauss(points)
    yield from zip((places + 1) / 2, masses / 2, strict=True)


def mean_inputs(inputs: Singles) -> Singles:
    """Return the mean of inputs over their first axis, which keeps length one."""
    return inputs.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)


def with_error_spread(contributions: NDArray, total: NDArray) -> NDArray:
    """Make each row of `contributions`, (n, k), add up to its `total`, (n,).

    The integration error is spread in proportion to the contributions' sizes; if
    all are zero, the last one gets it all.
    """
    missed = total - contributions.sum(axis=1)
    size = np.abs(contributions)
    size[:, -1] += np.finfo(np.float64).tiny
    return contributions + size * (missed / size.sum(axis=1))[:, None]


def dense_layers(
    hidden: Singles, arrays: Sequence[Singles]
) -> tuple[Singles, Callable[[Singles], Singles]]:
    """Run dense layers with ReLU, and return their output and its backpropagation.

    `hidden` has what the first layer gives before its ReLU, (n, units), and is
    overwritten; `arrays` are kernel and bias of each further layer. Backpropagation
    goes from slopes in the output to slopes in `hidden`.
    """
    kernels, biases = arrays[::2], arrays[1::2]
    actives = []
    for kernel, bias in zip(kernels, biases, strict=True):
        actives.append(hidden > 0)
        np.maximum(hidden, 0, out=hidden)
        hidden = hidden @ kernel
        hidden += bias

    def backward(slope: Singles) -> Singles:
        for kernel, active in zip(kernels[::-1], actives[::-1], strict=True):
            slope = (slope @ kernel.T) * active
        return slope

    return hidden, backward
