import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from clv_warehouse.learning.trees import CODES, LEAVES, Trees


def numbers_of(count: int) -> np.ndarray:
    draw = np.random.default_rng(3)
    numbers = draw.normal(size=(count, 4)).astype(np.float32)
    # Some fall on the very values at which trees part, and one is always the same.
    numbers[:, 1] = np.round(numbers[:, 1])
    numbers[:, 3] = 2
    return numbers


def happened_with(numbers: np.ndarray) -> np.ndarray:
    chance = 1 / (1 + np.exp(2 - 2 * numbers[:, 0] * numbers[:, 1]))
    return np.random.default_rng(4).random(len(numbers)) < chance


def test_trees_say_what_those_say_that_were_grown() -> None:
    numbers = numbers_of(6_000)
    model = HistGradientBoostingClassifier(
        max_iter=20,
        max_leaf_nodes=LEAVES,
        max_bins=CODES,
        early_stopping=False,
        random_state=0,
    ).fit(numbers, happened_with(numbers))
    asked = np.vstack([numbers, numbers * 1000, np.float32(1e-3) + numbers])
    found = Trees.of(model, 4).log_odds(asked)
    assert found == pytest.approx(model.decision_function(asked), abs=1e-5)


def test_trees_see_what_numbers_say_together() -> None:
    numbers = numbers_of(20_000)
    trees = Trees.fit(numbers, happened_with(numbers), 50)
    both, one, none = trees.log_odds(
        np.array([[2, 2, 0, 2], [2, -2, 0, 2], [0, 0, 0, 2]], np.float32)
    )
    assert both > 1
    assert none < -1 > one
    # They come back from a file as they went.
    again = Trees.from_arrays(trees.to_arrays())
    assert again.log_odds(numbers).tolist() == trees.log_odds(numbers).tolist()


def test_an_answer_does_not_depend_on_who_else_asks() -> None:
    numbers = numbers_of(9_000)
    trees = Trees.fit(numbers, happened_with(numbers), 50)
    whole = trees.log_odds(numbers)
    assert whole[5_000:].tolist() == trees.log_odds(numbers[5_000:]).tolist()
    assert len(trees.log_odds(numbers[:0])) == 0
