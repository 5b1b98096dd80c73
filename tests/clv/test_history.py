"""Tests what may be a history."""

import numpy as np
import pytest

from clv_warehouse.clv.history import History


def test_features_become_a_history() -> None:
    """Five purchase days, the first 100 and the last 30 days ago."""
    history = History.from_features(
        frequency=np.array([5, 1]),
        recency_days=np.array([30, 12]),
        tenure_days=np.array([100, 12]),
        amount_mean=np.array([20.0, 8.0]),
    )
    assert history.frequency.tolist() == [4, 0]
    assert history.recency.tolist() == [70, 0]
    assert history.age.tolist() == [100, 12]
    assert history.purchases.tolist() == [5, 1]
    assert len(history) == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [9], [5], [1]), "recency 9.0 exceeds age 5.0"),
        (([-1], [0], [5], [1]), "frequency must be finite and at least 0, found -1"),
        (([1], [2], [5], [np.nan]), "monetary must be finite"),
        (([1], [2], [5, 6], [1]), "age has shape"),
    ],
)
def test_an_impossible_history_is_refused(columns: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        History(*(np.array(column) for column in columns))
