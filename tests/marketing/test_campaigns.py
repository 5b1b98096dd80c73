"""A plan of offers that pay, from an experiment to campaign_plan."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from clv_warehouse.project.features import Feature, read_features
from warehouse import Warehouse

CUSTOMERS = 4_000
BUDGET = 300.0
# What a postcard costs, and a mail, in seeds/reference/offer_costs.csv.
COSTS = {"mail": 0.02, "postcard": 0.75}
SEEDS = ("actions", "action_rules", "quiet_times", "never_contacted")
MODELS = (
    *("uplift_cases", "uplift_backtest", "uplift", "uplift_customers"),
    *("uplift_scores", "customer_uplift", "offers", "action_day"),
    *("contactable_customers", "agreed_purposes", "plannable_offers"),
    *("planned_offers", "campaign_plan", "frontier_points", "campaign_frontier"),
)


def _unknown(feature: Feature) -> str:
    if feature.is_sequence:
        return "[]"
    return "null" if feature.is_nullable else "0"


def people(draw: np.random.Generator) -> pd.DataFrame:
    """Customers, the arm that chance gave them, and what offers truly add to margins.

    Who buys for much is glad of a postcard, and all others of a mail. A mail annoys
    those who buy for much. A tenth is held out for good.
    """
    amount = draw.gamma(2.0, 15.0, CUSTOMERS)
    is_large = amount > 30
    arm = draw.choice(["control", *COSTS], CUSTOMERS)
    told = pd.DataFrame(
        {
            "customer_key": [f"{number:024x}" for number in range(CUSTOMERS)],
            "amount_mean": amount,
            "arm": arm,
            "is_held_out": draw.random(CUSTOMERS) < 0.1,
            "mail": np.where(is_large, -1.0, 1.0),
            "postcard": np.where(is_large, 4.0, 0.5),
        }
    )
    effect = np.select([arm == "mail", arm == "postcard"], [told.mail, told.postcard])
    margin = amount / 10 + effect + draw.normal(0, 3, CUSTOMERS)
    return told.assign(margin=margin.round(2))


@pytest.fixture(scope="module")
def planned(
    warehouse_in: Callable[[Path], Warehouse], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, pd.DataFrame]]:
    """A shop whose experiment with two offers is over, and its plan of BUDGET."""
    warehouse = warehouse_in(tmp_path_factory.mktemp("planned"))
    told = people(np.random.default_rng(5))
    others = ", ".join(
        f"{_unknown(each)}::{each.data_type} as {each.name}"
        for each in read_features()
        if each.name not in ("amount_mean", "frequency")
    )
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.register("told", told)
        for schema in ("features", "clv", "profiles", "orders", "marketing"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            f"""
            create table features.as_of_dates as
            from (values (date '2024-06-30', true), (date '2024-05-01', false))
                as dates (as_of_date, is_scoring_date);
            create table features.customer_features as
            select customer_key, as_of_date, date '2024-01-01' as first_purchase_date,
                date '2024-04-20' as last_purchase_date, 6 as frequency, amount_mean,
                {others}
            from told cross join features.as_of_dates;
            create table marketing.experiments as
            from (values ('x', false, 'spring'), ('h', true, null))
                as experiments (experiment_id, is_hold_out, campaign_id);
            create table marketing.experiment_assignments as
            select 'x' as experiment_id, customer_key, arm,
                arm = 'control' as is_control,
                false as is_held_out, 1 / 3 as share, date '2024-05-31' as ended_date
            from told
            union all
            select 'h', customer_key, 'held out', true, true, 0.1, null
            from told where is_held_out;
            create table marketing.experiment_outcomes as
            select 'x' as experiment_id, customer_key, arm,
                arm = 'control' as is_control,
                date '2024-05-02' as assigned_date, 30 as days,
                margin::decimal(38, 2) as margin, 0::decimal(38, 4) as message_cost
            from told;
            create table clv.score_history (customer_key varchar, as_of_date date,
                horizon_days integer, predicted_spend double, said_at timestamp);
            create table clv.clv_predictions as
            select customer_key, date '2024-06-30' as as_of_date, 30 as horizon_days,
                amount_mean as predicted_spend from told;
            create table profiles.customer_profiles as
            select customer_key, 'loyal' as segment,
                amount_mean::decimal(38, 2) as lifetime_value from told;
            create table orders.fct_campaign_sends (campaign_id varchar,
                customer_key varchar, sent_date date, cost decimal(18, 4));
            create table orders.dim_campaigns (campaign_id varchar, channel varchar);
            create table orders.dim_calendar (calendar_date date, kind varchar);
            create table orders.fct_consents (customer_key varchar, purpose varchar,
                given_at timestamp, withdrawn_at timestamp);
            create table clv.training_plan as
            select 'uplift' as model_name, true as is_due, 'first' as reason,
                date '2024-06-30' as as_of_date, '' as features_fingerprint,
                '' as config_fingerprint, '' as code_fingerprint, '{{}}' as settings,
                null::varchar as newest_version, 0 as newest_number;
            """
        )
    for command in (
        ("seed", "--select", *SEEDS, "offer_costs", "campaign_limits"),
        ("run", "--select", *MODELS),
    ):
        done = warehouse.dbt(*command, campaign_budget=BUDGET)
        assert done.returncode == 0, done.stdout
    yield warehouse, told.set_index("customer_key")


@pytest.fixture(scope="module")
def plan(planned: tuple[Warehouse, pd.DataFrame]) -> pd.DataFrame:
    return planned[0].query("from marketing.campaign_plan order by customer_key")


def test_a_plan_is_within_its_budget_and_uses_it(
    planned: tuple[Warehouse, pd.DataFrame], plan: pd.DataFrame
) -> None:
    assert set(plan["offer"]) == set(COSTS)
    assert (plan["cost"].astype(float) == plan["offer"].map(COSTS)).all()
    cost = plan["cost"].astype(float).sum()
    assert BUDGET - max(COSTS.values()) < cost <= BUDGET
    assert plan["shadow_price"].iloc[0] > 0
    (point,) = (
        planned[0]
        .query(
            "from marketing.campaign_frontier where is_planned and policy = 'plan'",
        )
        .itertuples()
    )
    assert float(point.budget) == BUDGET
    assert (point.customers, float(point.cost)) == (len(plan), pytest.approx(cost))


def test_a_plan_gives_one_offer_and_none_to_who_is_held_out(
    planned: tuple[Warehouse, pd.DataFrame], plan: pd.DataFrame
) -> None:
    assert plan["customer_key"].is_unique
    held_out = planned[1]["is_held_out"]
    assert held_out.sum() > 300
    assert not held_out.loc[plan["customer_key"]].any()
    assert (plan["cautious_effect"] > plan["cost"].astype(float)).all()


def test_a_plan_gains_most_of_what_the_best_one_would(
    planned: tuple[Warehouse, pd.DataFrame], plan: pd.DataFrame
) -> None:
    told = planned[1]
    ranked = planned[0].query("from marketing.uplift_backtest").set_index("offer")
    assert ranked["beats_average"].all()
    chosen = told.loc[plan["customer_key"]]
    true = np.where(plan["offer"] == "mail", chosen["mail"], chosen["postcard"])
    gain = (true - plan["cost"].astype(float)).sum()
    # Who may get something: a mail to all who like it costs little, and what is left of
    # the budget buys postcards for those who like them.
    may = told[~told["is_held_out"]]
    mails = (may["mail"] > 0).sum()
    cards = min(
        (may["postcard"] > 1).sum(),
        (BUDGET - mails * COSTS["mail"]) // COSTS["postcard"],
    )
    best = mails * (1 - COSTS["mail"]) + cards * (4 - COSTS["postcard"])
    assert 0.85 * best < gain <= best
