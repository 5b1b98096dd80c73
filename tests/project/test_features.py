"""The list of features is read as it is written, and mistakes in it are named."""

from pathlib import Path

import pytest

from clv_warehouse.project.features import Feature, read_features

REASONS = "reason,label,description\nhow_often,Often,Purchases\nrhythm,Rhythm,Gaps\n"
MODEL = """
models:
  - name: customer_features
    columns:
      - {name: customer_key, data_type: varchar}
      - name: last_gap_days
        data_type: integer
        config: {meta: {reason: rhythm, label: Last gap, nullable: true}}
      - name: frequency
        data_type: integer
        config: {meta: {reason: how_often, label: Purchases}}
      - name: purchase_amounts
        data_type: double[]
        config: {meta: {reason: rhythm, label: Each}}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A list of features, and the reasons that there are."""
    model, reasons = tmp_path / "model.yml", tmp_path / "reasons.csv"
    model.write_text(MODEL)
    reasons.write_text(REASONS)
    return model, reasons


def test_columns_with_a_reason_are_features_in_their_order(
    files: tuple[Path, Path],
) -> None:
    found = read_features(*files)
    assert found == (
        Feature("last_gap_days", "integer", "Last gap", "rhythm", True),
        Feature("frequency", "integer", "Purchases", "how_often"),
        Feature("purchase_amounts", "double[]", "Each", "rhythm"),
    )
    assert [feature.is_sequence for feature in found] == [False, False, True]


def test_a_reason_that_is_none_is_named(files: tuple[Path, Path]) -> None:
    files[0].write_text(MODEL.replace("reason: how_often", "reason: how_oftn"))
    with pytest.raises(ValueError, match=r"frequency: .* how_oftn .*, rhythm"):
        read_features(*files)


def test_a_feature_without_a_label_is_named(files: tuple[Path, Path]) -> None:
    files[0].write_text(MODEL.replace(", label: Purchases", ""))
    with pytest.raises(ValueError, match="frequency: it needs a label"):
        read_features(*files)


def test_a_feature_that_is_null_with_another_names_one() -> None:
    features = {feature.name: feature for feature in read_features()}
    for feature in features.values():
        if feature.null_with:
            assert feature.is_nullable
            assert features[feature.null_with].is_nullable
