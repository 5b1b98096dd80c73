"""Keeps what was learned of the effects of offers, and finds what scores."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import pyarrow as pa

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.acceptance import ACCEPTED, TOO_SHORT, Decision
from clv_warehouse.learning.registry import Stored, newest_read
from clv_warehouse.marketing.basis import Basis
from clv_warehouse.marketing.effects import Average, Ranking
from clv_warehouse.marketing.linear import Linear
from clv_warehouse.marketing.qini import Qini
from clv_warehouse.project.arrays import Floats

LEARNED = "uplift"
RANKING, SEGMENT, AVERAGE = "ranking", "segment", "average"


@dataclass(frozen=True)
class Offer:
    """What is believed of an offer.

    Attributes:
        name: the arm that gave it.
        average: its effect on average.
        segments: its effect by segment, drawn to the average.
        qini: how the ranking did on customers that it had not learned from.
        ranking: what expects an effect of each customer; None if it is not used.

    """

    name: str
    average: Average
    segments: dict[str, Average]
    qini: Qini
    ranking: Ranking | None

    @property
    def says(self) -> str:
        """Say in words what scores and why."""
        area = f"Qini {self.qini.area:.3g}, {self.qini.low:.3g} to {self.qini.high:.3g}"
        if self.ranking:
            return f"{self.name} ranks customers ({area})"
        return f"{self.name} has the averages of segments ({area} includes 0)"

    def effects(self, known: pa.Table) -> tuple[Floats, Floats, list[str]]:
        """Return effect, standard deviation and what they come from, by customer."""
        if self.ranking:
            effect, error = self.ranking.effects(known)
            return effect, error, [RANKING] * len(effect)
        segments = known["segment"].to_pylist()
        found = [self.segments.get(each, self.average) for each in segments]
        return (
            np.array([each.effect for each in found]),
            np.array([each.error for each in found]),
            [SEGMENT if each in self.segments else AVERAGE for each in segments],
        )


def decide(offers: Sequence[Offer]) -> Decision:
    """Say that what was learned may score, and how each offer does."""
    if not offers:
        return Decision(TOO_SHORT, f"{TOO_SHORT}: no experiment with two arms is over")
    return Decision(ACCEPTED, "accepted: " + "; ".join(offer.says for offer in offers))


def to_bytes(offers: Sequence[Offer]) -> bytes:
    """Return what was learned as an npz archive."""
    arrays: dict[str, Any] = {}
    about = []
    for number, offer in enumerate(offers):
        ranking = None
        if offer.ranking:
            linear = offer.ranking.linear
            ranking = {
                "basis": offer.ranking.basis.to_json(),
                "mean": linear.mean,
                "mean_variance": linear.mean_variance,
            }
            arrays[f"{number}.weights"] = linear.weights
            arrays[f"{number}.axes"] = linear.axes
            arrays[f"{number}.variances"] = linear.variances
        about.append(
            {
                "name": offer.name,
                "average": asdict(offer.average),
                "segments": {
                    name: asdict(each) for name, each in offer.segments.items()
                },
                "qini": asdict(offer.qini),
                "ranking": ranking,
            }
        )
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez_compressed(file, about=text, **arrays)
    return file.getvalue()


@dataclass(frozen=True)
class Learned:
    """What scores: its version, and the offers."""

    version: str
    offers: tuple[Offer, ...]

    @classmethod
    def from_stored(cls, stored: Stored) -> Self:
        """Read what was learned; raises ValueError or KeyError if it cannot be read."""
        with np.load(io.BytesIO(stored.weights)) as found:
            about = json.loads(found["about"].tobytes())
            return cls(
                stored.version,
                tuple(
                    Offer(
                        offer["name"],
                        Average(**offer["average"]),
                        {
                            name: Average(**each)
                            for name, each in offer["segments"].items()
                        },
                        Qini(**offer["qini"]),
                        _ranking(offer["ranking"], found, number),
                    )
                    for number, offer in enumerate(about)
                ),
            )


def _ranking(about: dict[str, Any] | None, found: Any, number: int) -> Ranking | None:
    if about is None:
        return None
    linear = Linear(
        about["mean"],
        about["mean_variance"],
        *(found[f"{number}.{name}"] for name in ("weights", "axes", "variances")),
    )
    return Ranking(Basis.from_json(about["basis"]), linear)


def last_accepted(trainings: Relation, day: date) -> Learned | None:
    """Return what scores as of a day; None if nothing was learned by then."""
    return newest_read(LEARNED, trainings, day, Learned.from_stored)
