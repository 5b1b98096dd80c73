"""Reads sequence sets in the forms in which they are published, and splits them.

| form | what a line is |
|---|---|
| RecBole's `.inter` | columns `user_id:token`, `item_id:token`, `timestamp:float` |
| Amazon's ratings | `user,item,rating,timestamp`, or the same under a header |
| Amazon's reviews | a JSON object with `reviewerID`, `asin` and `unixReviewTime` |
| pairs | `user item`, or `user item timestamp` |
| sequences | `user item item item ...`, in order, or one JSON object of such lists |

Files may be gzipped. Where there are times, they give the order, lines of one time stay
in theirs, and customers and products with fewer than five lines are left out, again and
again until none has (5-core). Other files are taken as somebody has prepared them.
"""

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from clv_warehouse.encoder.histories import NUMBERS, PURCHASE, Histories
from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.recommendations.purchases import Purchases

ENDINGS = (".txt", ".csv", ".tsv", ".inter", ".json", ".jsonl")
CORE = 5
# The last items that count of each customer: 50 to learn from, one that chooses, and
# one that judges.
LAST = 52
FEWEST = 3
# A day of the last item that chooses.
BASE = 20_000
# The names that publishers give to columns.
USERS = ("user_id", "reviewerID", "user", "userId", "customer_id", "session_id")
ITEMS = ("item_id", "asin", "parent_asin", "item", "itemId", "product_id")
TIMES = ("timestamp", "unixReviewTime", "time", "sort_timestamp")
ASIN = re.compile(r"B[0-9A-Z]{9}|[0-9]{9}[0-9X]")
FORMS = (
    "`user item [timestamp]`, `user item item ...`, RecBole's .inter, Amazon's "
    "user,item,rating,timestamp or its reviews as JSON lines"
)


class BadFileError(ValueError):
    """What is wrong with a file, where, and what to do."""


@dataclass(frozen=True)
class Lines:
    """What the lines of a file say.

    Attributes:
        users, items: as they are written, of length n.
        times: when, shape (n,); none where the lines' order says it.

    """

    users: Sequence[str]
    items: Sequence[str]
    times: Floats | None

    def of_some(self, most: int) -> "Lines":
        """Return the lines of at most so many customers, spread over all."""
        users, place = np.unique(np.asarray(self.users, str), return_inverse=True)
        kept = np.flatnonzero(place % -(-len(users) // most) == 0).tolist()
        chosen = [[each[at] for at in kept] for each in (self.users, self.items)]
        times = None if self.times is None else self.times[kept]
        return Lines(chosen[0], chosen[1], times)


@dataclass(frozen=True)
class Sequences:
    """Items in order of customer and of what came first.

    Attributes:
        customer, item: places in the lists of keys and ids, shape (n,).
        customer_keys, product_ids: in rising order.

    """

    customer: Ints
    item: Ints
    customer_keys: pa.Array
    product_ids: pa.Array

    @classmethod
    def of(cls, lines: Lines, core: int = CORE) -> Self:
        """Put lines in order; with times, leave out what has fewer than `core`."""
        users, customer = np.unique(np.asarray(lines.users, str), return_inverse=True)
        items, item = np.unique(np.asarray(lines.items, str), return_inverse=True)
        if lines.times is None:
            order = np.argsort(customer, kind="stable")
        else:
            order = np.lexsort((lines.times, customer))
        customer, item = customer[order], item[order]
        kept = np.ones(len(customer), bool)
        if lines.times is not None:
            kept = _core(customer, item, core)
        counts = np.bincount(customer[kept], minlength=len(users))
        kept &= counts[customer] >= FEWEST
        customer, item = customer[kept], item[kept]
        kept = _back(customer) < LAST
        chosen_users, customer = np.unique(customer[kept], return_inverse=True)
        chosen_items, item = np.unique(item[kept], return_inverse=True)
        if not len(customer):
            raise BadFileError(
                f"nothing is left of {len(users)} customers and {len(items)} items: "
                f"a customer needs {FEWEST} items, and in files with times customers "
                f"and items need {core} lines each"
            )
        return cls(
            customer,
            item,
            pa.array(users[chosen_users].astype(str).tolist()),
            pa.array(items[chosen_items].astype(str).tolist()),
        )

    @property
    def back(self) -> Ints:
        """How many items of the customer came after each, shape (n,)."""
        return _back(self.customer)

    def days(self, step: int) -> Ints:
        """Days as if a customer took an item every `step` days.

        The last but one lies on BASE for everybody, and the last after it.
        """
        return BASE + step - step * self.back

    def last(self) -> Ints:
        """The item that judges each customer, shape (customers,)."""
        return self.item[self.back == 0]

    def last_but_one(self) -> Ints:
        """The item that chooses, shape (customers,)."""
        return self.item[self.back == 1]

    def repeats(self) -> Bools:
        """Whether a customer had the last item but one already, shape (customers,)."""
        wanted = self.last_but_one()[self.customer]
        same = (self.item == wanted) & (self.back > 1)
        return np.bincount(self.customer[same], minlength=len(self.customer_keys)) > 0

    def purchases(self, step: int) -> Purchases:
        """Return them as the recommender reads purchases."""
        return Purchases.of(
            self.customer.astype(np.int32),
            self.item.astype(np.int32),
            self.days(step).astype(np.int32),
            self.customer_keys,
            self.product_ids,
        )

    def histories(self, step: int) -> Histories:
        """Return them as the encoder reads days of purchases, without amounts."""
        import scipy.sparse as sp

        count = len(self.customer)
        numbers = np.zeros((count, len(NUMBERS)), np.float32)
        numbers[:, PURCHASE] = 1
        bought = sp.csr_matrix(
            (np.ones(count, np.float32), self.item, np.arange(count + 1)),
            (count, len(self.product_ids)),
        )
        starts = np.searchsorted(self.customer, np.arange(len(self.customer_keys) + 1))
        return Histories(
            starts,
            self.days(step),
            numbers,
            bought,
            sp.csr_matrix(bought.shape, dtype=np.float32),
            self.customer_keys,
            self.product_ids,
        )

    def write(self, path: Path) -> None:
        """Write them to a file."""
        np.savez(
            path,
            customer=self.customer,
            item=self.item,
            keys=np.asarray(self.customer_keys.to_pylist()),
            ids=np.asarray(self.product_ids.to_pylist()),
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what `write` wrote."""
        with np.load(path) as found:
            keys, ids = (pa.array(found[name].tolist()) for name in ("keys", "ids"))
            return cls(found["customer"], found["item"], keys, ids)


def _core(customer: Ints, item: Ints, core: int) -> Bools:
    """Which lines are left once each customer and item has enough of them."""
    kept = np.ones(len(customer), bool)
    while True:
        enough = [
            np.bincount(each[kept], minlength=each.max(initial=-1) + 1) >= core
            for each in (customer, item)
        ]
        now = kept & enough[0][customer] & enough[1][item]
        if now.sum() == kept.sum():
            return kept
        kept = now


def _back(customer: Ints) -> Ints:
    ends = np.searchsorted(customer, customer, side="right")
    return ends - 1 - np.arange(len(customer))


def files_in(paths: Sequence[Path]) -> list[Path]:
    """Return the files that paths name: those of a folder by their endings."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadFileError(f"{path} is absent: --data names files, or their folder")
        if not path.is_dir():
            found.append(path)
            continue
        inside = [each for each in sorted(path.iterdir()) if _ending(each) in ENDINGS]
        if not inside:
            raise BadFileError(
                f"{path} has no file that ends with one of {', '.join(ENDINGS)} (or "
                "the same and .gz): name the file itself"
            )
        found += inside
    return found


def name_of(path: Path) -> str:
    """Return the file's name without endings."""
    return path.name.split(".")[0]


def _ending(path: Path) -> str:
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix


def read_file(path: Path) -> Lines:
    """Read a file of any of the forms; raises BadFileError, which names the line."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            text = [(n, line.strip()) for n, line in enumerate(file, 1)]
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: {error}: save it as UTF-8") from error
    text = [(number, line) for number, line in text if line]
    if not text:
        raise BadFileError(f"{path} is empty: expected lines such as {FORMS}")
    first = text[0][1]
    if first.startswith(("{", "[")):
        return _json(path, text)
    if ":token" in first:
        return _columns(path, text, "\t")
    if "," in first:
        return _ratings(path, text)
    return _words(path, text)


def _json(path: Path, text: list[tuple[int, str]]) -> Lines:
    try:
        whole = json.loads("\n".join(line for _, line in text)) if _is_one(text) else {}
    except json.JSONDecodeError as error:
        raise BadFileError(
            f"{path}, line {text[0][0] + error.lineno - 1}: {error.msg}: expected JSON "
            "lines of reviews, or one object with a list of items for each customer"
        ) from error
    if whole:
        return _lists(path, whole)
    users, items, times = [], [], []
    for number, line in text:
        try:
            review = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadFileError(
                f"{path}, line {number}: {error.msg} at column {error.colno}: expected "
                "a JSON object on each line"
            ) from error
        told = [
            next((review[name] for name in names if name in review), None)
            for names in (USERS, ITEMS, TIMES)
        ]
        if None in told:
            names = (USERS, ITEMS, TIMES)[told.index(None)]
            raise BadFileError(
                f"{path}, line {number}: the object has {', '.join(review)}, and none "
                f"of {', '.join(names)}: rename the field"
            )
        users.append(str(told[0]))
        items.append(str(told[1]))
        times.append(_time(path, number, told[2]))
    return Lines(users, items, np.array(times))


def _is_one(text: list[tuple[int, str]]) -> bool:
    """Whether a file is one object of lists, on one line or many."""
    try:
        first = json.loads(text[0][1])
    except json.JSONDecodeError:
        return not text[0][1].endswith("}")
    return isinstance(first, dict) and all(isinstance(x, list) for x in first.values())


def _lists(path: Path, whole: object) -> Lines:
    if not isinstance(whole, dict):
        raise BadFileError(f"{path}: expected an object with a list for each customer")
    users, items = [], []
    for user, sequence in whole.items():
        if not isinstance(sequence, list):
            raise BadFileError(f"{path}: what customer {user} has is no list of items")
        users += [str(user)] * len(sequence)
        items += [str(item) for item in sequence]
    return Lines(users, items, None)


def _columns(path: Path, text: list[tuple[int, str]], separator: str) -> Lines:
    """Read lines under a header that names the columns."""
    names = [each.split(":")[0].strip() for each in text[0][1].split(separator)]
    lists = [each for each in names if each.endswith("_list")]
    if lists:
        raise BadFileError(
            f"{path}, line {text[0][0]}: column {lists[0]} holds lists that somebody "
            "has cut already: give the atomic file, with an item on each line"
        )
    places = []
    for wanted in (USERS, ITEMS, TIMES):
        found = [names.index(each) for each in wanted if each in names]
        if not found:
            raise BadFileError(
                f"{path}, line {text[0][0]}: none of the columns {', '.join(names)} is "
                f"named {' or '.join(wanted)}: rename one"
            )
        places.append(found[0])
    return _read(path, text[1:], separator, len(names), places)


def _ratings(path: Path, text: list[tuple[int, str]]) -> Lines:
    header = [each.split(":")[0].strip() for each in text[0][1].split(",")]
    if set(header) & set(USERS + ITEMS):
        return _columns(path, text, ",")
    if len(header) not in (3, 4):
        raise BadFileError(
            f"{path}, line {text[0][0]}: {len(header)} columns and no header: expected "
            "user,item,rating,timestamp or user,item,timestamp"
        )
    # The ratings of 2018 have the item first.
    turned = bool(ASIN.fullmatch(header[0])) and not ASIN.fullmatch(header[1])
    users, items = (1, 0) if turned else (0, 1)
    return _read(path, text, ",", len(header), [users, items, len(header) - 1])


def _words(path: Path, text: list[tuple[int, str]]) -> Lines:
    widths = {len(line.split()) for _, line in text}
    separator = None
    if widths == {2}:
        pairs = [line.split() for _, line in text]
        return Lines([each[0] for each in pairs], [each[1] for each in pairs], None)
    if widths in ({3}, {4}):
        (width,) = widths
        return _read(path, text, separator, width, [0, 1, width - 1])
    users, items = [], []
    seen: dict[str, int] = {}
    for number, line in text:
        user, *sequence = line.split()
        if user in seen:
            raise BadFileError(
                f"{path}, line {number}: customer {user} stands on line {seen[user]} "
                "already: a line has a customer and all their items, or each line has "
                "as many columns (`user item` or `user item timestamp`)"
            )
        seen[user] = number
        users += [user] * len(sequence)
        items += sequence
    return Lines(users, items, None)


def _read(
    path: Path,
    text: list[tuple[int, str]],
    separator: str | None,
    width: int,
    places: Sequence[int],
) -> Lines:
    """Read columns of users, items and times at some places."""
    users, items, times = [], [], []
    for number, line in text:
        cells = line.split(separator)
        if len(cells) != width:
            raise BadFileError(
                f"{path}, line {number}: {len(cells)} columns where the first line has "
                f"{width}: mend or leave out {line[:60]!r}"
            )
        user, item, time = (cells[place].strip() for place in places)
        if not user or not item:
            raise BadFileError(
                f"{path}, line {number}: a customer or an item is missing in "
                f"{line[:60]!r}: leave the line out"
            )
        users.append(user)
        items.append(item)
        times.append(_time(path, number, time))
    return Lines(users, items, np.array(times))


def _time(path: Path, number: int, value: object) -> float:
    try:
        found = float(str(value))
    except ValueError as error:
        raise BadFileError(
            f"{path}, line {number}: {value!r} is no time: expected seconds since 1970"
        ) from error
    if not np.isfinite(found):
        raise BadFileError(f"{path}, line {number}: {value!r} is no time")
    return found
