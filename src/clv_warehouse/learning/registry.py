"""Keeps the networks that each learned model trained, and finds the one that scores.

Each learned model has a table of its own name with these columns, because a dbt model
writes one table. The table remembers: a run adds the row of its training, in the place
of the same network's row. `trainings` shows the rows of all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TypeVar

import pyarrow as pa

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.acceptance import Decision
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.sql import literal

Model = TypeVar("Model")
SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("network_version", pa.string()),
        ("trained_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        ("features_fingerprint", pa.string()),
        ("config_fingerprint", pa.string()),
        ("code_fingerprint", pa.string()),
        ("data_fingerprint", pa.string()),
        ("config", pa.string()),
        ("prior", pa.string()),
        ("measures", pa.string()),
        ("weights", pa.binary()),
        ("is_accepted", pa.bool_()),
        ("decision", pa.string()),
        # Added later: a table of an older version gets them at its end too.
        ("training_number", pa.int32()),
        ("digest", pa.string()),
        ("verdict", pa.string()),
        ("history", pa.string()),
    ]
)


# How many letters of a network's digest its version ends with.
SHOWN = 8
# The clock plays no part: trainings of one as-of date are told apart by their number,
# which rows of older versions of the project lack. (A Relation splits at ", ".)
NEWEST_FIRST = "as_of_date desc, coalesce(training_number,0) desc, network_version desc"


@dataclass(frozen=True)
class Stored:
    """A network as it is stored.

    Attributes:
        version: its name among the networks of its model.
        weights: its bytes.
        config: how it was trained, as JSON.
        prior: the parameters of the prior that it corrects, as JSON.
        digest: that of the three when it was judged; None in rows of older versions of
            the project, whose version ends with a digest of the weights alone.

    """

    version: str
    weights: bytes
    config: str
    prior: str
    digest: str | None

    @property
    def is_intact(self) -> bool:
        """Whether it still is the network that was judged."""
        if self.digest is None:
            return self.version.endswith(sha256(self.weights).hexdigest()[:SHOWN])
        return self.digest == digest_of(self.weights, self.config, self.prior)


def digest_of(weights: bytes, config: str, prior: str) -> str:
    """Return 64 letters that differ if anything does that scoring reads.

    The macro `network_is_intact` makes the same ones in SQL.
    """
    parts = (sha256(weights).hexdigest(), config, prior)
    return sha256("|".join(parts).encode()).hexdigest()


def new_row(
    plan: Plan,
    decision: Decision,
    weights: bytes,
    *,
    config: str,
    prior: str,
    **columns: str,
) -> pa.Table:
    """Return the row of a network that was just trained.

    `decision` says whether it may score, and why; `columns` are data_fingerprint,
    measures and history. A training that gives the newest network again takes its
    place; any other is one more of its as-of date.
    """
    digest = digest_of(weights, config, prior)
    version = f"{plan.as_of_date}-{digest[:SHOWN]}"
    row = {
        "model_name": plan.model_name,
        "network_version": version,
        "training_number": plan.newest_number + (version != plan.newest_version),
        "trained_at": datetime.now(UTC).replace(tzinfo=None),
        "as_of_date": plan.as_of_date,
        "features_fingerprint": plan.features_fingerprint,
        "config_fingerprint": plan.config_fingerprint,
        "code_fingerprint": plan.code_fingerprint,
        "config": config,
        "prior": prior,
        "weights": weights,
        "digest": digest,
        "is_accepted": decision.is_accepted,
        "verdict": decision.verdict,
        "decision": decision.reason,
        **columns,
    }
    return pa.Table.from_pylist([row], schema=SCHEMA)


def accepted_networks(networks: Relation, as_of_date: date) -> Iterator[Stored]:
    """Yield the accepted networks that know nothing after a date, newest first.

    The newest has the latest as-of date and, among those, the highest number.
    """
    accepted = networks.filter(f"is_accepted and as_of_date <= date '{as_of_date}'")
    newest_first = accepted.order(NEWEST_FIRST).project("network_version").fetchall()
    for (version,) in newest_first:
        # One at a time, because weights are large.
        ((weights, config, prior, digest),) = (
            accepted.filter(f"network_version = {literal(version)}")
            .project("weights, config, prior, digest")
            .fetchall()
        )
        yield Stored(version, bytes(weights), config, prior, digest)


def newest_read(
    name: str, trainings: Relation, as_of_date: date, read: Callable[[Stored], Model]
) -> Model | None:
    """Return the newest accepted model of a date that is whole and can be read, if any.

    `read` raises ValueError, KeyError or OSError for what it cannot read. Each one that
    is passed over is said, under the model's name.
    """
    progress = Progress(name)
    for stored in accepted_networks(trainings, as_of_date):
        if not stored.is_intact:
            progress.say(f"{stored.version} is not the one that was judged")
            continue
        try:
            return read(stored)
        except (ValueError, KeyError, OSError) as error:
            progress.say(f"{stored.version} cannot be read: {error}")
    return None
