"""Searches the network's settings on past dates that judge nothing.

Settings are drawn at random. In the first round each learns from a few rows at one past
date per horizon; the best third learns from more rows at another date; and the best of
those meets the settings that stand at dates that no round has seen, with all rows, two
seeds and the whole ensemble. So what is said of the gain is not the luck of the search.

All of it happens before the dates that judge: every window ends by the day from which
the longest horizon reaches the scoring date. (Successive halving: Jamieson & Talwalkar
2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization".)
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import loguniform, rankdata, t
from sklearn.model_selection import ParameterSampler

from clv_warehouse.clv.backtest import Case
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.registry import RULE
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.training import train
from clv_warehouse.clv.tuning import TUNING
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.problems import CommandError

# What is drawn. Encoders other than dense take several times as long: a search would
# try but a few. `make benchmark-ablation` compares them.
SPACE = {
    "hidden_units": [(32,), (64, 32), (128, 64), (256, 128), (128, 64, 32)],
    "dropout": [0.0, 0.1, 0.2],
    "l2": loguniform(1e-5, 1e-2),
    "epochs": [2, 4, 8],
    "batch_rows": [512, 1024, 2048, 4096],
    "learning_rate": loguniform(2e-4, 5e-3),
}
# The rows that a training of each round learns from at most.
ROWS = (TUNING.training_rows // 4, TUNING.training_rows, TUNING.training_rows)
# The end of each round, as a share of the time.
ENDS = (0.4, 0.7, 1.0)
KEPT = 3
SEEDS = 2
# Dates are those of a year, so that there is enough to learn from before each.
LATEST = 12
# At so many dates per horizon the last two meet.
LAST_DATES = 3
# With fewer dates nothing is said of noise.
LEAST_DATES = 3

SCHEMA = pa.schema(
    [
        ("started_at", pa.timestamp("us")),
        ("trial", pa.int32()),
        ("round", pa.int32()),
        ("settings", pa.string()),
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("seed", pa.int32()),
        ("training_rows", pa.int32()),
        ("seconds", pa.float64()),
        ("normalised_gini", pa.float64()),
        ("total_bias", pa.float64()),
        ("mae", pa.float64()),
        ("loss", pa.float64()),
    ]
)


class SearchError(CommandError):
    """There is nothing to search on; the message says why."""


TOO_SHORT = (
    "The history is too short to search: before the dates that judge, there must be "
    "three more after which a horizon is over, with at least "
    f"{TUNING.least_buyers} buyers to learn from at each. Let the shop grow older, or "
    "predict shorter horizons."
)
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Proposal:
    """What a search has found.

    Attributes:
        settings: those that differ from the standing ones, of the best trial.
        gain: by how much the sum of its three losses, in logs, is below that of the
            standing settings; a mean over past dates.
        noise: half the width of the 95 % interval of that mean; NaN if fewer than three
            dates were compared.
        dates: at how many dates of a horizon the two were compared.

    """

    settings: dict[str, Any]
    gain: float
    noise: float
    dates: int

    @property
    def is_better(self) -> bool:
        """Whether the gain is more than noise."""
        return self.gain > self.noise


# Gives the losses of a network with these settings in a case, learnt from so many rows.
Judge = Callable[[Case, NetworkConfig, int], dict[str, float]]


def judged(case: Case, config: NetworkConfig, rows: int) -> dict[str, float]:
    """Train a network in a case and measure its forecasts, beside the prior's.

    `loss` is the sum over rank, total and error of the logarithm of (network's loss /
    prior's loss), as acceptance weighs them; below 0 the network is better.
    """
    tuning = replace(TUNING, training_rows=rows, judged_rows=rows)
    today = case.judged.customers.take(case.judged.row)
    progress = Quiet("tune")
    network = train(case.training, case.prior, today, config, progress, tuning)
    actual = case.judged.spend
    assert actual is not None
    forecast = network.predict(case.prior, case.judged)
    prior = case.prior.expected_spend(case.judged.history, case.judged.horizon_days)
    own = measures(forecast.spend.astype(np.float64), actual)
    return own | {"loss": RULE.weigh(own, measures(prior, actual))}


class Quiet(Progress):
    """A training of which nobody wants to hear each epoch."""

    def say(self, text: str) -> None:
        """Say nothing."""


def measures(predicted: NDArray, actual: NDArray) -> dict[str, float]:
    """Normalised Gini, relative error of the total and mean absolute error.

    As models/clv/backtest_metrics.sql computes them.
    """
    of_predicted, of_actual = (
        rankdata(values) - (len(values) + 1) / 2 for values in (predicted, actual)
    )
    return {
        "normalised_gini": float(actual @ of_predicted / (actual @ of_actual)),
        "total_bias": float(predicted.sum() / actual.sum() - 1),
        "mae": float(np.abs(predicted - actual).mean()),
    }


def past_cases(
    observations: Observations, days: ShopDays, end: date, longest: int
) -> dict[int, list[Case]]:
    """Return cases by horizon, the latest first, that end before a judging one begins.

    `end` is the scoring date and `longest` the longest horizon: from `longest` days
    before the end on, windows judge. A case needs buyers to learn from and to judge by.
    """
    border = np.datetime64(end, "D") - longest
    known = observations.known_at(border)
    cases: dict[int, list[Case]] = {}
    pairs = sorted({*zip(known.as_of_date, known.horizon_days, strict=True)})
    for origin, horizon in reversed(pairs):
        case = Case.of(known, days, (origin + horizon).astype(date), int(horizon))
        if case.training.buyers >= TUNING.least_buyers and case.judged.buyers:
            cases.setdefault(int(horizon), []).append(case)
    return cases


def searched(
    standing: NetworkConfig,
    end: date,
    longest: int,
    seconds: float,
    features: pa.Table,
    targets: pa.Table,
    days: pa.Table,
) -> pa.Table:
    """Search so many seconds; return rows of tuning_trials, none in a short history.

    The tables are rows of customer_features, customer_targets and shop_days.
    """
    observations = Observations.from_arrow(features, targets)
    cases = past_cases(observations, ShopDays.from_arrow(days), end, longest)
    search = Search(standing, rounds_of(cases), seconds, report=Progress("tune").say)
    if not all(search.rounds):
        return SCHEMA.empty_table()
    started = datetime.now(UTC).replace(tzinfo=None)
    search.run()
    rows = [{"started_at": started, **row} for row in search.rows]
    return pa.Table.from_pylist(rows, SCHEMA)


@dataclass
class Search:
    """A search while it runs.

    Attributes:
        standing: the settings that others must beat.
        rounds: the cases of each round; those of the last are in no other.
        seconds: how long it may take.
        judge: trains and judges.
        report: gets a line after each trial.
        clock: seconds, of which only differences count.
        rows: what was tried, as rows of tuning_trials.

    """

    standing: NetworkConfig
    rounds: Sequence[Sequence[Case]]
    seconds: float
    judge: Judge = judged
    report: Callable[[str], None] = print
    clock: Callable[[], float] = time.monotonic
    rows: list[dict[str, Any]] = field(default_factory=list)

    def run(self) -> None:
        """Search until the time is up."""
        self.began = self.clock()
        single = replace(self.standing, ensemble=1)
        losses = {0: self._tried(0, single, 0)}
        drawn = {0: self.standing}
        for number, config in enumerate(self._drawn(), 1):
            if self._is_over(0):
                break
            drawn[number] = config
            losses[number] = self._tried(number, replace(config, ensemble=1), 0)
        best = sorted(losses, key=lambda number: sum(losses[number]))
        kept = [number for number in best if number][: max(1, len(losses) // KEPT)]
        again = {0: losses[0] + self._tried(0, single, 1)}
        for number in kept:
            if self._is_over(1) and len(again) > 1:
                break
            config = replace(drawn[number], ensemble=1)
            again[number] = losses[number] + self._tried(number, config, 1)
        rivals = [number for number in again if number]
        if rivals:
            winner = min(rivals, key=lambda number: sum(again[number]))
            self._meet(winner, drawn[winner])

    def _meet(self, number: int, config: NetworkConfig) -> None:
        """Let a trial meet the standing settings in the cases of the last round."""
        for case in self.rounds[2]:
            for seed in range(SEEDS):
                for each, to in ((number, config), (0, self.standing)):
                    self._loss(each, replace(to, seed=to.seed + seed), 2, case)
            if self._is_over(2):
                break

    def _tried(self, number: int, config: NetworkConfig, place: int) -> list[float]:
        """Return the losses of a trial in the cases of a round."""
        losses = [
            self._loss(number, config, place, case) for case in self.rounds[place]
        ]
        self.report(
            f"round {place + 1}, trial {number}: loss {np.mean(losses):+.4f}, "
            f"{difference(config, self.standing) or 'the standing settings'}"
        )
        return losses

    def _loss(
        self, number: int, config: NetworkConfig, place: int, case: Case
    ) -> float:
        began = self.clock()
        rows = ROWS[place]
        measured = self.judge(case, config, rows)
        self.rows.append(
            {
                "trial": number,
                "round": place + 1,
                "settings": json.dumps(asdict(config)),
                "origin_date": case.origin.astype(date),
                "horizon_days": int(case.judged.horizon_days[0]),
                "seed": config.seed,
                "training_rows": min(rows, len(case.training)),
                "seconds": self.clock() - began,
                **measured,
            }
        )
        return measured["loss"]

    def _is_over(self, place: int) -> bool:
        return self.clock() - self.began > ENDS[place] * self.seconds

    def _drawn(self) -> Iterator[NetworkConfig]:
        """Draw settings without end, always the same ones."""
        seed = 0
        while True:
            for settings in ParameterSampler(SPACE, 100, random_state=seed):
                rounded: dict[str, Any] = {
                    name: float(f"{value:.2g}") if isinstance(value, float) else value
                    for name, value in settings.items()
                }
                yield replace(self.standing, **rounded)
            seed += 1


def proposal(rows: Rows, standing: NetworkConfig) -> Proposal:
    """Return what rows of tuning_trials say of the trial that met the standing ones.

    The seeds of a date count once, for they share the date's luck.
    """
    gains: dict[tuple, float] = defaultdict(float)
    last = [row for row in rows if row["round"] == len(ROWS)]
    for row in last:
        place = row["origin_date"], row["horizon_days"]
        gains[place] += (row["loss"] if row["trial"] == 0 else -row["loss"]) / SEEDS
    means = [*gains.values()]
    if len(means) < LEAST_DATES:
        return Proposal({}, 0.0, float("nan"), len(means))
    (best,) = {
        json.dumps(json.loads(row["settings"]) | {"seed": standing.seed})
        for row in last
        if row["trial"]
    }
    spread = np.std(means, ddof=1) / np.sqrt(len(means))
    return Proposal(
        difference(NetworkConfig.from_json(best), standing),
        float(np.mean(means)),
        float(t.ppf(0.975, len(means) - 1) * spread),
        len(means),
    )


def difference(config: NetworkConfig, standing: NetworkConfig) -> dict[str, Any]:
    """Return the settings that differ, without those that a round sets."""
    own, other = asdict(config), asdict(standing)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in own.items()
        if value != other[name] and name not in ("seed", "ensemble")
    }


def rounds_of(cases: dict[int, list[Case]]) -> list[list[Case]]:
    """Share cases out among the rounds: of each horizon the dates lie evenly apart.

    The last round gets the first choice, because there the gain is told. A short
    history has a round without cases.
    """
    rounds: list[list[Case]] = [[], [], []]
    for _, found in sorted(cases.items()):
        latest = found[:LATEST]
        apart = np.linspace(0, len(latest) - 1, 2 + LAST_DATES).round().astype(int)
        chosen = [latest[place] for place in np.unique(apart)]
        last = chosen[:LAST_DATES] if len(chosen) > LAST_DATES else chosen[:1]
        rest = chosen[len(last) :]
        rounds[0] += rest[:1]
        rounds[1] += rest[-1:]
        rounds[2] += last
    # If time runs out, each horizon has been seen.
    rounds[2].sort(key=lambda case: case.origin, reverse=True)
    return rounds
