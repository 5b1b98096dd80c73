"""Tests the accuracy benchmark: resampled Ginis, and the table that it writes."""

import duckdb
import numpy as np
import pytest
from scipy.stats import rankdata

from benchmarks.accuracy import held_totals, resampled_ginis, table
from benchmarks.harness import (
    measured,
    report,
    rows,
    write_between_marks,
)


def gini(predicted, actual):
    """Normalised Gini, tied customers having their mean rank."""
    middle = (len(actual) + 1) / 2
    areas = [actual @ (rankdata(values) - middle) for values in (predicted, actual)]
    return areas[0] / areas[1]


def test_ginis_of_resamples_are_those_of_repeated_customers():
    random = np.random.default_rng(4)
    actual = np.where(random.random(60) < 0.4, 0, random.lognormal(2, 1, 60))
    predicted = {
        "noisy": actual + random.normal(0, 5, 60),
        "tied": np.round(actual / 10),
        "zero": np.zeros(60),
    }
    found = resampled_ginis(predicted, actual, resamples=30)
    again = np.random.default_rng(1)
    weights = np.concatenate(
        [again.multinomial(60, np.full(60, 1 / 60), size) for size in (25, 6)]
    )
    weights[0] = 1
    for name, values in predicted.items():
        expected = [
            gini(np.repeat(values, each), np.repeat(actual, each)) for each in weights
        ]
        assert found[name] == pytest.approx(expected)
    assert found["zero"] == pytest.approx(0)


def test_totals_are_held_that_lie_in_their_ranges(tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema clv")
        connection.execute(
            "create table clv.past_totals as from (values (0.1, 0.2), (-0.3, 0.2), "
            "(-0.1, 0.1), (null, 0.2)) as past (log_error, log_half_width)"
        )
    assert held_totals(str(warehouse)) == {
        "past_totals": 3,
        "totals_held": pytest.approx(2 / 3),
    }


def test_the_table_stands_between_the_marks(tmp_path):
    prior = {
        "normalised_gini": 0.7,
        "gini_lead": 0.1,
        "gini_lead_low": 0.05,
        "gini_lead_high": 0.15,
    }
    network = {"normalised_gini": 0.8, "total_bias": -0.034}
    found = [
        *rows("cdnow", "prior", {"past_totals": 8, "totals_held": 0.75}),
        *rows("cdnow/91", "prior", prior),
        *rows("cdnow/91", "clv_network", network),
        *rows("cdnow_sample/91", "clv_network_cnn", prior),
        *rows("cdnow_sample/91", "formula", prior),
        *rows("cdnow_sample/91", "clv_network", network),
    ]
    report("accuracy", found, tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- accuracy -->\nold\n<!-- /accuracy -->\nafter\n")
    for _ in range(2):
        write_between_marks(readme, "accuracy", table(measured("accuracy", tmp_path)))
    text = readme.read_text()
    assert text.startswith("before\n<!-- accuracy -->\n**cdnow/91**")
    assert text.endswith("\n<!-- /accuracy -->\nafter\n")
    assert "old" not in text
    assert text.index("| **network** | 0.800 |") < text.index("| prior |")
    assert "| -3% |" in text
    assert text.count("0.100 (0.050 to 0.150)") == 2
    assert "| cdnow_sample/91 | 0.800 | formula | 0.100 (0.050 to 0.150) |" in text
    assert "| cdnow | 8 | 75% |" in text
    assert text.count(table(found)) == 1
