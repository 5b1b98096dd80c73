"""Computes how much each input adds to a customer's predicted spend, in money.

It integrates the gradients (learning/attribution.py) of the predicted spend f along the
line from the shop's typical customer to each other one. The whole prediction is
explained: the prior changes along the line, and so does the network that corrects it,

    log f = kept * log of the prior's spend + output 1 of the network
            + level + t * season

where kept is the share of the prior's forecast that the network keeps, level is what
all customers share at this horizon, and season is the part that the time of year adds,
in the prior and in the level. The typical customer has no season.

The line is straight in the network's inputs: logs of counts, days and amounts, those of
the last purchases too if the network reads them. The typical customer is the mean of
these inputs over the shop's customers. The network reads both ends of the line cut off
at the range of training, and what lies between; smooth_prior.py defines what the prior
reads.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clv_warehouse.clv.network import (
    LEAST_SHARE_OF_MEAN_SPEND,
    OUTPUTS,
    PAIR_INPUTS,
    Network,
    Outlook,
)
from clv_warehouse.clv.observations import Customers, calendar_shares
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.clv.reasons import contributing
from clv_warehouse.clv.smooth_prior import PRIOR_INPUTS, SmoothPrior, View
from clv_warehouse.learning.attribution import (
    POINTS,
    dense_layers,
    mean_inputs,
    nodes,
    with_error_spread,
)
from clv_warehouse.project.arrays import Floats, Singles

# Spend below this counts as nothing; its log is still a number.
LEAST_SPEND = 1e-12


@dataclass(frozen=True)
class Explainer:
    """Explains the forecasts of one date and horizon.

    Attributes:
        network: the network that scored; one that corrects nothing if the prior did.
        prior: the prior, for any point of the line.
        typical: (1, F) the inputs of the typical customer.
        typical_sequences: (1, PURCHASES, 2) the same of sequences; None if not read.
        calendar: (1, 12) the share of the horizon in each month.

    """

    network: Network
    prior: SmoothPrior
    typical: Singles
    typical_sequences: Singles | None
    calendar: Singles

    @classmethod
    def of(
        cls,
        network: Network,
        prior: Prior,
        sample: Customers,
        as_of_date: np.datetime64,
        horizon_days: int,
        most: tuple[float, float],
    ) -> "Explainer":
        """Prepare for customers of at most so many purchases and days of tenure.

        The mean of `sample` is the typical one.
        """
        smooth = SmoothPrior.of(
            prior,
            as_of_date,
            horizon_days,
            most,
            LEAST_SHARE_OF_MEAN_SPEND * network.scale,
        )
        calendar = calendar_shares(np.array([as_of_date]), np.array([horizon_days]))
        sequences = sample.sequences
        return cls(
            network,
            smooth,
            mean_inputs(sample.inputs),
            None if sequences is None else mean_inputs(sequences),
            calendar,
        )

    def explain(self, customers: Customers, predicted: Floats) -> Floats:
        """Return the contributions to what was predicted, a column per `contributing`.

        Each row and the baseline add up to `predicted`, shape (m,). A prediction may be
        above the forecast of its own horizon, because a shorter horizon had more; the
        difference goes to season.
        """
        above = np.log(np.maximum(predicted, LEAST_SPEND) / self.forecast(customers))
        contributions = self.integrate(
            customers.inputs, customers.sequences, self.season + above
        )
        return with_error_spread(contributions, predicted - self.baseline)

    @cached_property
    def prior_places(self) -> list[int]:
        """Where the inputs stand that the prior reads."""
        names = self.network.features.names
        return [names.index(name) for name in PRIOR_INPUTS]

    @cached_property
    def season_of_prior(self) -> float:
        """How much they add to the log of what the prior expects of the typical one."""
        return self.prior.season_at(
            self.typical[:, self.prior_places].astype(np.float64)
        )

    @cached_property
    def season(self) -> float:
        """How much the months of the horizon add to the log of the level."""
        return float((self.calendar @ self.network.level.by_month)[0, 1])

    @cached_property
    def level(self) -> float:
        """How much the horizon, whatever its months, adds to that log."""
        days, no_month = np.array([self.prior.horizon_days]), 0 * self.calendar
        return float(self.network.level(days, no_month)[0, 1])

    @cached_property
    def baseline(self) -> float:
        """The spend expected of the typical customer, without season."""
        view = self.prior(self.typical[:, self.prior_places].astype(np.float64))
        view = view.shifted(-self.season_of_prior)
        first = self.network.customer_layer(self.typical, self.typical_sequences)
        output = self.network.forward(first, self._pair_inputs(view))[0, 1]
        output += self.network.kept[1] * view.log_spend[0]
        return float(np.exp(output + self.level))

    def forecast(self, customers: Customers) -> Floats:
        """Forecast customers as they are scored, shape (m,)."""
        days = self.prior.horizon_days
        prospects = Prospects(self.prior.prior, customers.history)
        outlook = Outlook.bounded(
            prospects.spend(days),
            prospects.chance(days),
            np.array([days]),
            self.calendar,
            self.network.scale,
        )
        first = self.network.customer_layer(customers.inputs, customers.sequences)
        return self.network.forecast(first, outlook).spend.astype(np.float64)

    def integrate(
        self,
        inputs: Singles,
        sequences: Singles | None,
        seasons: Floats,
        points: int = POINTS,
    ) -> Floats:
        """Integrate the gradients on the way to n customers and their seasons, (n,).

        The result is in money, a column per `contributing`. Rows add up to the spend
        less the baseline, except for the integration error.
        """
        network, kept = self.network, self.network.kept[1]
        start = self.typical[:, self.prior_places].astype(np.float64)
        way = inputs[:, self.prior_places] - start
        starts = network.inputs_layer(self.typical)
        ways = [
            end - begin
            for begin, end in zip(starts, network.inputs_layer(inputs), strict=True)
        ]
        first_steps = network.steps(self.typical_sequences)
        step_ways = network.steps(sequences) - first_steps
        by_prior, by_season = np.zeros_like(way), np.zeros(len(way))
        by_layer = [np.zeros_like(each) for each in ways]
        by_step = np.zeros((len(step_ways), len(way), step_ways.shape[2]))
        for node, mass in nodes(points):
            view = self.prior(start + node * way)
            view = view.shifted((node - 1) * self.season_of_prior)
            # The part without an encoder is linear along the line; the part with one is
            # not.
            layer, backward = network.read(
                [
                    begin + np.float32(node) * each
                    for begin, each in zip(starts, ways, strict=True)
                ],
                first_steps + np.float32(node) * step_ways,
            )
            output, layer_slopes, pair_slopes = correction(
                network, layer, self._pair_inputs(view)
            )
            output += self.level + node * seasons
            spend = mass * np.exp(kept * view.log_spend + output)
            by_season += spend * seasons
            by_prior += spend[:, None] * (
                view.log_spend_slopes * (kept + pair_slopes[:, 1:2])
                + view.logit_chance_slopes * pair_slopes[:, 2:3]
            )
            by_season += spend * self.season_of_prior * (kept + pair_slopes[:, 1])
            weight = spend[:, None].astype(np.float32)
            for total, slope in zip(by_layer, layer_slopes, strict=True):
                total += weight * slope
            by_step += weight * backward(layer_slopes)
        contributions = np.zeros((len(inputs), len(contributing(network.features))))
        distance = network.customer_scaling(inputs)
        distance -= network.customer_scaling(self.typical)
        known = distance.shape[1]
        for total, arrays in zip(by_layer, network.members, strict=True):
            contributions[:, :known] += (total @ arrays[0][:known].T) * distance
        contributions[:, self.prior_places] += by_prior * way
        contributions[:, known:-1] = (by_step * step_ways).sum(axis=0)
        contributions[:, -1] = by_season
        return contributions

    def _pair_inputs(self, view: View) -> Singles:
        """Return the network's inputs of the horizon and of the prior."""
        inputs = np.empty((len(view.log_spend), len(PAIR_INPUTS)), dtype=np.float32)
        inputs[:, 0] = np.log(self.prior.horizon_days)
        inputs[:, 1] = view.log_spend
        inputs[:, 2] = view.logit_chance
        return inputs


def correction(
    network: Network, customer_layer: list[Singles], pair_inputs: Singles
) -> tuple[Singles, list[Singles], Singles]:
    """Return the network's output 1, and its slopes by backpropagation.

    The output has shape (n,); the slopes are those in each member's `customer_layer`,
    (n, units), and in `pair_inputs`, (n, len(PAIR_INPUTS)).
    """
    scaling = network.pair_scaling
    own = scaling(pair_inputs)
    inside = (pair_inputs >= scaling.low) & (pair_inputs <= scaling.high)
    output = np.zeros(len(own), dtype=np.float32)
    pair_slopes = np.zeros_like(own)
    layer_slopes = []
    share = np.float32(1 / len(network.members))
    of_output = share * np.eye(OUTPUTS, dtype=np.float32)[1:2]
    for first, arrays in zip(customer_layer, network.members, strict=True):
        own_kernel = arrays[0][-own.shape[1] :]
        hidden = own @ own_kernel
        hidden += first
        hidden += arrays[1]
        outputs, backward = dense_layers(hidden, arrays[2:])
        output += share * outputs[:, 1]
        slope = backward(of_output)
        layer_slopes.append(slope)
        pair_slopes += slope @ own_kernel.T
    return output, layer_slopes, pair_slopes * inside / scaling.spread
