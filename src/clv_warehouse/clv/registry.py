"""Keeps the networks that forecast customers' spend, and decides which one scores."""

import json
from dataclasses import asdict, dataclass
from datetime import date

from clv_warehouse.clv.feature_set import OtherInputsError
from clv_warehouse.clv.network import DamagedNetworkError, Network, NetworkConfig
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.tuning import Tuning
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning import acceptance
from clv_warehouse.learning.acceptance import Comparison, Measures
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import Stored, accepted_networks

NETWORK = "clv_network"
TRAIN_AGAIN = "dbt build --vars '{retrain: true}'"
# The model that scores if no network does.
PRIOR = "bgnbd_gamma_gamma"
# The network must rank customers no worse than each rival, and be no further off, in
# total and per customer, than the prior that would score instead. Differences smaller
# than the tolerances change sign from one origin to the next.
COMPARISONS = (
    Comparison(PRIOR, "normalised_gini", is_better_high=True, tolerance=0.005),
    Comparison(
        "last_year_rate", "normalised_gini", is_better_high=True, tolerance=0.005
    ),
    Comparison(PRIOR, "total_bias", is_better_high=False, tolerance=0.1),
    Comparison(PRIOR, "mae", is_better_high=False, tolerance=0.05),
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


def mean_measures(metrics: Relation, as_of_date: date) -> Measures:
    """Mean of each measure over the cases judged as of a date, by model.

    The sign of total_bias and of coverage errors does not count; mae is in units of the
    prior's.
    """
    signed = {"total_bias", *(f"coverage_error_p{level}" for level in (10, 50, 90))}
    return acceptance.mean_measures(metrics, as_of_date, signed, {"mae": PRIOR})


def decide(measures: Measures) -> tuple[bool, str]:
    """Return whether a network with these measures may score, and why."""
    return acceptance.decide(NETWORK, measures, COMPARISONS)
