"""Holds the statistics of experiments against scipy and numpy, and the verdicts."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from benchmarks.data import HILLSTROM
from benchmarks.experiments import judged
from clv_warehouse.project.macros import sql_of, sql_of_model
from clv_warehouse.project.opening import trusted


def columns(treated, control, **others):
    """One experiment's customers, as `judged` takes them; the treated come first."""
    value = np.concatenate([treated, control])
    given = {
        "experiment_id": np.zeros(len(value), np.int32),
        "is_control": np.arange(len(value)) >= len(treated),
        "value": value,
        "divisor": np.ones(len(value)),
        "covariate": np.zeros(len(value)),
    }
    return given | others


def lognormal(generator, size, mean=2.0):
    """Heavy-tailed spend, to the cent."""
    return np.round(np.exp(generator.normal(mean, 1, size)), 2)


def test_the_normal_distribution_is_scipys() -> None:
    z = np.linspace(0, 36.9, 3000)
    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 3000), 10.0 ** -np.arange(1, 15)])
    with duckdb.connect() as connection:
        connection.register("z", pa.table({"z": z}))
        connection.register("p", pa.table({"p": p}))
        tail = connection.sql(f"select {sql_of('normal_tail', 'z')} as t from z")
        found = tail.fetchnumpy()["t"]
        quantile = connection.sql(
            f"select {sql_of('normal_quantile', 'p')} as q from p"
        )
        quantiles = quantile.fetchnumpy()["q"]
        (ends,) = connection.sql(
            f"select {sql_of('normal_tail', '40e0')}, "
            f"{sql_of('normal_tail', 'cast(null as double)')}"
        ).fetchall()
    np.testing.assert_allclose(found, stats.norm.sf(z), rtol=1e-8)
    np.testing.assert_allclose(quantiles, stats.norm.ppf(p), rtol=2e-9, atol=1e-9)
    assert ends == (0, None)


@pytest.mark.parametrize("sizes", [(1500, 1500), (4000, 1000)])
def test_effects_are_those_of_a_t_test(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    treated, control = (lognormal(generator, size) for size in sizes)
    found = judged(columns(treated, control))
    expected = stats.ttest_ind(treated, control)
    interval = expected.confidence_interval()
    assert found["effect"][0] == pytest.approx(treated.mean() - control.mean())
    # A t test of thousands differs from the normal one in the third digit.
    assert found["p_value"][0] == pytest.approx(expected.pvalue, rel=5e-3)
    assert found["effect_low"][0] == pytest.approx(interval.low, rel=5e-3)
    assert found["effect_high"][0] == pytest.approx(interval.high, rel=5e-3)
    ratio = treated.mean() / control.mean() - 1
    assert found["relative_effect"][0] == pytest.approx(ratio)
    assert found["variance_reduction"][0] == pytest.approx(0, abs=1e-12)


def test_covariates_take_off_what_a_regression_does() -> None:
    """Strata and slopes within them, as least squares finds them."""
    generator = np.random.default_rng(2)
    n = 4000
    is_treated = np.arange(n) < n // 2
    stratum = generator.integers(0, 3, n)
    covariate = np.round(generator.normal(10, 3, n), 2)
    noise = generator.normal(0, 2, n)
    value = 5 * stratum + (stratum + 1) * covariate + noise + 0.3 * is_treated
    value = np.round(value, 4)
    design = np.column_stack(
        [
            is_treated,
            *(stratum == each for each in range(3)),
            *(covariate * (stratum == each) for each in range(3)),
        ]
    ).astype(float)
    slopes, squares, *_ = np.linalg.lstsq(design, value, rcond=None)
    error = np.sqrt(squares[0] / (n - 7) * np.linalg.inv(design.T @ design)[0, 0])
    found = judged(
        columns(
            value[is_treated],
            value[~is_treated],
            covariate=covariate,
            stratum=np.array(["a", "b", "c"])[stratum],
        )
    )
    assert found["effect"][0] == pytest.approx(slopes[0], abs=0.05 * error)
    assert found["error"][0] == pytest.approx(error, rel=0.01)
    plain = value[is_treated].mean() - value[~is_treated].mean()
    assert found["plain_effect"][0] == pytest.approx(plain)
    reduction = 1 - (found["error"][0] / found["plain_error"][0]) ** 2
    assert found["variance_reduction"][0] == pytest.approx(reduction)


def test_small_strata_join_others() -> None:
    """A stratum with all its customers in one arm says nothing by itself."""
    generator = np.random.default_rng(3)
    treated, control = lognormal(generator, 1200), lognormal(generator, 1200)
    stratum = np.full(2400, "large")
    stratum[:5] = "of one arm"
    found = judged(columns(treated, control, stratum=stratum))
    plain = treated.mean() - control.mean()
    assert found["effect"][0] == pytest.approx(plain)


def test_ratios_are_judged_by_the_delta_method() -> None:
    generator = np.random.default_rng(4)
    arms = []
    for _ in range(2):
        bought = lognormal(generator, 3000)
        arms.append((np.round(bought * generator.beta(1, 9, 3000), 2), bought))
    found = judged(
        columns(
            arms[0][0], arms[1][0], divisor=np.concatenate([arms[0][1], arms[1][1]])
        )
    )
    ratios = [returned.sum() / bought.sum() for returned, bought in arms]
    variance = 0.0
    for (returned, bought), ratio in zip(arms, ratios, strict=True):
        matrix = np.cov(returned, bought)
        slope = np.array([1, -ratio]) / bought.mean()
        variance += slope @ matrix @ slope / len(bought)
    assert found["effect"][0] == pytest.approx(ratios[0] - ratios[1])
    assert found["error"][0] == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_quantiles_are_as_sure_as_a_bootstrap_says() -> None:
    generator = np.random.default_rng(5)
    treated, control = lognormal(generator, 2000), lognormal(generator, 2000)
    given = columns(treated, control)
    del given["divisor"], given["covariate"]
    found = judged(given, quantile="0.9e0")
    expected = [
        np.quantile(each, 0.9, method="inverted_cdf") for each in (treated, control)
    ]
    assert found["mean"][0] == expected[0]
    assert found["effect"][0] == pytest.approx(expected[0] - expected[1])
    drawn = stats.bootstrap(
        (treated, control),
        lambda a, b, axis: (
            np.quantile(a, 0.9, axis=axis) - np.quantile(b, 0.9, axis=axis)
        ),
        n_resamples=500,
        method="percentile",
        rng=np.random.default_rng(6),
    )
    assert found["error"][0] == pytest.approx(drawn.standard_error, rel=0.2)


def test_the_interval_for_peekers_is_that_of_the_paper() -> None:
    """Waudby-Smith et al. (2024), theorem 2.2, with the error as sigma / sqrt(n)."""
    generator = np.random.default_rng(7)
    treated, control = lognormal(generator, 1500), lognormal(generator, 1500)
    found = judged(columns(treated, control))
    n, alpha, best = 3000, 0.05, 5000
    rho = np.sqrt((-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / best)
    sigma = found["error"][0] * np.sqrt(n)
    reach = sigma * np.sqrt(
        2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log(np.sqrt(n * rho**2 + 1) / alpha)
    )
    assert found["always_high"][0] - found["effect"][0] == pytest.approx(
        reach, rel=1e-4
    )
    assert found["effect"][0] - found["always_low"][0] == pytest.approx(reach, rel=1e-4)


def test_hillstroms_e_mails_are_judged_as_scipy_does(public_data) -> None:
    rows = duckdb.read_csv(str(public_data(HILLSTROM))).fetchnumpy()
    control = rows["segment"] == "No E-Mail"
    for arm, effect in {"Mens E-Mail": 0.77, "Womens E-Mail": 0.42}.items():
        treated = rows["segment"] == arm
        found = judged(columns(rows["spend"][treated], rows["spend"][control]))
        expected = stats.ttest_ind(rows["spend"][treated], rows["spend"][control])
        assert found["effect"][0] == pytest.approx(effect, abs=0.005)
        assert found["p_value"][0] == pytest.approx(expected.pvalue, rel=1e-2)


EXPERIMENTS = """
create table as_of_dates as
select date '2024-05-20' as as_of_date, true as is_scoring_date;
create table experiments as
select *, null::date as started_date, false as is_hold_out
from (values
    ('won', 'control', date '2024-05-10'), ('runs', 'control', null),
    ('alike', 'control', null), ('few', 'control', null), ('one arm', 'control', null),
    ('nobody', 'control', null), ('later', null, null), ('uneven', 'control', null),
    ('single', 'control', null), ('pair', 'control', null)
) as told (experiment_id, control_arm, ended_date);
create table planned_experiments as
from (values
    ('nobody', 'control', .5), ('nobody', 'Mail', .5),
    ('uneven', 'control', .3), ('uneven', 'mail', .3)
) as planned (experiment_id, arm, share);
create table experiment_outcomes as
with sizes (experiment_id, arm, customers) as (
    values
    ('won', 'mail', 1500), ('won', 'control', 1500), ('runs', 'mail', 1500),
    ('runs', 'control', 1500), ('alike', 'mail', 1000), ('alike', 'control', 1000),
    ('few', 'mail', 999), ('few', 'control', 5000), ('one arm', 'control', 2000),
    ('nobody', 'control', 2000), ('uneven', 'mail', 1100), ('uneven', 'control', 1400),
    ('single', 'control', 1), ('pair', 'mail', 1), ('pair', 'control', 1)
),
people as (
    select *, unnest(range(customers)) as number from sizes
)
select
    experiment_id, arm || number as customer_key, arm, arm = 'control' as is_control,
    date '2024-05-10' as last_date, 'DE' as country, 'ads' as acquisition_channel,
    true as has_history, 5 as past_spend, null::decimal(38, 2) as forecast_spend,
    'past spend' as covariate,
    case
        when experiment_id = 'alike' then 1
        when number % 10 < 2 + (arm = 'mail' and experiment_id = 'won')::int then 1
        else 0
    end as orders,
    0 as bought_amount, 0 as returned_amount, -3 * orders as spend, 0 as margin,
    0 as later_value
from people;
create table experiment_assignments as
select experiment_id, customer_key, arm, is_control, date '2024-05-01' as assigned_date,
    null::date as ended_date
from experiment_outcomes
union all
select 'won', 'late', 'mail', false, date '2024-05-11', date '2024-05-10';
create table checked_assignments (
    experiment_id varchar, customer_key varchar, rejection_reason varchar
);
insert into checked_assignments
values ('won', 'two', 'two_arms'), ('won', 'two', 'two_arms');
"""


def test_verdicts(root: Path) -> None:
    """What cannot be compared is said, and gets no interval."""
    path = root / "models" / "marketing" / "experiment_results.sql"
    with trusted(duckdb.connect()) as connection:
        connection.execute(EXPERIMENTS)
        results = connection.sql(sql_of_model(path)).to_df()
    of_all = results[results["segment_kind"] == "all"]
    conversions = of_all[of_all["metric"] == "conversion"].set_index("experiment_id")
    assert conversions["verdict"].to_dict() == {
        "won": "won",
        "runs": "not yet",
        "alike": "all alike",
        "few": "too few",
        "one arm": "one arm only",
        "nobody": "an arm with nobody",
        "later": "not started",
        "uneven": "arms not as planned",
        "single": "one arm only",
        "pair": "too few",
    }
    assert conversions["excluded_customers"].to_dict()["won"] == 2
    assert conversions.loc["won", "effect"] == pytest.approx(0.1)
    uneven = stats.binomtest(1100, 2500, 0.5).pvalue
    assert conversions.loc["uneven", "ratio_p_value"] == pytest.approx(uneven, rel=0.1)
    given = results[results["effect_low"].notna()]["experiment_id"]
    assert set(given) == {"won", "runs", "uneven"}
    # More orders of goods that came back are worse spend, and all went to `lost`.
    spend = of_all[of_all["metric"] == "spend"].set_index("experiment_id")
    assert spend.loc["won", "verdict"] == "lost"
    assert "customers more would" not in conversions.loc["runs", "verdict_text"]
    assert results["started_date"].isna().all()
    assert (of_all.groupby("experiment_id").size() == 10).all()


def test_holm_corrects_segments(root: Path) -> None:
    """The smallest of m p-values counts m times, the next m - 1 times, in order."""
    path = root / "models" / "marketing" / "experiment_results.sql"
    with trusted(duckdb.connect()) as connection:
        connection.execute(EXPERIMENTS)
        connection.execute(
            "update experiment_outcomes set country = case hash(customer_key) % 3 "
            "when 0 then 'DE' when 1 then 'FR' else 'IT' end; "
            "insert into experiment_outcomes by name select * replace "
            "(customer_key || 'x' as customer_key) from experiment_outcomes "
            "where experiment_id = 'won'; "
            "insert into experiment_outcomes by name select * replace "
            "(customer_key || 'y' as customer_key) from experiment_outcomes "
            "where experiment_id = 'won'; "
        )
        connection.execute(
            "delete from experiment_outcomes where experiment_id != 'won'"
        )
        results = connection.sql(sql_of_model(path)).to_df()
    segments = results[
        (results["segment_kind"] == "country") & (results["metric"] == "conversion")
    ]
    p = segments["p_value"].to_numpy()
    assert len(p) == 3 and not np.isnan(p).any()
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.array([3, 2, 1]))
    expected = np.minimum(steps, 1)
    np.testing.assert_allclose(
        segments["corrected_p_value"].to_numpy()[order], expected
    )
    assert isinstance(segments["ended_date"].iloc[0], (dt.datetime, dt.date))


def test_power_is_that_of_the_textbook(root: Path) -> None:
    """Of 2,000 customers, 28 days before and 28 days after; a year before, 3,000."""
    generator = np.random.default_rng(8)
    past = np.round(generator.gamma(2, 20, 2000), 2)
    spend = np.round(past / 4 + generator.gamma(2, 5, 2000), 2)
    path = root / "models" / "marketing" / "experiment_power.sql"
    with trusted(duckdb.connect()) as connection:
        connection.register("given", pa.table({"past": past, "spend": spend}))
        connection.execute(
            "create table as_of_dates as "
            "select date '2024-05-28' as as_of_date, true as is_scoring_date; "
            "create table customer_days as "
            "with numbered as (select *, row_number() over () as id from given) "
            "select id::varchar as customer_key, date '2024-04-01' as activity_date, "
            "1 as orders, past::decimal(38, 4) as net_amount, true as is_purchase "
            "from numbered union all select id::varchar, date '2024-05-28', 1, "
            "spend::decimal(38, 4), true from numbered union all "
            "select 'new' || range, date '2024-05-01', 1, 5, true from range(280); "
            "create table score_history (customer_key varchar, as_of_date date, "
            "horizon_days integer, predicted_spend decimal(38, 2), said_at timestamp)"
        )
        power = connection.sql(sql_of_model(path)).to_df()
    power = power[power["metric"] == "spend"].set_index("relative_effect")
    reach = 2 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2
    for share in (0.01, 0.02):
        effect = share * spend.mean()
        needed = reach * np.var(spend, ddof=1) / effect**2
        row = power.loc[share]
        assert row["plain_customers_per_arm"] == pytest.approx(needed, abs=1)
        left = 1 - np.corrcoef(past, spend)[0, 1] ** 2
        assert row["customers_per_arm"] == pytest.approx(left * needed, abs=1)
        assert row["variance_reduction"] == pytest.approx(1 - left)
        # Ten new customers come a day.
        assert row["plain_days"] == 28 + np.ceil(
            (2 * row["plain_customers_per_arm"] - 2000) / 10
        )
    assert power.loc[0.5, "customers_per_arm"] == 1000
    assert power.loc[0.5, "days"] == 28
