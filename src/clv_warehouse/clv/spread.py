"""How far a customer's spend may lie from what the prior expects: its quantiles.

The prior says how likely a customer is to buy and what is expected of them. A customer
who buys spends a lognormal amount, whose mean agrees with that expectation and whose
scale has three causes: how many purchases it will be, what each will cost, and what the
customer's own level of spend is.
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.clv.history import History
from clv_warehouse.clv.network import spend_quantiles
from clv_warehouse.project.arrays import Floats, Singles

# Where a shop shows no spread of amounts, as with one price or one customer.
LEAST_SCALE = 0.1


@dataclass(frozen=True)
class Spread:
    """Variances of the logarithm of amounts.

    Attributes:
        of_purchases: of a customer's purchases around the customer's level.
        of_levels: of the customers' levels around their mean.

    """

    of_purchases: float
    of_levels: float

    @classmethod
    def fit(cls, history: History) -> "Spread":
        """Tell the two apart: the mean of more purchases lies closer to the level.

        With x purchases the variance of the log of a customer's mean amount is
        `of_levels` + `of_purchases` / x: a line in 1 / x, by least squares. Both are at
        least 0, and LEAST_SCALE squared where too few customers bought.
        """
        known = (history.monetary > 0) & (history.purchases > 0)
        if known.sum() < 2:
            return cls(LEAST_SCALE**2, LEAST_SCALE**2)
        amounts, share = np.log(history.monetary[known]), 1 / history.purchases[known]
        # Large customers may spend more at a time: that is no spread around a level.
        typical = np.polyval(
            np.polyfit(share, amounts, 1 if np.ptp(share) else 0), share
        )
        squares = (amounts - typical) ** 2
        if np.ptp(share) == 0:
            return cls(float(squares.mean()), 0.0)
        slope, start = np.polyfit(share, squares, 1)
        slope = np.clip(slope, 0, squares.mean() / share.mean())
        start = squares.mean() - slope * share.mean()
        return cls(float(slope), float(start))

    def scale(self, history: History, purchases: Floats, chance: Floats) -> Floats:
        """Standard deviation of the log of a buyer's spend, shape (n,).

        `purchases` and `chance`, (n,), are expected within a horizon. How many
        purchases a buyer makes, count = purchases / chance on average, is taken as
        geometric: the square of its relative spread is 1 - 1 / count. A count that
        narrows with what a customer has bought so far was tried and too narrow: the
        logarithms of spend were spread 1.2 to 1.6 times as far as it said, and 0.9 to
        1.2 times as far as this one says (sample shop, CDNOW and Online Retail II).
        """
        count = np.maximum(purchases / np.maximum(chance, 1e-12), 1)
        noise = self.of_purchases / np.maximum(history.purchases, 1)
        total = self.of_levels + noise
        # What the customer's own purchases leave open of the level.
        of_level = self.of_levels * noise / total if self.of_levels else 0 * noise
        variance = np.log1p(1 - 1 / count) + of_level + self.of_purchases / count
        return np.sqrt(np.maximum(variance, LEAST_SCALE**2))

    def quantiles(
        self, history: History, spend: Floats, purchases: Floats, chance: Floats
    ) -> Singles:
        """Spend that is exceeded with a chance of 90, 50 and 10 %, shape (n, 3).

        `spend`, `purchases` and `chance`, (n,), are the prior's expectations within a
        horizon.
        """
        scale = self.scale(history, purchases, chance)
        least = np.finfo(np.float32).tiny
        of_buyer = np.maximum(spend, least) / np.maximum(chance, least)
        return spend_quantiles(
            chance.astype(np.float32),
            (np.log(of_buyer) - scale**2 / 2).astype(np.float32),
            scale.astype(np.float32),
        )
