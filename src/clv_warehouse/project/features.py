"""Reads the features of customers from models/features/customer_features.yml.

That file is the one list of features: forecasts read every column that has a `reason`
in its config.meta. seeds/reference/clv_reasons.csv lists the reasons.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.yaml_files import read_yaml

FEATURES = ROOT / "models" / "features" / "customer_features.yml"
REASONS = ROOT / "seeds" / "reference" / "clv_reasons.csv"


@dataclass(frozen=True)
class Feature:
    """A column of customer_features that forecasts read.

    Attributes:
        name: name of the column.
        data_type: its type in the contract, such as integer, varchar or double[].
        label: what people call it.
        reason: the code in clv_reasons under which explanations count it.
        is_nullable: whether it may be null.
        null_with: another feature that is null for the same customers, if one is.

    """

    name: str
    data_type: str
    label: str
    reason: str
    is_nullable: bool = False
    null_with: str | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether it has a value for each of the last purchases."""
        return self.data_type.endswith("[]")

    @property
    def is_category(self) -> bool:
        """Whether its values are names."""
        return self.data_type == "varchar"


@lru_cache
def read_features(
    features: Path = FEATURES, reasons: Path = REASONS
) -> tuple[Feature, ...]:
    """Read the features, in the order of the contract.

    Raises ValueError if a feature has no label, or a reason that clv_reasons lacks.
    """
    with reasons.open(encoding="utf-8", newline="") as file:
        known = {row["reason"] for row in csv.DictReader(file)}
    (model,) = read_yaml(features)["models"]
    described = [(column, _meta(column)) for column in model["columns"]]
    found = [_feature(column, meta) for column, meta in described if "reason" in meta]
    for feature in found:
        if feature.reason not in known:
            raise ValueError(
                f"{features}, column {feature.name}: the reason {feature.reason} is "
                f"not in {reasons.name}, which has {', '.join(sorted(known))}"
            )
    return tuple(found)


def _feature(column: dict[str, Any], meta: dict[str, Any]) -> Feature:
    if "label" not in meta:
        raise ValueError(f"{FEATURES}, column {column['name']}: it needs a label")
    return Feature(
        column["name"],
        column["data_type"],
        meta["label"],
        meta["reason"],
        meta.get("nullable", False),
        meta.get("null_with"),
    )


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    return column.get("config", {}).get("meta", {})
