"""Reads what training_plan says about one model."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation


@dataclass(frozen=True)
class Plan:
    """A model's row of training_plan: whether to train, why, and with what.

    Attributes:
        model_name: name of the model, and of the table that holds its trainings.
        is_due: whether this run judges and trains it.
        reason: why, or why not.
        as_of_date: the scoring date; None if there are no customers.
        features_fingerprint: hash of the columns that it reads.
        config_fingerprint: hash of `settings`.
        code_fingerprint: hash of the code that trains it.
        settings: the vars that its training depends on, as JSON.
        newest_version: the newest network of that date; None if there is none.
        newest_number: how many trainings of that date led to it.

    """

    model_name: str
    is_due: bool
    reason: str
    as_of_date: date | None
    features_fingerprint: str = ""
    config_fingerprint: str = ""
    code_fingerprint: str = ""
    settings: str = "{}"
    newest_version: str | None = None
    newest_number: int = 0

    @staticmethod
    @doorway
    def of(rows: Relation, model_name: str) -> "Plan":
        """Read the plan of a model; if it has no row, nothing is due."""
        found = (
            rows.filter(f"model_name = '{model_name}'")
            .project(
                "model_name, is_due, reason, as_of_date, features_fingerprint, "
                "config_fingerprint, code_fingerprint, settings, newest_version, "
                "newest_number"
            )
            .fetchall()
        )
        return Plan(*found[0]) if found else Plan(model_name, False, "no plan", None)

    def setting(self, name: str) -> Any:
        """Return a var that the training depends on; KeyError for any other var."""
        return json.loads(self.settings)[name]
