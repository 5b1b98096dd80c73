"""Reads the project's settings, which dbt calls vars, and checks their values.

dbt_project.yml holds the values and, under `settings`, what each may be. The macros of
macros/settings.sql check a value against that. dbt runs these macros, and this module
runs the same ones through Jinja.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import yaml
from jinja2 import Environment, Template

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.yaml_files import read_yaml

PROJECT = ROOT / "dbt_project.yml"
MACROS = ROOT / "macros" / "settings.sql"

_TIME_ZONES = SimpleNamespace(
    all_timezones_set=available_timezones(), timezone=ZoneInfo
)


class SettingError(CommandError):
    """A setting that is unknown or out of range, in one sentence."""


@dataclass(frozen=True)
class Setting:
    """What a person may set.

    Attributes:
        name: of the var; a field of a var that is a mapping has its name before a dot.
        meaning: what it is.
        allowed: which values it may have.
        default: its value in dbt_project.yml, or what a field is where nothing is said.
        unset: what null stands for; none where null is not allowed.
        trains: whether a training depends on it.

    """

    name: str
    meaning: str
    allowed: str
    default: Any
    unset: str | None
    trains: bool


def settings() -> list[Setting]:
    """Describe all vars, each before its fields."""
    found = []
    rules = _rules()
    for name, value in _project_vars().items():
        rule = rules[name]
        found.append(_setting(name, rule, value))
        found += [
            _setting(f"{name}.{field}", inner, inner["default"])
            for field, inner in rule.get("fields", {}).items()
        ]
    return found


def values(given: str = "{}") -> dict[str, Any]:
    """The values of all vars, where `given` is what dbt takes after --vars: YAML.

    Raises SettingError where `given` is no YAML mapping, or where a var is unknown or
    has a value that it may not have.
    """
    try:
        chosen = yaml.safe_load(given)
    except yaml.YAMLError:
        chosen = None
    except ValueError as error:
        # YAML reads 2024-02-31 as a date.
        raise SettingError(f"--vars is {given}, but {error}.") from error
    if not isinstance(chosen, dict):
        raise SettingError(
            f"--vars is {given}, but must be a YAML mapping such as {{margin: 0.4}}."
        )
    found = _project_vars() | chosen
    problem = first_wrong(found)
    if problem:
        raise SettingError(problem)
    return found


def first_wrong(given: Mapping[str, Any]) -> str:
    """Say in one sentence what is wrong with the first wrong value; '' if all fit."""
    zone = given.get("time_zone", "UTC")
    return str(_macros().first_wrong(given, _rules(), zone=zone)).strip()


def _setting(name: str, rule: Mapping[str, Any], default: Any) -> Setting:
    return Setting(
        name,
        rule["meaning"],
        str(_macros().allowed(rule)),
        default,
        rule.get("unset"),
        any(name in model["settings"] for model in _vars()["learned_models"].values()),
    )


def _rules() -> dict[str, Any]:
    return _vars()["settings"]


def _project_vars() -> dict[str, Any]:
    described = {"settings", "learned_models"}
    return {name: value for name, value in _vars().items() if name not in described}


@cache
def _vars() -> dict[str, Any]:
    return read_yaml(PROJECT)["vars"]


def _macros() -> Any:
    """The macros as functions, with what dbt gives them."""
    return _template().make_module(
        {
            "modules": {"datetime": dt, "pytz": _TIME_ZONES, "re": re},
            "run_started_at": dt.datetime.now(dt.UTC),
        }
    )


@cache
def _template() -> Template:
    jinja = Environment(extensions=["jinja2.ext.do"])
    return jinja.from_string(MACROS.read_text("utf-8"))
