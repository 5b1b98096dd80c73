"""Runs the project's SQL macros outside dbt, so that a rule of SQL has one home.

The loader reads dates, ids and statuses by the same macros as staging does.
"""

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined

from clv_warehouse.project import settings
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.sql import quoted

MACROS = ROOT / "macros"
# The files whose macros are called. Those that ask dbt for its tables cannot be.
_FILES = (
    *("acquisition", "consents", "customer_key", "engine", "experiments"),
    *("features", "formula_value", "gini", "groups", "line_amount"),
    *("mark_duplicates", "monitoring", "personal", "readings", "replays"),
    *("segment", "smallest_group", "staged_feed", "statistics", "times", "with_gaps"),
)


def sql_of(macro: str, *arguments: Any, vars: str = "{}") -> str:
    """Return the SQL that a macro writes for DuckDB.

    `vars` is what dbt takes after --vars: YAML. Raises SettingError where it does not
    fit, and AttributeError where there is no such macro.
    """
    return str(getattr(_module(vars), macro)(*arguments)).strip()


def sql_of_model(path: Path, vars: str = "{}", **more: Any) -> str:
    """Return the SQL of a model for DuckDB; a ref is the plain name of the model.

    `more` are macros that ask dbt. Raises SettingError as `sql_of` does, and
    UndefinedError where the model asks dbt.
    """
    module = _module(vars)
    known = {name: value for name, value in module.__dict__.items() if callable(value)}
    known |= {"ref": lambda name: name, "setting": settings.values(vars).__getitem__}
    known |= more
    jinja = Environment(extensions=["jinja2.ext.do"], undefined=StrictUndefined)
    return jinja.from_string(path.read_text("utf-8")).render(known)


@cache
def _module(vars: str) -> Any:
    values = settings.values(vars)
    jinja = Environment(extensions=["jinja2.ext.do"])
    text = "\n".join((MACROS / f"{name}.sql").read_text("utf-8") for name in _FILES)
    module: Any = None

    def dispatch(macro: str) -> Any:
        return getattr(module, f"default__{macro}")

    module = jinja.from_string(text).make_module(
        {
            "adapter": SimpleNamespace(dispatch=dispatch, quote=quoted),
            # A macro gives a text here, and '' is the text that is false.
            "return": lambda value: value or "",
            "setting": values.__getitem__,
        }
    )
    return module
