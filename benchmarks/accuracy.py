"""Measures how well the network and other models forecast spend on real shops.

Each case is built as a user would build it, and the backtest judges the network, its
prior and the simple baselines. The network's other encoders and the models of
benchmarks/learners.py are judged on the same customers and measured by the same SQL. A
bootstrap gives the differences in Gini their intervals.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.data import (
    CDNOW,
    CDNOW_SAMPLE,
    DATA,
    ONLINE_RETAIL_II,
    absent,
)
from benchmarks.harness import (
    FOLDER,
    Dbt,
    Row,
    call,
    rows,
)
from benchmarks.judging import MEASURING, PREDICTIONS
from benchmarks.learners import LEARNERS
from benchmarks.shop import load_shop
from clv_warehouse.clv.backtest import Case, read_observations
from clv_warehouse.clv.feature_set import current_features
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.registry import NETWORK, PRIOR
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.learning.encoders import ENCODERS
from clv_warehouse.learning.progress import Progress

SHOP_DAYS = "features.shop_days"
RESAMPLES = 500
# Resamples that are computed at once: few, so their weights stay in the cache.
AT_ONCE = 25
MEASURES = {
    "normalised_gini": "Gini",
    "spearman": "Spearman",
    "decile_wape": "decile WAPE",
    "decile_mape": "decile MAPE",
    "decile_mape_centred": "centred",
    "total_bias": "bias",
    "mae": "MAE",
    "coverage_error_p50": "p50",
    "coverage_error_p90": "p90",
    "chance_calibration_error": "chance error",
}

# What docs/accuracy.md calls the systems that it shows.
LABELS = {
    NETWORK: "**network**",
    f"{NETWORK}_cnn": "network, cnn",
    f"{NETWORK}_rnn": "network, rnn",
    PRIOR: "prior",
    "gradient_boosting": "gradient boosting",
    "ziln": "ZILN",
    "dense_mse": "dense 128-64-1, MSE",
    "last_year_rate": "last-year rate",
    "past_spend": "past spend",
    "formula": "formula",
}


@dataclass(frozen=True)
class Shop:
    """A shop that is judged at some horizons.

    Attributes:
        connector, source: arguments of scripts/load.py; `source` is below CLV_DATA.
        judged: horizons in days, each a case.
        settings: vars of dbt.
        first_customers: how many customers to keep, those who bought first; None for
            all.

    """

    connector: str
    source: str
    judged: Sequence[int]
    settings: Mapping[str, object] = field(default_factory=dict)
    first_customers: int | None = None


CDNOW_SETTINGS = {"as_of_date": "1998-06-30", "horizons": [91, 182, 273]}
RETAIL = ("online-retail-ii", ONLINE_RETAIL_II)
SHOPS = {
    "cdnow": Shop("cdnow", CDNOW, [273], CDNOW_SETTINGS),
    "online_retail_ii": Shop(*RETAIL, [182, 91]),
    "cdnow_sample": Shop("cdnow", CDNOW_SAMPLE, [273], CDNOW_SETTINGS),
    "online_retail_ii_first_500": Shop(*RETAIL, [182, 91], first_customers=500),
    "online_retail_ii_one_year": Shop(*RETAIL, [91], {"as_of_date": "2010-12-09"}),
}
# Of these docs/accuracy.md shows the best other model alone.
SMALL = ("cdnow_sample", "online_retail_ii_first_500", "online_retail_ii_one_year")


def benchmark(
    shops: Sequence[str] = tuple(SHOPS), data: Path = DATA, folder: Path = FOLDER
) -> Iterator[Row]:
    """Judge all systems in each shop; leave out shops whose data are absent."""
    for name in shops:
        shop = SHOPS[name]
        if not (data / shop.source).exists():
            print(f"{absent(data / shop.source)}. {name} is not judged.")
            continue
        yield from judge_shop(name, shop, data / shop.source, folder)


def judge_shop(
    name: str,
    shop: Shop,
    source: Path,
    folder: Path,
    encoders: Sequence[str] = tuple(ENCODERS),
    learners: Sequence[str] = tuple(LEARNERS),
) -> Iterator[Row]:
    """Build a shop of the file or folder `source` and judge all systems in it."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        load_shop(source, dbt.warehouse, shop.connector)
        if shop.first_customers:
            call(keep_first, dbt.warehouse, shop.first_customers)
        settings = ("--vars", json.dumps(shop.settings))
        dbt("seed", "--select", "reference")
        dbt("run", *settings, "--select", "+backtest_metrics", "past_totals")
        yield from rows(name, PRIOR, call(held_totals, dbt.warehouse).value)
        for horizon in shop.judged:
            others = list(encoders), list(learners)
            call(judge_others, dbt.warehouse, horizon, *others)
        # These only read what is there; the plan would judge anew.
        dbt("run", *settings, "--select", *MEASURING)
        for horizon in shop.judged:
            found = call(measure, dbt.warehouse, horizon).value
            for system, measures in found.items():
                yield from rows(f"{name}/{horizon}", system, measures)


def keep_first(warehouse: str, customers: int) -> None:
    """Delete all orders but those of the customers who ordered first."""
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "delete from raw.orders where customer_id is null or customer_id not in ("
            "select customer_id from raw.orders where customer_id is not null "
            "group by customer_id order by min(ordered_at), customer_id limit ?)",
            [customers],
        )
        connection.execute(
            "delete from raw.order_lines "
            "where order_id not in (select order_id from raw.orders)"
        )


def held_totals(warehouse: str) -> dict[str, float]:
    """Count the past totals that came true, and the share that lay in their ranges.

    Each range rests on the errors that were known at its origin.
    """
    with duckdb.connect(warehouse, read_only=True) as connection:
        total, held = (
            connection.table("clv.past_totals")
            .filter("log_error is not null")
            .aggregate("count(*), avg((abs(log_error) <= log_half_width)::int)")
            .fetchall()[0]
        )
    return {"past_totals": total} | ({"totals_held": held} if total else {})


def judge_others(
    warehouse: str,
    horizon_days: int,
    encoders: Sequence[str] = tuple(ENCODERS),
    learners: Sequence[str] = tuple(LEARNERS),
) -> None:
    """Judge the systems that a build does not judge, on the same customers."""
    with duckdb.connect(warehouse) as connection:
        judged = connection.table(PREDICTIONS).filter(f"horizon_days = {horizon_days}")
        (origin,) = judged.aggregate("max(origin_date)").fetchall()[0]
        if origin is None:
            return
        observations = read_observations(
            connection.table("features.customer_features"),
            connection.table("features.customer_targets"),
            current_features(),
        )
        days = ShopDays.from_arrow(connection.table(SHOP_DAYS).to_arrow_table())
        case = Case.of(
            observations, days, origin + timedelta(days=horizon_days), horizon_days
        )
        for encoder in encoders:
            config = NetworkConfig(encoder=encoder)
            if config != NetworkConfig():
                found = case.network_rows(config, Progress(encoder))
                _add(connection, found, f"{NETWORK}_{encoder}")
        for name in learners:
            forecast = LEARNERS[name].predict(case.training, case.judged)
            _add(connection, case.rows(name, forecast), name)


def _add(connection: duckdb.DuckDBPyConnection, found: pa.Table, name: str) -> None:
    """Append one model's predictions under this name."""
    models = pa.repeat(name, len(found))
    place = found.schema.get_field_index("model")
    connection.register("found", found.set_column(place, "model", models))
    connection.execute(f"insert into {PREDICTIONS} by name from found")
    connection.unregister("found")


def measure(warehouse: str, horizon_days: int) -> dict[str, dict[str, float]]:
    """Read all measures by system, and the network's lead in Gini.

    `gini_lead` is the network's Gini less the system's; `gini_lead_low` and
    `gini_lead_high` are the ends of its 95 % interval.
    """
    with duckdb.connect(warehouse, read_only=True) as connection:
        found: dict[str, dict[str, float]] = {}
        metrics = connection.table("clv.backtest_metrics")
        for model, name, value in (
            metrics.filter(f"horizon_days = {horizon_days}")
            .project("model, measure, value")
            .order("model, measure")
            .fetchall()
        ):
            found.setdefault(model, {})[name] = value
        rows_of_horizon = (
            connection.table(PREDICTIONS)
            .filter(f"horizon_days = {horizon_days}")
            .project("model, customer_key, predicted_spend, actual_spend")
            .order("model, customer_key")
            .fetchnumpy()
        )
    models, counts = np.unique(rows_of_horizon["model"], return_counts=True)
    if not len(models):
        return found
    ends = np.cumsum(counts)[:-1]
    predicted = dict(
        zip(models, np.split(rows_of_horizon["predicted_spend"], ends), strict=True)
    )
    actual = np.split(rows_of_horizon["actual_spend"], ends)[0]
    ginis = resampled_ginis(predicted, actual)
    for model in models:
        # Too short a history has no network to compare with.
        if model == NETWORK or NETWORK not in ginis:
            continue
        lead = ginis[NETWORK] - ginis[model]
        low, high = np.quantile(lead[1:], [0.025, 0.975])
        found[str(model)] |= {
            "gini_lead": float(lead[0]),
            "gini_lead_low": float(low),
            "gini_lead_high": float(high),
        }
    return found


def resampled_ginis(
    predicted: Mapping[str, NDArray], actual: NDArray, resamples: int = RESAMPLES
) -> dict[str, NDArray]:
    """Return each forecast's normalised Gini: of all customers, then of each resample.

    All forecasts share the resamples, which draw customers with replacement, so their
    differences are paired. Shape (1 + resamples,) each.
    """
    count = len(actual)
    random = np.random.default_rng(1)
    orders = {name: _Order.of(values) for name, values in predicted.items()}
    perfect = _Order.of(actual)
    ginis: dict[str, list[NDArray]] = {name: [] for name in predicted}
    for start in range(0, 1 + resamples, AT_ONCE):
        size = min(AT_ONCE, 1 + resamples - start)
        weights = random.multinomial(count, np.full(count, 1 / count), size)
        if start == 0:
            weights[0] = 1
        best = perfect.area(weights, actual)
        for name, order in orders.items():
            ginis[name].append(order.area(weights, actual) / best)
    return {name: np.concatenate(parts) for name, parts in ginis.items()}


@dataclass(frozen=True)
class _Order:
    """Customers by rising value; `starts` is where each group of equals begins."""

    rows: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, values: NDArray) -> "_Order":
        order = np.argsort(values, kind="stable")
        is_first = np.diff(values[order], prepend=-np.inf) > 0
        return cls(order, np.flatnonzero(is_first))

    def area(self, weights: NDArray, actual: NDArray) -> NDArray:
        """Covariance of spend and rank, times a constant, per row of `weights`."""
        weights = weights[:, self.rows]
        spend = np.add.reduceat(weights * actual[self.rows], self.starts, axis=1)
        size = np.add.reduceat(weights, self.starts, axis=1)
        rank = np.cumsum(size, axis=1) - size / 2 - weights.sum(axis=1)[:, None] / 2
        return (spend * rank).sum(axis=1)


def table(found_rows: Sequence[Row]) -> str:
    """Return Markdown: a table for each whole shop, the small shops, and the totals."""
    by_case: dict[str, dict[str, dict[str, float]]] = {}
    for row in found_rows:
        if row.system in LABELS:
            systems = by_case.setdefault(row.case, {})
            systems.setdefault(row.system, {})[row.measure] = row.value
    lines, leads, totals = [], [], []
    for case, systems in by_case.items():
        of_prior = systems.get(PRIOR, {})
        if "past_totals" in of_prior:
            if "totals_held" in of_prior:
                count, held = of_prior["past_totals"], of_prior["totals_held"]
                totals.append(f"| {case} | {count:.0f} | {held:.0%} |")
            continue
        ranked = sorted(
            systems.items(), key=lambda item: -item[1].get("normalised_gini", 0)
        )
        if case.split("/")[0] in SMALL:
            rivals = [pair for pair in ranked if not pair[0].startswith(NETWORK)]
            own = _cell(systems[NETWORK]["normalised_gini"], "normalised_gini")
            best, found = rivals[0]
            leads.append(f"| {case} | {own} | {LABELS[best]} | {_lead(found)} |")
            continue
        lines += [f"**{case}**", ""]
        lines += [f"| | {' | '.join(MEASURES.values())} | network's lead in Gini |"]
        lines += ["|---" * (len(MEASURES) + 2) + "|"]
        for system, found in ranked:
            cells = [_cell(found.get(name), name) for name in MEASURES]
            lines.append(f"| {LABELS[system]} | {' | '.join(cells)} | {_lead(found)} |")
        lines.append("")
    if leads:
        lines += ["| small shops | network's Gini | best other | network's lead |"]
        lines += ["|---|---|---|---|", *leads, ""]
    if totals:
        lines += ["| totals of past dates | forecasts | within their range of 80 % |"]
        lines += ["|---|---|---|", *totals]
    return "\n".join(lines).strip()


def _lead(found: Mapping[str, float]) -> str:
    if "gini_lead" not in found:
        return ""
    low, high = found["gini_lead_low"], found["gini_lead_high"]
    return f"{found['gini_lead']:.3f} ({low:.3f} to {high:.3f})"


def _cell(value: float | None, name: str) -> str:
    if value is None:
        return ""
    if name == "total_bias":
        return f"{value:+.0%}"
    if name.startswith("coverage_error"):
        return f"{value:+.3f}"
    return f"{value:.1f}" if name == "mae" else f"{value:.3f}"
