"""Gamma-Gamma: how much a customer spends per purchase.

Source: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value".
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from clv_warehouse.clv.history import History
from clv_warehouse.clv.likelihood import climb, total
from clv_warehouse.clv.shapes import shape_within
from clv_warehouse.project.arrays import Floats


@dataclass(frozen=True)
class GammaGamma:
    """Spend per purchase: gamma around a level that is itself gamma-distributed.

    A purchase is gamma (p, v), the customer's v is gamma (q, gamma). `q` is held
    above one, where the mean spend is finite.
    """

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, history: History) -> "GammaGamma":
        """Maximum likelihood; where the data determine none, the penalised one.

        It leaves out rows without a purchase or with a mean of zero, which say nothing.
        Without any row the mean is one unit of currency. `p` comes from the spread of
        customers' own amounts, where it is known: the likelihood of their means alone
        takes a difference between frequent and rare buyers for one within customers.
        """
        known = (history.purchases > 0) & (history.monetary > 0)
        known &= history.weights > 0
        weights = history.weights[known]
        # In units of the mean amount, parameters have the same size in any currency.
        unit = (
            np.average(history.monetary[known], weights=weights) if known.any() else 1
        )
        mean = history.monetary[known] / unit
        counts, row_count = np.unique(history.purchases[known], return_inverse=True)
        by_count = np.bincount(row_count, weights, len(counts))
        total_amount = counts[row_count] * mean
        log_total = np.log(total_amount)
        own = shape_within(
            history.purchases, history.monetary, history.spread, history.weights
        )
        fixed = np.log([own]) if own is not None else np.zeros(0)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            p, excess, gamma = np.exp(log_parameters)
            q = 1 + excess
            shape = p * counts
            log_rate = np.log(gamma + total_amount)
            of_count = gammaln(shape + q) - gammaln(shape) - gammaln(q)
            of_mean = shape[row_count] * (log_total - log_rate) - np.log(mean)
            of_level = np.log(gamma) - log_rate
            value = total(by_count, of_count)
            value += total(weights, of_mean + q * of_level)
            growth = digamma(shape + q)
            slope_p = total(by_count, counts * (growth - digamma(shape)))
            slope_p += total(weights, counts[row_count] * (log_total - log_rate))
            slope_q = total(by_count, growth - digamma(q))
            slope_q += total(weights, of_level)
            rate = (shape[row_count] + q) / (gamma + total_amount)
            slope_gamma = total(weights, q / gamma - rate)
            scales = np.array([p, excess, gamma])
            return value, np.array([slope_p, slope_q, slope_gamma]) * scales

        def gain_of_level(log_parameters: Floats) -> tuple[float, Floats]:
            value, slope = gain(np.concatenate([fixed, log_parameters]))
            return value, slope[1:]

        starts = np.log([[4.0, 3.0, 0.75], [1.0, 1.0, 1.0], [20.0, 1.0, 0.1]])
        if own is None:
            p, excess, gamma = np.exp(climb(gain, starts, weights.sum()))
        else:
            p = own
            starts[:, 2] += starts[:, 0] - np.log(own)
            excess, gamma = np.exp(climb(gain_of_level, starts[:, 1:], weights.sum()))
        return cls(float(p), float(1 + excess), float(gamma * unit))

    def expected_amount(self, history: History) -> Floats:
        """Mean spend of the customer's next purchases, shape (n,).

        Fader & Hardie (2013), equation 5: the customer's own mean, drawn towards the
        mean of all customers; the fewer purchases it rests on, the more.
        """
        seen = np.where(history.monetary > 0, history.purchases, 0)
        evidence = self.gamma + seen * history.monetary
        return self.p * evidence / (self.p * seen + self.q - 1)
