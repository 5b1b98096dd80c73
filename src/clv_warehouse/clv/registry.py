"""Keeps the networks that forecast customers' spend, and decides which one scores."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from clv_warehouse.clv.feature_set import OtherInputsError
from clv_warehouse.clv.network import DamagedNetworkError, Network, NetworkConfig
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.tuning import Tuning
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning import acceptance
from clv_warehouse.learning.acceptance import Decision, Loss, Measures, Rule
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import Stored, accepted_networks

NETWORK = "clv_network"
TRAIN_AGAIN = "dbt build --vars '{retrain: true}'"
# The model that scores if no network does.
PRIOR = "prior"
# By luck a shop's total is off by about so much, whatever forecasts it (benchmarks of
# totals: logarithms of 113 past errors have this spread). Below it errors hardly count.
LUCK = 0.2


def _total_loss(total_bias: float) -> float:
    return float(np.hypot(LUCK, np.log(max(1 + total_bias, 0.01))))


# The network replaces the prior if it is no worse in rank, total and error together. A
# sum of 0.03 changes its sign from one origin to the next. A network that is a quarter
# worse in one of them does not score, however good the others are.
RULE = Rule(
    PRIOR,
    (
        Loss(
            "normalised_gini",
            "rank",
            lambda gini: max(1 - gini, 1e-6),
            "Gini {:.3f} against {:.3f}",
        ),
        Loss("total_bias", "total", _total_loss, "off by {:.0%} against {:.0%}"),
        Loss(
            "mae",
            "error",
            lambda mae: max(mae, 1e-6),
            "{:.1f} against {:.1f} per customer",
        ),
    ),
    tolerance=0.03,
    most=1.25,
)


@dataclass(frozen=True)
class Accepted:
    """A network that scores, and the prior that it corrects."""

    version: str
    network: Network
    prior: Prior


def network_config(plan: Plan) -> NetworkConfig:
    """Return how the network is to be built and trained."""
    return NetworkConfig.of(plan.setting("network"))


def stored_config(plan: Plan, config: NetworkConfig, tuning: Tuning) -> str:
    """Return all that a training was given, as JSON: vars, settings, constants."""
    told = {
        "settings": json.loads(plan.settings),
        "network": asdict(config),
        "tuning": asdict(tuning),
    }
    return json.dumps(told)


def last_accepted(networks: Relation, as_of_date: date) -> Accepted | None:
    """Return the network that scores customers as of a date; None if the prior scores.

    A network that is not the one that was judged does not score: the last one that is
    does so in its place. A network reads the features that it was trained on, whatever
    was added since. The prior scores if one of them is gone and no network trained
    since was accepted.
    """
    progress = Progress(NETWORK)
    found, damaged = None, []
    for stored in accepted_networks(networks, as_of_date):
        try:
            found = _read(stored)
            break
        except OtherInputsError as error:
            progress.say(f"the prior scores, for network {stored.version} {error}")
            break
        except DamagedNetworkError as error:
            damaged.append(f"network {stored.version} {error}")
    instead = f"network {found.version}" if found else "the prior"
    for each in damaged:
        progress.say(f"{each}, so {instead} scores; train again: {TRAIN_AGAIN}")
    return found


def _read(stored: Stored) -> Accepted:
    if not stored.is_intact:
        raise DamagedNetworkError("is not the one that was judged")
    network = Network.from_bytes(stored.weights)
    try:
        prior = Prior.from_json(stored.prior)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedNetworkError("has a prior that cannot be read") from error
    return Accepted(stored.version, network, prior)


def mean_measures(cases: Sequence[Measures]) -> Measures:
    """Mean of each measure over judged cases, by model.

    The sign of total_bias and of coverage errors does not count; mae is in units of the
    prior's.
    """
    signed = {"total_bias", *(f"coverage_error_p{level}" for level in (10, 50, 90))}
    return acceptance.mean_measures(cases, signed, {"mae": PRIOR})


def decide(cases: Sequence[Measures]) -> Decision:
    """Return whether a network that was judged in these cases may score, and why."""
    return acceptance.decide(NETWORK, cases, RULE)
