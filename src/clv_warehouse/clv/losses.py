"""The three losses of a network's four outputs, which training minimises."""

from typing import Any

from clv_warehouse.clv.network import LEAST_LOG_SCALE
from clv_warehouse.learning.fitting import import_keras


def loss(targets: Any, outputs: Any) -> Any:
    """Return the sum of the three losses of each example, shape (n,)."""
    return sum(losses_of(targets, outputs))


def losses_of(targets: Any, outputs: Any) -> tuple[Any, Any, Any]:
    """Return three losses of each example, shape (n,), of outputs before their offsets.

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

    Jorgensen (1987): a distribution between Poisson and gamma, with a mass at zero and
    a long tail. With p = 1.5 its deviance, 2 (y^(2-p) / ((1-p)(2-p)) - y m^(1-p) /
    (1-p) + m^(2-p) / (2-p)), is 4 (sqrt(y) - sqrt(m))^2 / sqrt(m), least where m is the
    mean of y.
    """
    ops = import_keras().ops
    root = ops.exp(0.5 * log_mean)
    return 4 * ops.square(ops.sqrt(spend) - root) / root
