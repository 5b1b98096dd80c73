"""Compares the measures of the backtest, and lifetime value, with other mathematics.

The models' own SQL, with the project's macros for DuckDB, runs on made-up customers;
scikit-learn, scipy and brute force give the expected values.
"""

from collections.abc import Callable, Iterable
from itertools import permutations, product
from pathlib import Path
from types import SimpleNamespace

import duckdb
import jinja2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import auc, mean_absolute_error, root_mean_squared_error

RunModel = Callable[..., pd.DataFrame]


@pytest.fixture
def run_model(root: Path) -> Iterable[RunModel]:
    """Make a table of a model of domain clv; its refs are tables made before."""
    connection = duckdb.connect()

    def run(name: str, *, settings: dict | None = None, **tables: pd.DataFrame):
        for table, rows in tables.items():
            connection.register("rows", rows)
            connection.execute(f"create or replace table {table} as from rows")
            connection.unregister("rows")
        macros = jinja2.Environment(extensions=["jinja2.ext.do"])
        macros.globals |= {
            "ref": str,
            "setting": ({"smallest_group": 1} | (settings or {})).get,
            "return": str,
            "adapter": SimpleNamespace(
                dispatch=lambda macro: macros.globals[f"default__{macro}"]
            ),
        }
        for file in ("engine", "gini", "lifetime_values", "smallest_group"):
            text = (root / "macros" / f"{file}.sql").read_text()
            macros.globals |= vars(macros.from_string(text).module)
        model = (root / "models" / "clv" / f"{name}.sql").read_text()
        sql = macros.from_string(model).render()
        connection.execute(f"create or replace table {name} as {sql}")
        return connection.table(name).df()

    yield run
    connection.close()


def backtest(
    predicted: Iterable[float],
    actual: Iterable[float],
    chance: Iterable[float] | float = np.nan,
    spend_p10: Iterable[float] | float = np.nan,
    spend_p50: Iterable[float] | float = np.nan,
    spend_p90: Iterable[float] | float = np.nan,
    model: str = "a_model",
) -> pd.DataFrame:
    """Predictions of one model at one origin and horizon, keys in no order."""
    actual = np.asarray(actual, dtype=float)
    keys = np.random.default_rng(len(actual)).permutation(len(actual))
    return pd.DataFrame(
        {
            "origin_date": pd.Timestamp("2025-01-01").date(),
            "horizon_days": 91,
            "model": model,
            "customer_key": [f"customer {key}" for key in keys],
            "predicted_spend": np.asarray(predicted, dtype=float),
            "chance_of_buying": chance,
            "spend_p10": spend_p10,
            "spend_p50": spend_p50,
            "spend_p90": spend_p90,
            "actual_spend": actual,
            "actual_purchases": (actual > 0).astype(int),
        }
    )


@pytest.fixture
def measure(run_model: RunModel) -> Callable[[pd.DataFrame], dict[str, float]]:
    """Measure one backtest: {measure: value}."""

    def measures_of(predictions: pd.DataFrame) -> dict[str, float]:
        run_model("backtest_deciles", backtest_predictions=predictions)
        run_model("backtest_coverage")
        metrics = run_model("backtest_metrics")
        assert not metrics.duplicated(["model", "measure"]).any()
        return dict(zip(metrics["measure"], metrics["value"], strict=True))

    return measures_of


def shop(seed: int, customers: int) -> tuple[NDArray, NDArray]:
    """Predictions and spend: most buy nothing, few a lot, many are alike."""
    rng = np.random.default_rng(seed)
    worth = rng.pareto(1.5, customers) * 20
    buys = rng.random(customers) < 0.4
    actual = np.where(buys, np.round(worth * rng.lognormal(0, 1, customers), -1), 0)
    predicted = np.round(worth * 0.4, -int(rng.integers(-2, 2)))
    return predicted, actual


SHOPS = [
    pytest.param(*shop(seed, customers), id=f"{customers} customers, seed {seed}")
    for seed, customers in enumerate([2, 7, 10, 11, 25, 99, 1000, 20_000])
]


def gain_curve_area(order_by: NDArray, actual: NDArray) -> float:
    """Area between the curve of cumulative spend and the diagonal.

    The curve runs straight through a group of ties, whose spend is shared evenly.
    """
    groups = pd.Series(actual).groupby(-order_by).agg(["size", "sum"]).cumsum()
    customers = np.concatenate([[0], groups["size"] / len(actual)])
    spend = np.concatenate([[0], groups["sum"] / actual.sum()])
    return auc(customers, spend) - 0.5


@pytest.mark.parametrize(("predicted", "actual"), SHOPS)
def test_measures_agree_with_scikit_learn_and_scipy(measure, predicted, actual):
    values = measure(backtest(predicted, actual))
    assert values["mae"] == pytest.approx(mean_absolute_error(actual, predicted))
    assert values["rmse"] == pytest.approx(root_mean_squared_error(actual, predicted))
    if np.ptp(actual) > 0:
        assert values["normalised_gini"] == pytest.approx(
            gain_curve_area(predicted, actual) / gain_curve_area(actual, actual)
        )
        assert values["total_bias"] == pytest.approx(predicted.sum() / actual.sum() - 1)
    if np.ptp(actual) > 0 and np.ptp(predicted) > 0:
        expected = spearmanr(predicted, actual).statistic
        assert values["spearman"] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_gini_and_capture_are_means_over_all_orders_of_the_tied(measure, seed):
    """The fair treatment of ties, by trying every way to break them."""
    rng = np.random.default_rng(seed)
    predicted = rng.integers(0, 3, size=7).astype(float)
    actual = rng.permutation([0, 0, 0, 5, 5, 40, 200]).astype(float)

    def gini_and_capture(order: NDArray) -> tuple[float, float]:
        shares = np.cumsum(actual[order]) / actual.sum()
        grid = np.arange(len(actual) + 1) / len(actual)
        curve = np.concatenate([[0], shares])
        return auc(grid, curve) - 0.5, float(np.interp(0.1, grid, curve))

    orders = [
        np.array(order)
        for order in permutations(range(7))
        if (np.diff(predicted[list(order)]) <= 0).all()
    ]
    gini, capture = np.mean([gini_and_capture(order) for order in orders], axis=0)
    best, _ = gini_and_capture(np.argsort(-actual))

    values = measure(backtest(predicted, actual))
    assert values["normalised_gini"] == pytest.approx(gini / best)
    assert values["top_decile_capture"] == pytest.approx(capture)


@pytest.mark.parametrize("seed", range(5))
def test_gini_counts_pairs_in_the_right_order(measure, seed):
    """Gini's mean difference: each pair adds what its better customer spent more."""
    predicted, actual = shop(seed, 60)
    pairs = list(product(range(60), repeat=2))

    def concordance(order_by: NDArray) -> float:
        return sum(
            np.sign(order_by[i] - order_by[j]) * (actual[i] - actual[j])
            for i, j in pairs
        )

    values = measure(backtest(predicted, actual))
    assert values["normalised_gini"] == pytest.approx(
        concordance(predicted) / concordance(actual)
    )


@pytest.mark.parametrize("customers", [10, 30, 4000])
def test_top_decile_capture_is_the_share_of_the_highest_predictions(measure, customers):
    rng = np.random.default_rng(customers)
    predicted, actual = rng.permutation(customers), rng.pareto(1.2, customers)
    top = np.argsort(-predicted)[: customers // 10]
    values = measure(backtest(predicted, actual))
    assert values["top_decile_capture"] == pytest.approx(
        actual[top].sum() / actual.sum()
    )


@pytest.mark.parametrize("customers", [3, 10, 19, 1234])
def test_deciles_are_ten_equal_groups_from_the_top(run_model, customers):
    rng = np.random.default_rng(customers)
    predicted, actual = rng.permutation(customers) / 7, rng.pareto(1.2, customers)
    actual *= rng.random(customers) < 0.3
    groups = [
        group for group in np.array_split(np.argsort(-predicted), 10) if group.size
    ]

    rows = backtest(predicted, actual)
    deciles = run_model("backtest_deciles", backtest_predictions=rows)
    deciles = deciles.sort_values("decile")
    assert list(deciles["decile"]) == list(range(1, len(groups) + 1))
    assert list(deciles["customers"]) == [group.size for group in groups]
    np.testing.assert_allclose(
        deciles["predicted_spend"], [predicted[group].mean() for group in groups]
    )
    np.testing.assert_allclose(
        deciles["actual_spend"], [actual[group].mean() for group in groups]
    )
    np.testing.assert_allclose(
        deciles["cumulative_actual_share"],
        np.cumsum([actual[group].sum() for group in groups]) / actual.sum(),
    )

    run_model("backtest_coverage")
    metrics = run_model("backtest_metrics").set_index("measure")["value"]
    sums = np.array([[predicted[group].sum(), actual[group].sum()] for group in groups])
    spent = sums[sums[:, 1] > 0]
    centred = spent * [actual.sum() / predicted.sum(), 1]
    for name, each in (("decile_mape", spent), ("decile_mape_centred", centred)):
        expected = np.mean(np.abs(each[:, 0] - each[:, 1]) / each[:, 1])
        assert metrics[name] == pytest.approx(expected)
    assert metrics["decile_wape"] == pytest.approx(
        np.abs(sums[:, 0] - sums[:, 1]).sum() / actual.sum()
    )


def test_tied_deciles_do_not_depend_on_the_order_of_rows(run_model):
    predicted, actual = shop(1, 500)
    rows = backtest(np.round(predicted, -1), actual)
    first = run_model("backtest_deciles", backtest_predictions=rows)
    again = run_model(
        "backtest_deciles", backtest_predictions=rows.sample(frac=1, random_state=0)
    )
    pd.testing.assert_frame_equal(
        first.sort_values("decile", ignore_index=True),
        again.sort_values("decile", ignore_index=True),
    )


@pytest.mark.parametrize("customers", [50, 5000])
def test_chances_are_measured(measure, customers):
    rng = np.random.default_rng(customers)
    chance = np.append(rng.beta(0.5, 0.8, customers - 2), [0, 1])
    actual = np.where(rng.random(customers) < chance**2, rng.pareto(2, customers), 0)
    values = measure(backtest(chance, actual, chance))

    bought, predicted = calibration_curve(actual > 0, chance, n_bins=10)
    sizes, _ = np.histogram(chance, bins=np.linspace(0, 1, 11))
    assert values["chance_calibration_error"] == pytest.approx(
        np.average(np.abs(bought - predicted), weights=sizes[sizes > 0])
    )


def test_exact_quantiles_are_held_by_as_many_as_they_state(measure):
    """The spend of a buyer is uniform, so each quantile is known in closed form."""
    rng = np.random.default_rng(1)
    count = 20_000
    chance = rng.beta(1, 1, count)
    actual = np.where(rng.random(count) < chance, rng.random(count), 0)
    exact = [np.maximum(0, 1 - (1 - level) / chance) for level in (0.1, 0.5, 0.9)]
    values = measure(backtest(chance / 2, actual, chance, *exact))
    low = measure(backtest(chance / 2, actual, chance, *(0.9 * q for q in exact)))
    for level, quantile in zip((0.1, 0.5, 0.9), exact, strict=True):
        name = f"coverage_error_p{round(100 * level)}"
        assert values[name] == pytest.approx(0, abs=0.01)
        # A tenth of each positive quantile is a tenth of its chance too little.
        assert low[name] == pytest.approx(-np.mean(0.1 * quantile * chance), abs=0.01)


def test_coverage_counts_fifths_from_the_top(run_model):
    """Compared with pandas, on quantiles that are wrong."""
    rng = np.random.default_rng(0)
    predicted, chance = rng.permutation(1001) / 7, rng.random(1001)
    actual = np.where(rng.random(1001) < chance, predicted * rng.random(1001) * 3, 0)
    bounds = {0.1: 0 * predicted, 0.5: predicted / 2, 0.9: predicted * 2}
    rows = backtest(predicted, actual, chance, *bounds.values())
    found = run_model("backtest_coverage", backtest_predictions=rows)
    found = found.set_index(["fifth", "quantile"])
    assert len(found) == 15
    groups = np.array_split(np.argsort(-predicted), 5)
    for number, group in enumerate(groups, start=1):
        for level, bound in bounds.items():
            row = found.loc[number, level]
            assert row.customers == group.size
            assert row.stated_share == pytest.approx(
                np.maximum(level, 1 - chance[group]).mean()
            )
            assert row.actual_share == pytest.approx(
                np.mean(actual[group] <= bound[group])
            )


def test_measures_without_chances_and_intervals_are_absent(measure):
    values = measure(backtest(*shop(3, 100)))
    assert "chance_calibration_error" not in values
    assert set(values) == {
        "normalised_gini",
        "spearman",
        "top_decile_capture",
        "decile_mape",
        "decile_mape_centred",
        "decile_wape",
        "total_bias",
        "mae",
        "rmse",
    }


def test_perfect_reversed_and_indifferent_models_have_known_values(measure):
    _, actual = shop(6, 1000)
    perfect = measure(backtest(actual, actual))
    assert perfect["normalised_gini"] == pytest.approx(1)
    assert perfect["spearman"] == pytest.approx(1)
    assert perfect["total_bias"] == perfect["mae"] == perfect["decile_mape"] == 0

    reversed_order = measure(backtest(actual.max() - actual, actual))
    assert reversed_order["normalised_gini"] == pytest.approx(-1)
    assert reversed_order["spearman"] == pytest.approx(-1)

    zero = measure(backtest(np.zeros_like(actual), actual))
    assert zero["normalised_gini"] == 0
    assert zero["top_decile_capture"] == pytest.approx(0.1)
    assert zero["total_bias"] == zero["decile_mape"] * -1 == -1
    assert "spearman" not in zero


def test_order_measures_ignore_the_scale_of_predictions(measure):
    predicted, actual = shop(7, 3000)
    values = measure(backtest(predicted, actual))
    rescaled = measure(backtest(np.sqrt(predicted) * 1e-9, actual))
    for name in ["normalised_gini", "spearman", "top_decile_capture"]:
        assert rescaled[name] == pytest.approx(values[name])


def test_models_are_measured_apart(run_model):
    rows = [backtest(*shop(seed, 80), model=f"model {seed}") for seed in range(3)]
    run_model("backtest_deciles", backtest_predictions=pd.concat(rows))
    run_model("backtest_coverage")
    together = run_model("backtest_metrics").set_index(["model", "measure"])["value"]
    for alone in rows:
        run_model("backtest_deciles", backtest_predictions=alone)
        run_model("backtest_coverage")
        apart = run_model("backtest_metrics").set_index(["model", "measure"])["value"]
        assert apart.to_dict() == pytest.approx(
            together.loc[apart.index].to_dict(), rel=1e-9
        )


def scores(horizons: list[int], customers: int) -> pd.DataFrame:
    """Scores that grow with the horizon, one row per customer and horizon."""
    rng = np.random.default_rng(customers)
    spend = np.cumsum(rng.pareto(1.5, (customers, len(horizons))) * 30, axis=1)
    chance = np.sort(rng.random((customers, len(horizons))), axis=1)
    return pd.DataFrame(
        {
            "customer_key": np.repeat(
                [f"c{i}" for i in range(customers)], len(horizons)
            ),
            "as_of_date": pd.Timestamp("2025-06-30").date(),
            "horizon_days": np.tile(horizons, customers),
            "is_longest_horizon": np.tile(np.equal(horizons, max(horizons)), customers),
            "is_extrapolated": False,
            "predicted_spend": spend.ravel(),
            "chance_of_buying": chance.ravel(),
            "expected_orders": 2 * chance.ravel(),
            "spend_p10": 0.0,
            "spend_p50": spend.ravel() / 2,
            "spend_p90": spend.ravel() * 2,
            "prior_spend": spend.ravel()
            * rng.lognormal(0, 0.5, customers).repeat(len(horizons)),
            "scored_by": "network",
            "network_version": pd.Series([None] * spend.size, dtype="string"),
        }
    ).sample(frac=1, random_state=0)


def later_years(rows: pd.DataFrame, years: list[int]) -> pd.DataFrame:
    """What the prior expects of the same customers by the ends of later years."""
    longest = rows[rows["is_longest_horizon"]]
    return pd.concat(
        longest.assign(
            horizon_days=365 * year,
            is_longest_horizon=False,
            is_extrapolated=True,
            predicted_spend=np.nan,
            chance_of_buying=np.nan,
            prior_spend=longest["prior_spend"] * (1 + place) ** 0.7,
        )
        for place, year in enumerate(years, start=1)
    )


def no_margins() -> pd.DataFrame:
    """monthly_margins of a shop that knows no costs."""
    return pd.DataFrame(
        {
            "customer_key": pd.Series([], dtype="string"),
            "known_spend": pd.Series([], dtype=float),
            "known_cost": pd.Series([], dtype=float),
        }
    )


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Features of the customers that have scores."""
    return (
        rows[["customer_key", "as_of_date"]]
        .drop_duplicates()
        .assign(
            first_purchase_date=pd.Timestamp("2024-01-01").date(),
            last_purchase_date=pd.Timestamp("2025-01-01").date(),
            frequency=3,
            past_spend=10.0,
            formula_value=900.0,
        )
    )


@pytest.mark.parametrize("horizons", [[365], [30, 91, 182, 365], [730, 3650]])
@pytest.mark.parametrize("margin", [0.3, 1.0])
@pytest.mark.parametrize("discount_rate", [0, 0.1, -0.05])
def test_lifetime_value_discounts_each_increment(
    run_model, horizons, margin, discount_rate
):
    rows = scores(horizons, 57)
    run_model("clv_predictions", clv_scores=rows)
    customers = run_model(
        "customer_lifetime_value",
        settings={"discount_rate": discount_rate, "margin": 0.3},
        customer_features=features_of(rows),
        monthly_margins=no_margins(),
        shop_margin=pd.DataFrame({"margin": [margin]}),
    ).set_index("customer_key")

    spend = rows.pivot_table("predicted_spend", "customer_key", "horizon_days").round(2)
    ends = np.array(sorted(horizons))
    starts = np.concatenate([[0], ends[:-1]])
    years = (starts + ends) / 2 / 365
    increments = np.diff(spend.to_numpy(), axis=1, prepend=0)
    expected = margin * increments @ (1 + discount_rate) ** -years

    assert len(customers) == 57
    assert customers["tail_value"].eq(0).all()
    found = customers.loc[spend.index]
    np.testing.assert_allclose(
        found["lifetime_value"].astype(float), expected, atol=0.0051
    )
    np.testing.assert_allclose(
        found["predicted_spend"].astype(float), spend[max(horizons)]
    )
    by_rank = customers.sort_values("value_rank")
    assert list(by_rank["value_rank"]) == list(range(1, 58))
    assert by_rank["lifetime_value"].is_monotonic_decreasing
    assert [group.size for group in np.array_split(np.arange(57), 10)] == list(
        by_rank.groupby("value_decile").size()
    )


@pytest.mark.parametrize(
    ("horizons", "years"), [([365, 91], [2, 3]), ([30], [1, 2]), ([400], [2, 3, 4])]
)
def test_lifetime_value_goes_on_as_the_prior_at_a_ratio(run_model, horizons, years):
    rows = scores(horizons, 57)
    rows = pd.concat([rows, later_years(rows, years)])
    run_model("clv_predictions", clv_scores=rows[~rows["is_extrapolated"]])
    customers = run_model(
        "customer_lifetime_value",
        settings={"discount_rate": 0.1, "margin": 0.3},
        clv_scores=rows,
        customer_features=features_of(rows),
        monthly_margins=no_margins(),
        shop_margin=pd.DataFrame({"margin": [0.3]}),
    ).set_index("customer_key")

    longest = rows[rows["is_longest_horizon"]].set_index("customer_key")
    own = longest["predicted_spend"] / longest["prior_spend"]
    prior = rows.pivot_table("prior_spend", "customer_key", "horizon_days")
    ends = np.array([max(horizons), *(365 * year for year in years)])
    middles = (ends[:-1] + ends[1:]) / 2 / 365
    growth = prior[ends].diff(axis=1).to_numpy()[:, 1:]
    expected = 0.3 * growth @ 1.1**-middles * own.loc[prior.index]

    found = customers.loc[prior.index]
    np.testing.assert_allclose(found["tail_value"].astype(float), expected, 1e-3, 0.01)
    parts = found[["horizon_value", "tail_value", "lifetime_value"]].astype(float)
    np.testing.assert_allclose(
        parts["horizon_value"] + parts["tail_value"], parts["lifetime_value"]
    )
    np.testing.assert_allclose(
        found["extrapolated_share"], parts["tail_value"] / parts["lifetime_value"]
    )


def test_values_of_new_customers_are_credible_means(run_model):
    """Buehlmann's credibility, on channels of 200, 60 and 25 customers."""
    rng = np.random.default_rng(3)
    sizes = {"mail": 200, "search": 60, "social": 25}
    channel = np.repeat(list(sizes), list(sizes.values()))
    level = np.repeat([100.0, 130.0, 40.0], list(sizes.values()))
    keys = [f"c{i}" for i in range(len(channel))]
    value = np.round(rng.gamma(2, level / 2), 2)
    first = pd.Timestamp("2024-01-01").date()
    found = run_model(
        "new_customer_values",
        customer_lifetime_value=pd.DataFrame(
            {
                "customer_key": keys,
                "as_of_date": pd.Timestamp("2024-01-02").date(),
                "first_purchase_date": first,
                "total_value": value,
            }
        ),
        customer_days=pd.DataFrame(
            {"customer_key": keys, "activity_date": first, "net_amount": 1.0}
        ),
        shop_margin=pd.DataFrame({"margin": [0.5]}),
        first_orders=pd.DataFrame(
            {
                "customer_key": keys,
                "acquisition_channel": channel,
                "country": "x",
                "first_category": "c",
                "first_product": "p",
            }
        ),
    )
    lifetime = found[found["period"] == "lifetime"].set_index("group_name")
    assert set(found["dimension"]) == {"all", "channel"}

    groups = pd.Series(value).groupby(channel)
    n, mean = groups.size(), groups.mean()
    within = ((value - mean[channel].to_numpy()) ** 2).sum() / (n.sum() - 3)
    between = (n * (mean - value.mean()) ** 2).sum() - 2 * within
    between /= n.sum() - (n**2).sum() / n.sum()
    assert between > 0
    weight = n * between / (n * between + within)
    expected = weight * mean + (1 - weight) * value.mean()
    sd = np.sqrt((1 - weight) * between + (1 - weight) ** 2 * within / n.sum())
    shown = lifetime.loc[n.index]
    for column, wanted in (
        ("value", expected),
        ("value_low", expected - norm.ppf(0.9) * sd),
        ("value_high", expected + norm.ppf(0.9) * sd),
        ("observed_value", mean),
    ):
        np.testing.assert_allclose(shown[column].astype(float), wanted, atol=0.01)
    assert float(lifetime.loc["all", "value"]) == pytest.approx(value.mean(), abs=0.01)


def test_no_customers_give_no_rows(run_model):
    rows = scores([91, 365], 5)
    predictions = backtest(*shop(2, 5)).head(0)
    assert run_model("clv_predictions", clv_scores=rows.head(0)).empty
    assert run_model(
        "customer_lifetime_value",
        settings={"discount_rate": 0.1, "margin": 0.3},
        customer_features=features_of(rows).head(0),
        monthly_margins=no_margins(),
        shop_margin=pd.DataFrame({"margin": [0.3]}),
    ).empty
    assert run_model("backtest_deciles", backtest_predictions=predictions).empty
    assert run_model("backtest_coverage").empty
    assert run_model("backtest_metrics").empty
