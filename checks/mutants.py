"""Plant one-line faults, one at a time, and see whether the tests notice.

A fault that no test notices is a rule that nothing holds. Each is planted in a copy of
the project in a temporary folder, where the tests run that ought to fail. The dbt unit
tests among them need the columns of data/sample.duckdb: build the sample shop first.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT

WAREHOUSE = Path("data/sample.duckdb")


@dataclass(frozen=True)
class Fault:
    """A wrong line, and the tests that must notice it.

    Attributes:
        name: what is wrong, in a few words.
        path: the file, from the project's folder.
        before: a text that the file has once.
        after: what stands there instead.
        tests: names of dbt unit tests, or files and tests of pytest.

    """

    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...]

    def plant(self, project: Path) -> str:
        """Write the fault into a copy of the project; return the file's right text.

        Raises ValueError where the file does not have the text exactly once.
        """
        file = project / self.path
        text = file.read_text("utf-8") if file.is_file() else ""
        if (count := text.count(self.before)) != 1:
            raise ValueError(
                f"fault {self.name}: {self.path} has {self.before!r} {count} times, "
                "not once. Bring the fault up to date."
            )
        file.write_text(text.replace(self.before, self.after), "utf-8")
        return text


LINE_MONEY = "macros/line_amount.sql"
EXPERIMENTS = "macros/experiments.sql"
TIMES = "macros/times.sql"
PLAN = "models/clv/training_plan.sql"
SETTINGS = "dbt_project.yml"
DATES = "models/features/as_of_dates.sql"
ORIGINS = "macros/origins.sql"
HISTORY = "models/profiles/segment_history.sql"
LISTS = "models/reports/list_members.sql"
DISPLAY = "src/clv_warehouse/recommendations/display.py"
WORKER = "src/clv_warehouse/serving/ask/worker.py"
ASK = "tests/serving/test_ask.py"
RATIOS = "src/clv_warehouse/clv/feature_set.py"
TUNING = "src/clv_warehouse/clv/tuning.py"
RECOMMENDING = "src/clv_warehouse/recommendations"
FAULTS = (
    # Raw data.
    Fault(
        "blank-text-is-not-null",
        "macros/staged_feed.sql",
        """{%- set value = "nullif(trim(" ~ value ~ "), '')" -%}""",
        """{%- set value = "trim(" ~ value ~ ")" -%}""",
        ("tests/staging/test_staged_feed.py",),
    ),
    Fault(
        "orders-of-today-are-rejected",
        "macros/rejects.sql",
        "{{ shop_date(column) }} > {{ shop_today() }}",
        "{{ shop_date(column) }} >= {{ shop_today() }}",
        ("an_order_of_today_is_no_order_of_the_future",),
    ),
    Fault(
        "every-product-is-sold",
        "models/orders/dim_products.sql",
        "sold.product_id is not null as is_sold",
        "true as is_sold",
        ("a_product_is_known_from_the_catalogue_or_from_a_sale",),
    ),
    Fault(
        "words-for-nobody-are-customers-in-capitals",
        "macros/readings.sql",
        "    lower({{ id }})",
        "    {{ id }}",
        ("tests/staging/test_staged_feed.py::test_words_for_nobody_are_no_customers",),
    ),
    Fault(
        "the-oldest-version-of-an-order-is-kept",
        "macros/mark_duplicates.sql",
        "updated_at desc nulls last,",
        "updated_at asc nulls last,",
        ("one_order_is_kept_of_rows_with_one_key",),
    ),
    Fault(
        "days-are-those-of-utc",
        TIMES,
        "{{ adapter.dispatch('utc_to_clock')(at, setting('time_zone')) }}",
        "{{ at }}",
        ("tests/features/test_time_zones.py::test_a_purchase_day_is_the_shops_day",),
    ),
    Fault(
        "a-mistyped-year-is-believed",
        TIMES,
        "pause_days > 90\n",
        "pause_days > 900\n",
        ("a_day_years_after_the_others_is_doubted",),
    ),
    Fault(
        "a-winter-is-taken-for-a-mistyped-year",
        TIMES,
        "pause_days > 3 * longest_pause_days",
        "pause_days > longest_pause_days",
        ("a_shop_that_closes_each_winter_is_believed",),
    ),
    # What an order is worth, and what of it goes back.
    Fault(
        "cancelled-orders-are-sales",
        "models/orders/checked_orders.sql",
        "status_meaning in ('sale', 'refunded') as is_sale",
        "status_meaning != 'test' as is_sale",
        ("the_status_says_whether_an_order_is_a_sale",),
    ),
    Fault(
        "a-negative-discount-raises-the-price",
        LINE_MONEY,
        "* abs(cast(coalesce({{ discount }}, 0) as double))",
        "* cast(coalesce({{ discount }}, 0) as double)",
        ("discounts_charges_and_totals_are_money_of_their_order",),
    ),
    Fault(
        "a-discount-raises-the-refund-of-a-return",
        LINE_MONEY,
        "case when {{ quantity }} < 0 then -1 else 1 end",
        "1",
        ("discounts_charges_and_totals_are_money_of_their_order",),
    ),
    Fault(
        "a-refund-takes-more-than-its-order",
        LINE_MONEY,
        "when {{ part }} >= {{ total }} then {{ money }}",
        "when {{ part }} = {{ total }} then {{ money }}",
        ("spend_falls_by_the_share_that_went_back",),
    ),
    Fault(
        "a-refund-counts-beside-the-refunded-amount",
        "models/orders/order_refunds.sql",
        "- coalesce(record_totals.amount, 0) - coalesce(returned.amount, 0),",
        "- coalesce(returned.amount, 0),",
        ("spend_falls_by_the_share_that_went_back",),
    ),
    Fault(
        "more-comes-back-than-was-sold",
        "models/orders/matched_returns.sql",
        "overdone.undone_order_id is null",
        "true",
        ("only_returns_that_fit_count_against_a_sale",),
    ),
    # Which customers are known when, and what of them.
    Fault(
        "past-origins-have-all-customers",
        DATES,
        "least(1e0, {{ setting('training_customers') }} / cast(customers as double))",
        "1e0",
        ("past_origins_have_a_sample",),
    ),
    Fault(
        "min-history-days-is-ignored",
        DATES,
        "{{ plus_days('span.first_date', setting('min_history_days')) }}",
        "span.first_date",
        ("past_origins_have_a_sample",),
    ),
    Fault(
        "no-calibration-origins",
        ORIGINS,
        "for earlier in [0] + setting('horizons')",
        "for earlier in [0]",
        ("past_origins_have_a_sample",),
    ),
    Fault(
        "sample-point-is-biased",
        "macros/customer_key.sql",
        "as double) / 268435456)",
        "as double) / 536870912)",
        ("tests/staging/test_customer_keys.py",),
    ),
    Fault(
        "customers-without-the-secret-key-are-one",
        "macros/engine.sql",
        "encode(cast(cast('\" ~ no_secret(secret) ~ \"' as integer) as string))",
        "cast('' as blob)",
        ("tests/staging/test_customer_keys.py",),
    ),
    Fault(
        "15-last-purchases",
        "macros/features.sql",
        "last_values('cast(purchase_amount as double)', 'activity_date', 16,",
        "last_values('cast(purchase_amount as double)', 'activity_date', 15,",
        ("the_last_16_purchases_are_told_oldest_first",),
    ),
    Fault(
        "sequence-is-newest-first",
        "src/clv_warehouse/clv/observations.py",
        "PURCHASES - back[recent], place]",
        "back[recent] - 1, place]",
        ("tests/clv/test_observations.py",),
    ),
    Fault(
        "spend-trend-has-the-wrong-sign",
        RATIOS,
        'lambda of: _rate(of, f"spend_{days}d", days) - _year_rate(of)',
        'lambda of: _year_rate(of) - _rate(of, f"spend_{days}d", days)',
        ("tests/clv/test_feature_set.py",),
    ),
    Fault(
        "tenure-is-off-by-two",
        RATIOS,
        'of["tenure_days"] + 1',
        'of["tenure_days"] + 3',
        ("tests/clv/test_feature_set.py",),
    ),
    # Whether to train, and which network scores.
    Fault(
        "a-network-is-old-a-day-early",
        PLAN,
        "newest.age_days > conditions.retrain_after_days",
        "newest.age_days >= conditions.retrain_after_days",
        ("a_network_is_good_for_retrain_after_days",),
    ),
    Fault(
        "a-network-that-knows-the-future-stays",
        PLAN,
        "where networks.as_of_date <= conditions.as_of_date",
        "where true",
        ("a_network_that_knows_the_future_is_none",),
    ),
    Fault(
        "settings-of-the-network-are-no-reason-to-train",
        SETTINGS,
        "        - min_history_days\n        - network\n",
        "        - min_history_days\n",
        ("settings_of_a_training_have_a_fingerprint",),
    ),
    Fault(
        "a-missing-backtest-is-ignored",
        PLAN,
        "when not newest.has_backtest",
        "when false",
        ("a_missing_backtest_trains",),
    ),
    Fault(
        "the-oldest-accepted-network-scores",
        "src/clv_warehouse/learning/registry.py",
        '"as_of_date desc, coalesce(training_number,0) desc, network_version desc"',
        '"as_of_date, training_number, network_version"',
        ("tests/learning/test_registry.py",),
    ),
    Fault(
        "a-changed-prior-scores",
        "src/clv_warehouse/learning/registry.py",
        "parts = (sha256(weights).hexdigest(), config, prior)",
        'parts = (sha256(weights).hexdigest(), config, "")',
        ("tests/learning/test_registry.py",),
    ),
    Fault(
        "a-damaged-network-is-no-reason-to-train",
        PLAN,
        "when newest.is_accepted and not newest.is_intact",
        "when false",
        ("a_network_that_is_not_the_one_that_was_judged_trains",),
    ),
    Fault(
        "weights-that-are-no-numbers-score",
        "src/clv_warehouse/clv/network.py",
        "np.isfinite(array).all() for array, _ in expected",
        "array.shape == shape for array, shape in expected",
        ("tests/clv/test_damage.py",),
    ),
    # How processes end.
    Fault(
        "scratch-files-of-the-killed-stay",
        "src/clv_warehouse/project/scratch.py",
        "                if is_left_over:\n",
        "                if not is_left_over:\n",
        ("tests/project/test_scratch.py",),
    ),
    Fault(
        "programs-outlive-their-parent",
        "src/clv_warehouse/project/child.py",
        "target=_end_with_parent, args=(program,), daemon=True).start()",
        "target=_end_with_parent, args=(program,), daemon=True)",
        ("tests/project/test_child.py",),
    ),
    # What the network says.
    Fault(
        "forecasts-fall-with-the-horizon",
        "src/clv_warehouse/clv/scoring.py",
        "so_far = np.maximum(so_far, values)",
        "so_far = values",
        (
            "tests/clv/test_scoring.py::test_forecasts_never_fall_with_the_horizon",
            "tests/clv/test_scoring.py::test_forecasts_stay_where_a_network_says_less_of_a_longer_horizon",
        ),
    ),
    Fault(
        "no-drift",
        TUNING,
        "drift: float = 0.2",
        "drift: float = 0.0",
        (
            "tests/clv/test_training.py::test_the_level_says_neither_too_much_nor_too_little_of_the_months_to_come",
        ),
    ),
    Fault(
        "months-move-ten-times-as-much",
        TUNING,
        "month_effect: float = 0.2",
        "month_effect: float = 2.0",
        (
            "tests/clv/test_training.py::test_the_level_says_neither_too_much_nor_too_little_of_the_months_to_come",
        ),
    ),
    Fault(
        "buyers-spend-lies-where-the-prior-says",
        TUNING,
        "location_effect: float = 0.5",
        "location_effect: float = 0.0",
        (
            "tests/clv/test_training.py::test_where_the_log_spend_of_buyers_lies_is_learnt_from_all_windows",
        ),
    ),
    Fault(
        "what-the-prior-says-is-not-sharpened",
        "src/clv_warehouse/clv/belief.py",
        "(1 - belief) * sharpness",
        "1 - belief",
        ("tests/clv/test_training.py::test_a_timid_network_is_made_sharper",),
    ),
    Fault(
        "errors-of-the-level-are-not-cut-off",
        TUNING,
        "most_off: float = 2.0",
        "most_off: float = 50.0",
        (
            "tests/clv/test_training.py::test_a_month_in_which_nobody_buys_counts_as_an_eighth_of_what_was_expected",
        ),
    ),
    # What is recommended.
    Fault(
        "what-no-longer-sells-is-a-habit",
        f"{RECOMMENDING}/rankers.py",
        "return habit * of_products[block.product], ",
        "return habit, ",
        (
            "tests/recommendations/test_recommending.py"
            "::test_a_habit_counts_while_the_product_sells",
        ),
    ),
    Fault(
        "weights-have-seen-the-window-they-are-judged-by",
        f"{RECOMMENDING}/training.py",
        "before = purchases.until(day - window)",
        "before = purchases.until(day)",
        (
            "tests/recommendations/test_recommending.py"
            "::test_what_is_learned_has_not_seen_the_window",
        ),
    ),
    Fault(
        "what-comes-back-later-was-never-bought",
        f"{RECOMMENDING}/purchases.py",
        "(self.day <= day) & (self.returned > day)",
        "(self.day <= day) & (self.returned == NEVER)",
        ("tests/recommendations/test_recommending.py",),
    ),
    Fault(
        "what-was-bought-is-new",
        f"{RECOMMENDING}/lists.py",
        "    new[block.row, block.product] = NOTHING\n",
        "",
        ("tests/recommendations/test_recommending.py",),
    ),
    Fault(
        "of-equal-products-any-are-taken",
        f"{RECOMMENDING}/lists.py",
        "is_cut &= np.isfinite(worst[:, 0])",
        "is_cut &= False",
        ("tests/recommendations/test_recommending.py",),
    ),
    Fault(
        "costs-that-are-not-believed-make-margins",
        "models/recommendations/offered_products.sql",
        "    where is_believed\n",
        "",
        ("products_that_cannot_be_bought_are_not_offered",),
    ),
    Fault(
        "what-nobody-has-bought-for-years-is-offered",
        "models/recommendations/offered_products.sql",
        "then 365 else 180 end",
        "then 36500 else 180 end",
        ("products_that_cannot_be_bought_are_not_offered",),
    ),
    Fault(
        "any-score-is-a-chance",
        "models/recommendations/product_recommendations.sql",
        "when recommended.model like 'recommender%'",
        "when true",
        ("a_recommendation_has_its_reason_in_words_and_its_margin",),
    ),
    Fault(
        "one-customer-makes-products-similar",
        "models/recommendations/similar_products.sql",
        "    having count(*) >= {{ [2, setting('smallest_group')] | max }}\n",
        "",
        ("products_are_similar_that_the_same_customers_buy",),
    ),
    # What a new customer may cost.
    Fault(
        "what-came-later-was-known-of-a-cohort",
        "models/marketing/acquisition_backtest.sql",
        "inner join cells on days.said_on >= cells.observed_from",
        "cross join cells",
        ("only_what_was_known_counts",),
    ),
    Fault(
        "a-late-order-counts-the-customers-future-again",
        "models/marketing/order_values.sql",
        "and orders.is_new_customer",
        "",
        ("only_a_first_order_counts_with_what_comes_later",),
    ),
    Fault(
        "whoever-ever-agreed-is-told-to-ad-platforms",
        "macros/consents.sql",
        "having max(withdrawn_at) is null or ",
        "having true or ",
        (
            "tests/serving/test_exporting.py",
            "a_consent_stands_from_its_day_until_it_is_withdrawn",
        ),
    ),
    Fault(
        "all-customers-of-a-budget-are-brought-by-its-money",
        "src/clv_warehouse/marketing/responses.py",
        "SHARES = np.linspace(0, 1, 11)",
        "SHARES = np.linspace(1, 1, 11)",
        ("tests/marketing/test_channels.py",),
    ),
    # Experiments.
    Fault(
        "a-message-of-tomorrow-is-known-today",
        "macros/features.sql",
        "and customer_dates.as_of_date >= contacts.activity_date",
        "and customer_dates.as_of_date is not null",
        ("contacts_are_as_of_the_end_of_their_day",),
    ),
    Fault(
        "a-banner-that-a-message-followed-is-forgotten",
        "models/features/customer_contacts.sql",
        "            and shown.shown_date >= sends.sent_date\n",
        "",
        ("a_message_that_an_experiment_shows_counts_once",),
    ),
    Fault(
        "of-many-segments-one-wins-by-chance",
        "models/marketing/experiment_results.sql",
        "p_value * (tests - place + 1)",
        "p_value",
        ("tests/marketing/test_experiments.py::test_holm_corrects_segments",),
    ),
    Fault(
        "whoever-looks-often-finds-something",
        EXPERIMENTS,
        "sqrt({{ time }} + 1e0) / 0.05e0",
        "sqrt({{ time }} + 1e0) / 0.5e0",
        (
            "tests/marketing/test_experiments.py"
            "::test_the_interval_for_peekers_is_that_of_the_paper",
        ),
    ),
    Fault(
        "one-arm-is-compared-with-itself",
        "models/marketing/experiment_results.sql",
        "when arms < 2 then 'one arm only'",
        "when arms < 1 then 'one arm only'",
        ("tests/marketing/test_experiments.py::test_verdicts",),
    ),
    # Uplift and offers.
    Fault(
        "what-came-in-an-experiment-was-known-before-it",
        "models/marketing/uplift_cases.sql",
        "on assigned_dates.assigned_date > dates.as_of_date",
        "on assigned_dates.assigned_date >= dates.as_of_date",
        ("cases_know_nothing_of_the_days_that_count",),
    ),
    Fault(
        "a-message-is-paid-for-twice",
        "models/marketing/uplift_cases.sql",
        "cast(outcomes.margin + outcomes.message_cost as double)",
        "cast(outcomes.margin as double)",
        ("cases_know_nothing_of_the_days_that_count",),
    ),
    Fault(
        "a-rare-arm-counts-like-a-frequent-one",
        "src/clv_warehouse/marketing/effects.py",
        "(cases.outcome - with_it) / cases.chance",
        "(cases.outcome - with_it)",
        (
            "tests/marketing/test_uplift.py"
            "::test_average_effect_is_unbiased_and_its_error_holds",
        ),
    ),
    Fault(
        "an-offer-is-given-whatever-it-costs",
        "src/clv_warehouse/marketing/planning.py",
        "cautious - costs[:, None] / UNITS",
        "cautious",
        ("tests/marketing/test_planning.py",),
    ),
    Fault(
        "who-is-held-out-gets-offers",
        "models/marketing/contactable_customers.sql",
        "    held_out.customer_key is null\n    and never",
        "    never",
        ("where_everybody_is_held_out_nobody_is_contacted",),
    ),
    # The loop.
    Fault(
        "a-policy-takes-over-by-one-look-of-many",
        "models/marketing/policy_trial.sql",
        "when bounded.always_low > 0 then 'better'",
        "when bounded.gain_low > 0 then 'better'",
        (
            "tests/marketing/test_learning_from_actions.py"
            "::test_one_look_of_many_is_no_proof",
        ),
    ),
    Fault(
        "a-rare-choice-counts-like-a-frequent-one",
        "models/marketing/fitted_effects.sql",
        "1 / propensity as weight",
        "1e0 as weight",
        (
            "tests/marketing/test_learning_from_actions.py"
            "::test_an_effect_is_the_difference_of_self_normalised_means",
        ),
    ),
    Fault(
        "the-first-policy-stands-for-good",
        "macros/actions.sql",
        "over (order by decided_date desc) as age",
        "over (order by decided_date asc) as age",
        ("only_who_may_be_contacted_is_a_candidate",),
    ),
    Fault(
        "contacts-of-this-week-leave-a-cap-as-it-was",
        "models/marketing/action_candidates.sql",
        "position <= most_per_week - used_contacts",
        "position <= most_per_week",
        ("caps_leave_room_for_those_of_most_gain",),
    ),
    # Publishing and reading.
    Fault(
        "the-end-of-a-password-is-guessed",
        "src/clv_warehouse/serving/publishing/address.py",
        'if re.search("[@/?]", person):',
        'if re.search("[/?]", person):',
        ("tests/serving/test_passwords.py",),
    ),
    Fault(
        "a-port-that-is-a-password-reaches-libpq",
        "src/clv_warehouse/serving/publishing/address.py",
        'if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):',
        "if not port.isprintable():",
        ("tests/serving/test_passwords.py",),
    ),
    Fault(
        "the-role-of-readers-is-not-looked-for",
        "src/clv_warehouse/serving/publishing/postgres.py",
        "    if reader:\n        _require_role(cursor, reader)\n",
        "",
        (
            "tests/serving/test_publish_postgres.py"
            "::test_nothing_is_copied_where_postgresql_would_not_take_it",
        ),
    ),
    Fault(
        "money-reaches-pandas-as-objects",
        "src/clv_warehouse/frames.py",
        'LARGE_NUMBERS = ("DECIMAL", ',
        "LARGE_NUMBERS = (",
        ("tests/test_frames.py",),
    ),
    # Who customers are, and which list they are on.
    Fault(
        "a-customer-lapses-a-day-late",
        "macros/segment.sql",
        "{{ silent_days }} >= 2 * {{ patience }}",
        "{{ silent_days }} > 2 * {{ patience }}",
        ("segments_change_at_their_edges",),
    ),
    Fault(
        "new-customers-are-never-loyal",
        "macros/segment.sql",
        "when {{ frequency }} >= {{ setting('loyal_purchases') }} then",
        "when {{ frequency }} > {{ setting('loyal_purchases') }} then",
        ("segments_change_at_their_edges",),
    ),
    Fault(
        "a-past-segment-knows-what-was-bought-later",
        HISTORY,
        "states.from_date <= dates.on_date\n",
        "(states.from_date <= dates.on_date or states.until_date is null)\n",
        ("segments_change_at_their_edges",),
    ),
    Fault(
        "of-customers-who-are-alike-one-scores-higher",
        HISTORY,
        "rank() over (partition by on_date order by frequency asc)",
        "row_number() over (partition by on_date order by frequency asc)",
        ("equal_customers_have_the_same_scores",),
    ),
    Fault(
        "the-usual-hour-knows-orders-to-come",
        "models/profiles/order_habits.sql",
        "on fct_orders.ordered_date <= scoring.as_of_date",
        "on true",
        ("habits_are_those_of_orders_up_to_the_scoring_date",),
    ),
    Fault(
        "whoever-is-at-risk-has-just-gone-silent",
        LISTS,
        'recency_days < patience_days + " ~ silent_days',
        'recency_days <= patience_days + " ~ silent_days',
        ("customers_are_on_the_lists_whose_rules_hold",),
    ),
    # In which order products are shown.
    Fault(
        "clicks-of-two-years-count",
        "models/recommendations/display_counts.sql",
        "{{ plus_days('scoring.as_of_date', -365) }}",
        "{{ plus_days('scoring.as_of_date', -730) }}",
        ("a_click_is_a_view_from_the_same_place_of_the_list",),
    ),
    Fault(
        "products-that-are-not-offered-are-shown",
        DISPLAY,
        "np.flatnonzero(goods.is_offered)",
        "np.arange(len(goods.ids))",
        ("tests/recommendations/test_display.py",),
    ),
    Fault(
        "any-number-of-a-kind-follow-each-other",
        DISPLAY,
        "fits = others if others.any() else is_left",
        "fits = is_left",
        ("tests/recommendations/test_display.py",),
    ),
    Fault(
        "chance-is-said-to-have-no-say",
        DISPLAY,
        "chance = float((winner == best).mean())",
        "chance = 1.0",
        ("tests/recommendations/test_display.py",),
    ),
    # What a language model may ask.
    Fault(
        "answers-are-not-cut",
        WORKER,
        "if len(rows) == MOST_ROWS:",
        "if len(rows) > MOST_ROWS:",
        (f"{ASK}::test_answers_are_cut_and_say_so",),
    ),
    Fault(
        "files-beside-the-warehouse-can-be-read",
        WORKER,
        '"enable_external_access": False',
        '"enable_external_access": True',
        (f"{ASK}::test_hostile_queries_are_refused_in_one_sentence_and_leave_nothing",),
    ),
    Fault(
        "a-query-may-be-a-statement",
        WORKER,
        "if kind != duckdb.StatementType.SELECT:",
        "if kind == duckdb.StatementType.INSERT:",
        (f"{ASK}::test_hostile_queries_are_refused_in_one_sentence_and_leave_nothing",),
    ),
    Fault(
        "hidden-characters-pass",
        WORKER,
        "    if not shown.isprintable():",
        "    if not shown:",
        (f"{ASK}::test_only_hidden_characters_are_shown_otherwise",),
    ),
    Fault(
        "a-customer-slips-a-day-late-onto-the-list",
        LISTS,
        "'holds': 'recency_days >= 2 * patience_days / 3'",
        "'holds': 'recency_days > 2 * patience_days / 3'",
        ("customers_are_on_the_lists_whose_rules_hold",),
    ),
    Fault(
        "what-changed-is-told-since-yesterday",
        "models/reports/changes.sql",
        "least_days = 7",
        "least_days = 1",
        ("changes_are_counted_since_the_last_forecast_of_a_week_ago",),
    ),
)


def copy_project(folder: Path) -> None:
    """Copy what git knows or would know of the checkout, and the sample warehouse."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in (*listed.strip("\0").split("\0"), str(WAREHOUSE)):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def first_failure(project: Path, tests: Iterable[str]) -> str | None:
    """Run tests in a copy of the project; the end of what the first failing run said.

    Raises RuntimeError if they could not be run at all, so that nothing was tested.
    """
    python = sorted(test for test in tests if ".py" in test)
    unit = sorted(test for test in tests if ".py" not in test)
    commands = []
    if unit:
        dbt = (sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "test")
        commands.append((*dbt, "--target", "sample", "--quiet", "--select", *unit))
    if python:
        commands.append((sys.executable, "-m", "pytest", "-q", "-x", *python))
    for command in commands:
        done = subprocess.run(
            command,
            cwd=project,
            # The copy's package and warehouse, not those of the checkout.
            env=os.environ
            | {
                "PYTHONPATH": str(project / "src"),
                "CLV_WAREHOUSE": str(project / WAREHOUSE),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 1:
            return done.stdout[-3000:]
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    return None


def main() -> int:
    """Plant what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="checks.mutants", description=__doc__)
    names = [fault.name for fault in FAULTS]
    parser.add_argument(
        "--only", choices=names, nargs="+", metavar="NAME", help="only these faults"
    )
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    arguments = parser.parse_args()
    faults = [fault for fault in FAULTS if fault.name in (arguments.only or names)]
    if arguments.list:
        print("\n".join(names))
        return 0
    if not (ROOT / WAREHOUSE).is_file():
        sys.exit(f"There is no {WAREHOUSE}: dbt build --target sample")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        copy_project(project)
        # A test that fails anyway would seem to notice every fault.
        if failure := first_failure(project, {t for f in faults for t in f.tests}):
            sys.exit(f"Without any fault, tests fail:\n{failure}")
        print("Without any fault, the tests pass.", flush=True)
        lived = [fault.name for fault in faults if not is_noticed(fault, project)]
    print(f"{len(faults) - len(lived)} of {len(faults)} faults were noticed.")
    return 1 if lived else 0


def is_noticed(fault: Fault, project: Path) -> bool:
    """Whether the tests of a fault fail with it; says so."""
    started = time.monotonic()
    text = fault.plant(project)
    is_dead = first_failure(project, fault.tests) is not None
    (project / fault.path).write_text(text, "utf-8")
    seconds = time.monotonic() - started
    print(
        f"{'died ' if is_dead else 'LIVED'} {fault.name} ({seconds:.0f} s)", flush=True
    )
    return is_dead


if __name__ == "__main__":
    run_main(main)
