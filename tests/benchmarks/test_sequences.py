"""Tests the benchmark of sequences: its readers, its split, and that no item leaks."""

import gzip
import json

import numpy as np
import pytest

from benchmarks.sequence_files import (
    BASE,
    BadFileError,
    Lines,
    Sequences,
    files_in,
    read_file,
)
from benchmarks.sequences import SCORED, judged, measures, ranked

# Two customers, in order of time: ann takes tea, cup, pot; ben cup, tea, jar.
ANN, BEN = ["tea", "cup", "pot"], ["cup", "tea", "jar"]
ROWS = [
    ("ben", "cup", 10),
    ("ann", "tea", 20),
    ("ann", "cup", 20),
    ("ben", "jar", 40),
    ("ann", "pot", 30),
    ("ben", "tea", 30),
]


def taken(sequences: Sequences) -> dict[str, list[str]]:
    """What each customer took, in order."""
    ids = sequences.product_ids.to_pylist()
    found: dict[str, list[str]] = {}
    for customer, item in zip(sequences.customer, sequences.item, strict=True):
        key = sequences.customer_keys[customer].as_py()
        found.setdefault(key, []).append(ids[item])
    return found


FORMS = {
    "pairs.txt": "\n".join(f"{u} {i}" for u, i, _ in sorted(ROWS, key=lambda r: r[2])),
    "timed.txt": "\n".join(f"{u} {i} {t}" for u, i, t in ROWS),
    "lists.txt": "ann tea cup pot\nben cup tea jar mug\n",
    "set.inter": "item_id:token\tuser_id:token\ttimestamp:float\n"
    + "\n".join(f"{i}\t{u}\t{t}.0" for u, i, t in ROWS),
    "ratings.csv": "\n".join(f"{u},{i},5.0,{t}" for u, i, t in ROWS),
    "header.csv": "user_id,parent_asin,rating,timestamp\n"
    + "\n".join(f"{u},{i},5.0,{t}" for u, i, t in ROWS),
    "reviews.json": "\n".join(
        json.dumps({"reviewerID": u, "asin": i, "unixReviewTime": t})
        for u, i, t in ROWS
    ),
    "all_item_seqs.json": json.dumps({"ann": ANN, "ben": BEN}),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("zipped", [False, True])
def test_all_forms_say_the_same(tmp_path, name, zipped):
    path = tmp_path / (f"{name}.gz" if zipped else name)
    (gzip.open if zipped else open)(path, "wt").write(FORMS[name])
    found = taken(Sequences.of(read_file(path), core=1))
    more = ["mug"] if name == "lists.txt" else []
    assert found == {"ann": ANN, "ben": BEN + more}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "ann,tea,5,10\nann,cup,5\n", "line 2: 3 columns where the first"),
        ("a.csv", "ann,tea,5,10\nann,cup,5,soon\n", "line 2: 'soon' is no time"),
        ("a.txt", "ann tea\n\nann tea cup jar\nann pot\n", "line 3: customer ann"),
        ("a.json", '{"reviewerID": "a"}\n', "line 1: the object has reviewerID, and"),
        (
            "a.json",
            '{"reviewerID": "a", "asin": "b", "unixReviewTime": 1}\n{"reviewerID"\n',
            "line 2: Expecting",
        ),
        ("a.inter", "user_id:token\tthing:token\n", "line 1: none of the columns"),
        ("a.inter", "user_id:token\titem_id_list:token_seq\titem_id:token\n", "atomic"),
        ("a.txt", "", "is empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadFileError, match=said):
        read_file(path)


def test_a_folder_without_sets_is_named(tmp_path):
    (tmp_path / "readme.md").write_text("nothing")
    with pytest.raises(BadFileError, match="has no file that ends with"):
        files_in([tmp_path])
    with pytest.raises(BadFileError, match="is absent"):
        files_in([tmp_path / "gone.csv"])


def test_of_many_customers_some_are_spread_over_all():
    lines = Lines(list("abcdefab"), list("xyzxyzyx"), np.arange(8.0))
    some = lines.of_some(3)
    assert some.users == ["a", "c", "e", "a"]
    assert some.items == ["x", "z", "y", "y"]
    assert some.times is not None and some.times.tolist() == [0, 2, 4, 6]


def test_ratings_of_2018_have_the_item_first(tmp_path):
    path = tmp_path / "Beauty.csv"
    path.write_text("B00004U9V2,A3NHUQ33CFH3VM,5.0,1405814400\n")
    found = read_file(path)
    assert found.users == ["A3NHUQ33CFH3VM"]
    assert found.items == ["B00004U9V2"]


def test_whoever_has_too_few_lines_goes_until_none_has():
    # Without z, which two customers took, c has one line too few; then so has y.
    rows = [
        *(("a", each) for each in ("x", "w", "v")),
        *(("b", each) for each in ("x", "w", "v")),
        *(("d", each) for each in ("x", "w", "v", "y")),
        *(("c", each) for each in ("y", "x", "z")),
        *(("e", each) for each in ("z", "y")),
    ]
    users, items = zip(*rows, strict=True)
    lines = Lines(users, items, np.arange(len(rows), dtype=float))
    found = taken(Sequences.of(lines, core=3))
    assert found == {key: ["x", "w", "v"] for key in "abd"}


def test_of_customers_the_last_items_judge_and_choose():
    lines = Lines(list("aaaabbb"), list("xyzwyxz"), None)
    found = Sequences.of(lines)
    ids = found.product_ids.to_pylist()
    assert [ids[each] for each in found.last()] == ["w", "z"]
    assert [ids[each] for each in found.last_but_one()] == ["z", "x"]
    purchases = found.purchases(28)
    early = purchases.until(BASE - 28)
    assert sorted(early.product.tolist()) == sorted(map(ids.index, "xyy"))
    histories = found.histories(28)
    assert histories.day.tolist() == purchases_days(4) + purchases_days(3)


def purchases_days(count: int) -> list[int]:
    """Days of a customer who took so many items."""
    return [BASE + 28 - 28 * back for back in range(count)][::-1]


def test_ranks_are_those_of_the_right_item_among_the_others():
    lines = Lines(list("aaaabbb"), list("xyzwyxz"), None)
    found = Sequences.of(lines)
    scores = np.array([[3, 1, 9, 8], [0, 0, 0, 0]], np.float32)

    def score(customers):
        return scores[customers]

    # a had x, y and z: of the items left w comes first. b had x and y: two tie.
    assert found.product_ids.to_pylist() == list("wxyz")
    assert ranked(found, score, chooses=False).tolist() == [0, 0.5]
    # Before the last but one z (8) and w (3) were left; of b's items all but y tie.
    assert ranked(found, score, chooses=True).tolist() == [0, 1]
    assert measures(np.array([0.0, 1.0, 30.0])) == {
        "recall_at_10": pytest.approx(2 / 3),
        "ndcg_at_10": pytest.approx((1 + 1 / np.log2(3)) / 3),
    }


@pytest.mark.parametrize("system", ["similar", "ease", "recommender"])
def test_no_system_learns_from_what_judges(tmp_path, system):
    """With other last items, the scores are the same."""
    draw = np.random.default_rng(2)
    items = draw.permuted(np.tile(np.arange(40), (200, 1)), axis=1)[:, :8]
    scores = []
    for last in (items[:, 7], np.roll(items[:, 7], 1)):
        items[:, 7] = last
        lines = Lines(
            np.repeat(np.arange(200), 8).astype(str).tolist(),
            items.ravel().astype(str).tolist(),
            None,
        )
        ((_, _, score),) = SCORED[system](Sequences.of(lines), tmp_path)
        scores.append(score(np.arange(200)))
    assert np.array_equal(*scores)


def test_the_shops_similar_products_find_a_rule(tmp_path):
    """Customers take items of one of two kinds, and the last is of theirs."""
    draw = np.random.default_rng(1)
    rows = [
        (f"c{customer}", f"{kind}{item}")
        for customer in range(60)
        for kind in [("a", "b")[customer % 2]]
        for item in draw.permutation(12)[:6]
    ]
    users, items = zip(*rows, strict=True)
    sequences = Sequences.of(Lines(users, items, None))
    sequences.write(tmp_path / "sequences.npz")
    found = {system: judged(str(tmp_path), system) for system in ("similar", "popular")}
    assert found["similar"]["recall_at_10"] == 1
    assert found["popular"]["recall_at_10"] < 0.7
