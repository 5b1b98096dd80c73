"""Shows that intervals of experiments hold what they say, and what a forecast saves.

Drawn experiments, whose true effects are known, go through the SQL that the warehouse
runs (macros/experiments.sql), 2,000 of a kind at once: the share of the 95 % intervals
that hold the truth, and of experiments in which somebody who looks ten times ever finds
an effect that is not there. Then the variance that forecasts take off spend, beside
past spend, in the public experiment of Hillstrom and in a made-up shop.

It fails where a coverage is outside 93.5 to 96.5 %. Of a quantile it may be higher: the
density at a quantile, in the flat tail of few customers, is seldom known well.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.data import DATA, HILLSTROM, absent
from benchmarks.harness import FOLDER, Dbt, Row
from benchmarks.shop import load_shop, make_known_shop
from benchmarks.truth import AS_OF, DAYS, START
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.opening import trusted

RUNS, LOOKS, SEED = 2000, 10, 16
CUSTOMERS = 20_000
MOST_OFF = (0.935, 0.965)
KEYS = ["experiment_id", "metric"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """How customers of drawn experiments spend, and what the treatment does.

    A customer's covariate is exp(a), with a standard normal; of the customers a share
    `buys` spends exp(`sway` a + `sigma` e), where e is standard normal or, in a heavier
    tail, a logarithm of a Pareto variable of index `pareto`. Who is treated buys
    `lift` more often. Of what is bought, a share `returns` comes back, in whole orders;
    of the treated, (1 + `lift`) times that.
    """

    name: str
    sigma: float = 1.0
    pareto: float | None = None
    buys: float = 0.15
    sway: float = 0.5
    lift: float = 0.0
    returns: float = 0.1

    def mean(self) -> float:
        """Mean spend of a customer who buys."""
        own = np.exp(self.sway**2 / 2)
        if self.pareto:
            return float(own * self.pareto / (self.pareto - 1))
        return float(own * np.exp(self.sigma**2 / 2))

    def draw(
        self, generator: np.random.Generator, treated: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats]:
        """Spend, what comes back of it, and the covariate, of each customer."""
        a, e = generator.standard_normal((2, len(treated)))
        if self.pareto:
            e = generator.exponential(1 / self.pareto, len(treated)) / self.sigma
        factor = 1 + self.lift * treated
        buys = generator.random(len(treated)) < self.buys * factor
        spend = np.round(20 * buys * np.exp(self.sway * a + self.sigma * e), 2)
        returned = spend * (generator.random(len(treated)) < self.returns * factor)
        return spend, returned, np.round(20 * np.exp(a), 2)

    def effects(self) -> dict[str, float]:
        """The true effect by metric."""
        effects = {
            "conversion": self.buys * self.lift,
            "spend": 20 * self.buys * self.lift * self.mean(),
            "return_rate": self.returns * self.lift,
        }
        if self.pareto is None:
            spread = np.hypot(self.sway, self.sigma)
            quantiles = [
                20 * np.exp(spread * norm.ppf(1 - 0.1 / buys))
                for buys in (self.buys * (1 + self.lift), self.buys)
            ]
            effects["spend_p90"] = float(quantiles[0] - quantiles[1])
        return effects


KINDS = (
    Kind("A/A"),
    Kind("A/B", lift=0.1),
    Kind("A/A, heavy tail", sigma=1.5),
    Kind("A/B, heavy tail", sigma=1.5, lift=0.1),
    Kind("A/A, Pareto tail", pareto=2.5),
    Kind("A/B, Pareto tail", pareto=2.5, lift=0.1),
)


def benchmark(
    customers: int = CUSTOMERS,
    sizes: tuple[tuple[int, int], ...] | None = None,
    data: Path = DATA,
    folder: Path = FOLDER,
) -> Iterator[Row]:
    """Measure coverage by kind and arm sizes, then the variance that is taken off.

    Raises RuntimeError, once all is measured, where a coverage is off.
    """
    least = int(sql_of("least_customers"))
    wrong = []
    for kind in KINDS:
        for treated, control in sizes or ((least, least), (9 * least, least)):
            case = f"{kind.name}, {treated} and {control} customers"
            for measure, value in coverages(kind, treated, control).items():
                yield Row(case, "clv_warehouse", measure, value)
                is_coverage = measure.startswith("coverage")
                most = 1 if "_p90" in measure else MOST_OFF[1]
                if is_coverage and not MOST_OFF[0] <= value <= most:
                    wrong.append(f"{case}: {measure} is {value:.3f}")
    for measure, value in finds_of_peekers(least).items():
        yield Row(f"A/A, {LOOKS} looks", "clv_warehouse", measure, value)
    yield from on_hillstrom(data / HILLSTROM)
    if customers:
        yield from on_a_made_up_shop(customers, folder)
    if wrong:
        raise RuntimeError("\n".join(["Intervals are not what they say.", *wrong]))


def coverages(kind: Kind, treated: int, control: int) -> dict[str, float]:
    """Share of intervals that hold the true effect, by metric, and the share given."""
    generator = np.random.default_rng(SEED)
    is_treated = np.tile(np.arange(treated + control) < treated, RUNS)
    spend, _, covariate = kind.draw(generator, is_treated)
    # A rate of returns needs returns: of a longer time, in which half of them buy.
    longer = replace(kind, buys=0.5, returns=0.25)
    bought, returned, _ = longer.draw(generator, is_treated)
    run = np.repeat(np.arange(RUNS, dtype=np.int32), treated + control)
    metrics = {
        "conversion": ((spend > 0).astype(float), np.ones_like(spend)),
        "spend": (spend, np.ones_like(spend)),
        "return_rate": (returned, bought),
    }
    measures: dict[str, float] = {}
    truth = kind.effects() | {"return_rate": longer.effects()["return_rate"]}
    for metric, (value, divisor) in metrics.items():
        found = judged(
            {
                "experiment_id": run,
                "is_control": ~is_treated,
                "value": value,
                "divisor": divisor,
                "covariate": covariate,
            }
        )
        measures |= _held(metric, found, truth[metric])
    if "spend_p90" in truth:
        columns = {"experiment_id": run, "is_control": ~is_treated, "value": spend}
        found = judged(columns, quantile="0.9e0")
        measures |= _held("spend_p90", found, truth["spend_p90"])
    return measures


def _held(metric: str, found: dict[str, Floats], truth: float) -> dict[str, float]:
    given = ~np.isnan(found["effect_low"])
    low, high = found["effect_low"][given], found["effect_high"][given]
    always = (found["always_low"][given] <= truth) & (
        truth <= found["always_high"][given]
    )
    return {
        f"coverage of {metric}": float(np.mean((low <= truth) & (truth <= high))),
        f"always-valid coverage of {metric}": float(np.mean(always)),
        f"intervals given of {metric}": float(np.mean(given)),
    }


def finds_of_peekers(size: int) -> dict[str, float]:
    """Share of A/A experiments in which one of LOOKS looks finds an effect.

    Either customers come one after another, or all are there and spend day by day.
    """
    generator = np.random.default_rng(SEED)
    is_treated = np.arange(2 * size * LOOKS) % 2 == 0
    found = {}
    kind = KINDS[0]
    for way in ("customers come", "days pass"):
        ever, ever_always = np.zeros(RUNS, bool), np.zeros(RUNS, bool)
        people = len(is_treated) if way == "customers come" else 4 * size
        spend, _, covariate = kind.draw(generator, np.zeros(RUNS * people, bool))
        spend, covariate = spend.reshape(RUNS, -1), covariate.reshape(RUNS, -1)
        for look in range(1, LOOKS + 1):
            if way == "customers come":
                seen = slice(0, 2 * size * look)
            else:
                seen = slice(None)
                if look > 1:
                    more, _, _ = kind.draw(generator, np.zeros(RUNS * people, bool))
                    spend = spend + more.reshape(RUNS, -1)
            each = spend[:, seen]
            judgement = judged(
                {
                    "experiment_id": np.repeat(
                        np.arange(RUNS, dtype=np.int32), each.shape[1]
                    ),
                    "is_control": np.tile(~is_treated[: each.shape[1]], RUNS),
                    "value": each.ravel(),
                    "divisor": np.ones(each.size),
                    "covariate": covariate[:, seen].ravel(),
                }
            )
            ever |= judgement["p_value"] < 0.05
            ever_always |= (judgement["always_low"] > 0) | (
                judgement["always_high"] < 0
            )
        found[f"false finds of the plain interval, {way}"] = float(np.mean(ever))
        found[f"false finds of the always-valid one, {way}"] = float(
            np.mean(ever_always)
        )
    return found


def judged(
    columns: dict[str, NDArray], quantile: str | None = None
) -> dict[str, Floats]:
    """Run the warehouse's SQL over customers; by column, an array over experiments."""
    table = pa.table({name: pa.array(each) for name, each in columns.items()})
    keys = ["experiment_id"]
    if quantile:
        effects = sql_of("quantile_effects", "customers", keys, quantile)
        steps = {"effects": effects}
    else:
        steps = {
            "moments": sql_of("moments_of_arms", "customers", keys),
            "effects": sql_of("effects_of_arms", "moments", keys),
        }
    steps["judged"] = sql_of("judged_effects", "effects", keys)
    with trusted(duckdb.connect()) as connection:
        connection.register("given", table)
        stratum = "" if "stratum" in columns else ", 'all' as stratum"
        arm = "case when is_control then 'control' else 'treated' end as arm"
        steps = {"customers": f"select *, {arm}{stratum} from given"} | steps
        ctes = ", ".join(f"{name} as ({query})" for name, query in steps.items())
        found = connection.sql(
            f"with {ctes} select * from judged order by experiment_id"
        ).to_arrow_table()
    return {
        name: np.array(found[name].to_pylist(), dtype=float)
        for name in found.column_names
        if name not in ("arm", "experiment_id")
    }


def on_hillstrom(path: Path) -> Iterator[Row]:
    """What covariates take off the variance in the e-mail test of Hillstrom.

    Its forecast is a least-squares fit of the control group's spend on all that was
    known before, each half of the customers forecast by the other half.
    """
    if not path.exists():
        print(absent(path))
        return
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select *, row_number() over () % 2 = 0 as is_even "
            "from read_csv(?) order by row_number() over ()",
            [str(path)],
        ).fetchnumpy()
    known = np.column_stack(
        [
            np.ones(len(rows["recency"])),
            *(
                rows[name]
                for name in ("recency", "history", "mens", "womens", "newbie")
            ),
            np.log(rows["history"]),
            *(
                rows[name] == value
                for name in ("zip_code", "channel")
                for value in np.unique(rows[name].astype(str))[1:]
            ),
        ]
    ).astype(float)
    is_control = rows["segment"] == "No E-Mail"
    for arm in ("Mens E-Mail", "Womens E-Mail"):
        in_test = is_control | (rows["segment"] == arm)
        for metric in ("visit", "conversion", "spend"):
            value = rows[metric].astype(float)
            forecast = np.zeros(len(value))
            for half in (rows["is_even"], ~rows["is_even"]):
                learned = ~half & is_control
                slopes = np.linalg.lstsq(known[learned], value[learned], rcond=None)[0]
                forecast[half] = known[half] @ slopes
            for covariate, of in {
                "past spend": rows["history"].astype(float),
                "forecast": 1000 * forecast,
            }.items():
                found = judged(
                    {
                        "experiment_id": np.zeros(int(in_test.sum()), np.int32),
                        "is_control": is_control[in_test],
                        "value": value[in_test],
                        "divisor": np.ones(int(in_test.sum())),
                        "covariate": of[in_test],
                    }
                )
                for measure in ("effect", "variance_reduction"):
                    (figure,) = found[measure]
                    yield Row(f"Hillstrom, {arm}, {metric}", covariate, measure, figure)


def on_a_made_up_shop(customers: int, folder: Path) -> Iterator[Row]:
    """What covariates take off the variance of spend in a shop of so many people.

    The forecasts are those of the backtest, which knew nothing after their date; a coin
    puts its customers into two arms to which nothing is done.
    """
    shop = make_known_shop(customers, START, DAYS, AS_OF, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        load_shop(shop, dbt.warehouse)
        dbt("seed", "--select", "reference")
        dbt("run", "--select", "+backtest_predictions")
        yield from reductions("made-up shop", dbt.warehouse)


def reductions(case: str, warehouse: Path) -> Iterator[Row]:
    """The variance that each model of a warehouse's backtest takes off spend."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select model, horizon_days, predicted_spend, actual_spend, customer_key "
            "from clv.backtest_predictions where model in "
            "('clv_network', 'prior', 'past_spend', 'last_year_rate') "
            "order by all"
        ).fetchnumpy()
    for model in ("past_spend", "last_year_rate", "prior", "clv_network"):
        for days in np.unique(rows["horizon_days"]):
            of = (rows["model"] == model) & (rows["horizon_days"] == days)
            coin = np.array([int(key[-1], 16) % 2 for key in rows["customer_key"][of]])
            found = judged(
                {
                    "experiment_id": np.zeros(int(of.sum()), np.int32),
                    "is_control": coin == 0,
                    "value": rows["actual_spend"][of].astype(float),
                    "divisor": np.ones(int(of.sum())),
                    "covariate": rows["predicted_spend"][of].astype(float),
                }
            )
            yield Row(
                f"{case}, spend of {days} days",
                model,
                "variance_reduction",
                float(found["variance_reduction"][0]),
            )
