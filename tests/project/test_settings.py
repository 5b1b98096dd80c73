"""Tests which values each var may have, and that a run refuses all others."""

import datetime as dt
import json
import os
import re
import shutil
from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.settings import MARK, PAGE, table
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.project.settings import SettingError, settings, values
from forked_dbt import COMPILED, ForkedDbt
from warehouse import NAME, environment

DAYS = "a list of one or more different whole numbers, each at least 1 and at most 3650"
A_DATE = (
    "a date, not after today in the shop's time zone, such as 2025-12-31, or null for "
    "the last day"
)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "{margin: 30}",
            "var margin is 30, but must be a number, above 0 and at most 1.",
        ),
        ("{margin: 0}", "var margin is 0, but must be a number, above 0"),
        ("{margin: .nan}", "var margin is nan, but must be a number"),
        ("{margin: true}", "var margin is true, but must be a number"),
        ("{margin: '0.3'}", "var margin is '0.3', but must be a number"),
        ("{discount_rate: a tenth}", "var discount_rate is 'a tenth', but must be"),
        ("{training_customers: 0}", "var training_customers is 0, but must be a whole"),
        ("{training_customers: 2.5}", "var training_customers is 2.5, but must be"),
        ("{active_days: true}", "var active_days is true, but must be a whole number"),
        (
            "{published_copies_kept: -1}",
            "is -1, but must be a whole number, at least 0.",
        ),
        ("{reload_days: -1}", "at most 36500, or null for all days."),
        ("{min_history_days: null}", "var min_history_days is null, but must be"),
        ("{retrain: 1}", "var retrain is 1, but must be true or false."),
        ("{hints: 'no'}", "var hints is 'no', but must be true or false."),
        ("{horizons: '30,91'}", f"var horizons is '30,91', but must be {DAYS}"),
        ("{horizons: 91}", f"var horizons is 91, but must be {DAYS}"),
        ("{horizons: []}", "var horizons is [], but must be"),
        ("{horizons: [-30]}", "var horizons is [-30], but must be"),
        ("{horizons: [30, 3651]}", "var horizons is [30, 3651], but must be"),
        ("{horizons: [30, 30]}", "var horizons is [30, 30], but must be"),
        ("{horizons: {30: 91}}", "var horizons is {30: 91}, but must be"),
        (
            "{as_of_date: 31.12.2024}",
            f"as_of_date is '31.12.2024', but must be {A_DATE}",
        ),
        ("{as_of_date: '2024-02-31'}", "var as_of_date is '2024-02-31', but must be"),
        ("{as_of_date: '2024-04-00'}", "var as_of_date is '2024-04-00', but must be"),
        ("{as_of_date: 2023-02-29}", "day is out of range for month."),
        ("{as_of_date: 2099-01-01}", "var as_of_date is 2099-01-01, but must be"),
        ("{as_of_date: 2024-02-29 10:00:00}", "var as_of_date is 2024-02-29 10:00:00"),
        ("{currency: 5}", "var currency is 5, but must be the code of a currency"),
        ('{currency: "E\'R"}', "var currency is 'E'R', but must be"),
        ("{network: cnn}", "var network is 'cnn', but must be a mapping of encoder"),
        ("{network: null}", "var network is null, but must be a mapping"),
        ("{network: {encoder: lstm}}", "network.encoder is 'lstm', but must be one of"),
        (
            "{network: {encoder: [cnn]}}",
            "network.encoder is ['cnn'], but must be one of",
        ),
        ("{network: {dropout: 7}}", "var network.dropout is 7, but must be a number"),
        ("{network: {dropout: 1}}", "a number, at least 0 and below 1."),
        ("{network: {hidden_units: '128'}}", "var network.hidden_units is '128', but"),
        ("{network: {hidden_units: [0]}}", "var network.hidden_units is [0], but must"),
        (
            "{network: {epohcs: 3}}",
            "network.epohcs (given: 3); did you mean network.epochs?",
        ),
        (
            "{asofdate: 2024-01-01}",
            "var asofdate (given: 2024-01-01); did you mean as_of_",
        ),
        (
            "{Horizon: [30]}",
            "There is no var Horizon (given: [30]); did you mean horizons?",
        ),
        (
            "{xyz: null}",
            "There is no var xyz (given: null); there are as_of_date, currency",
        ),
        ("{asof: null}", "var asof (given: null); did you mean as_of_date?"),
        ("{settings: {}}", "no var settings (given: {}); there are as_of_date"),
        ("{5: 3}", "There is no var 5 (given: 3)"),
        ("margin", "--vars is margin, but must be a YAML mapping"),
        ("{margin", "--vars is {margin, but must be a YAML mapping"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(given: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=re.escape(sentence)) as refused:
        values(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ("{}", {}),
        ("{as_of_date: 2024-02-29}", {"as_of_date": dt.date(2024, 2, 29)}),
        ("{as_of_date: '2024-02-29'}", {"as_of_date": "2024-02-29"}),
        ("{currency: gbp, margin: 1}", {"currency": "gbp", "margin": 1}),
        ("{discount_rate: -0.5}", {"discount_rate": -0.5}),
        ("{reload_days: 0, retrain: yes}", {"reload_days": 0, "retrain": True}),
        ("{horizons: [3650, 1]}", {"horizons": [3650, 1]}),
        (
            "{network: {hidden_units: [64, 64]}}",
            {"network": {"hidden_units": [64, 64]}},
        ),
    ],
)
def test_what_fits_is_taken(given: str, chosen: dict[str, object]) -> None:
    assert values(given) == values() | chosen


def test_today_is_the_day_in_the_shops_time_zone() -> None:
    # Between these two zones lie 26 hours: the first is always a day ahead.
    today = dt.datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    given = f"as_of_date: {today}, time_zone:"
    assert values(f"{{{given} Pacific/Kiritimati}}")["as_of_date"] == today
    with pytest.raises(SettingError, match="not after today"):
        values(f"{{{given} Etc/GMT+12}}")


def test_the_network_is_described_as_it_is() -> None:
    described = {
        each.name.removeprefix("network."): each.default
        for each in settings()
        if each.name.startswith("network.")
    }
    assert NetworkConfig.from_json(json.dumps(described)) == NetworkConfig()
    config = {field.name: field.default for field in fields(NetworkConfig)}
    assert list(described) == list(config)
    for name, value in described.items():
        assert type(value) is (list if name == "hidden_units" else type(config[name]))


def test_the_page_has_the_table_of_settings() -> None:
    assert f"<!-- {MARK} -->\n{table()}\n<!-- /{MARK} -->" in PAGE.read_text("utf-8")


def test_sql_reads_vars_by_the_macro_that_checks_them(root: Path) -> None:
    unchecked = {
        str(path.relative_to(root))
        for folder in ("models", "macros", "tests")
        for path in (root / folder).rglob("*.sql")
        if re.search(r"(?<!\w)var\(", path.read_text("utf-8"))
    }
    assert unchecked == {"macros/settings.sql"}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        # Read while dbt reads the models.
        ({"horizons": "30,91"}, f"var horizons is '30,91', but must be {DAYS}"),
        # Read by nothing, and by a Python model only.
        ({"asofdate": "2024-01-01"}, "did you mean as_of_date?"),
        ({"explain_customers": 0}, "var explain_customers is 0, but must be a whole"),
    ],
)
def test_dbt_refuses_a_wrong_setting_before_it_builds(
    forked: ForkedDbt, tmp_path: Path, chosen: dict[str, object], sentence: str
) -> None:
    done = forked.run(
        "seed",
        settings=chosen,
        folder=tmp_path,
        environment=environment(),
        reads=True,
    )
    assert done.returncode == 2
    assert sentence in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / NAME).exists()


def test_dbt_refuses_an_unknown_name_in_the_project_file(
    root: Path, forked: ForkedDbt, tmp_path: Path
) -> None:
    for name in ("models", "python_models", "macros", "seeds", "tests"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copy(root / "profiles.yml", tmp_path)
    project = (root / "dbt_project.yml").read_text("utf-8")
    planted = project.replace("vars:\n", "vars:\n  asofdate: 2024-01-01\n")
    (tmp_path / "dbt_project.yml").write_text(planted, "utf-8")
    places = ("--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path))
    done = forked.run(
        *("parse", *places),
        settings={},
        folder=tmp_path,
        environment=os.environ,
        reads=True,
    )
    assert done.returncode != 0
    assert "var asofdate (given: 2024-01-01); did you mean as_of_date?" in done.stdout


def test_what_tests_read_once_is_the_same_for_all_values_of_some_vars(
    root: Path, forked: ForkedDbt, parsed: Path, tmp_path: Path
) -> None:
    places = ("--target", "sample", "--target-path", str(tmp_path))
    done = forked.run(
        *("parse", "--write-json", *places),
        settings=COMPILED,
        folder=root,
        environment=os.environ,
        reads=True,
    )
    assert done.returncode == 0, done.stdout
    one, two = (
        json.loads((folder / "manifest.json").read_text("utf-8"))["nodes"]
        for folder in (parsed, tmp_path)
    )
    for node in (*one.values(), *two.values()):
        del node["created_at"]
    assert one == two
