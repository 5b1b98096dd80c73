"""Reads files of any shape as a mapping file says: which of their columns is which."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml

from clv_warehouse.loading.feeds import Feed
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.project.places import ROOT

# What a status can mean; the seed order_statuses describes each as a status too.
MEANINGS = ("sale", "refunded", "not_yet", "never", "test")
# What becomes of the rows after the first that bear the same key, such as an order id.
ROWS = ("first", "same", "add")
_LINE_TYPES = ROOT / "seeds" / "reference" / "line_types.csv"


@dataclass(frozen=True)
class Way:
    """How files are written. The mapping says it for all feeds, and again for one.

    Attributes:
        file: name or pattern of the files in the source's folder; None is the source.
        encoding: such as cp1252; None is found out.
        quotes: whether a quote opens a value that may hold separators.
        fill_down: columns in which a blank cell stands for the value above it.
        dates: strptime formats, or excel or unix; () is ISO 8601 and what is alike.
        decimal: what separates decimals.
        thousands: what separates thousands; '' is nothing.
        money_signs: texts beside numbers that are left out, such as €.
        time_zone: the zone of times without an offset; None is the shop's.

    """

    file: str | None = None
    encoding: str | None = None
    quotes: bool = True
    fill_down: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    money_signs: tuple[str, ...] = ()
    time_zone: str | None = None


@dataclass(frozen=True)
class Source:
    """Where the values of a feed's column come from.

    Attributes:
        columns: columns of the file.
        how: column (one), first_of (the first that is filled), join (all, parted by
            blanks), sum (all added up) or value.
        value: a text that all rows have.
        minus: columns that are taken off.
        times: a column to multiply with.
        over: a column to divide by.
        rows: as for the feed, but for this column alone.

    """

    columns: tuple[str, ...] = ()
    how: str = "column"
    value: str | None = None
    minus: tuple[str, ...] = ()
    times: str | None = None
    over: str | None = None
    rows: str | None = None

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every column of the file that is read."""
        more = [name for name in (self.times, self.over) if name is not None]
        return (*self.columns, *self.minus, *more)


@dataclass(frozen=True)
class FeedMapping:
    """How one feed is read.

    Attributes:
        place: what messages call it.
        feed: the feed.
        way: how its file is written.
        columns: where each of the feed's columns comes from.
        keep_only: by column of the file, the values whose rows are read.
        leave_out: by column of the file, the values whose rows are not read.
        statuses: by status in lower case, its meaning.
        line_types: by product, the type of its lines.
        rows: what becomes of the rows after the first of an order or product; None is
            that every row stands for itself.
        has_negative_refunds: whether an order of a negative amount is a refund of the
            order whose id it bears.

    """

    place: str
    feed: Feed
    way: Way
    columns: Mapping[str, Source]
    keep_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leave_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    line_types: Mapping[str, str] = field(default_factory=dict)
    rows: str | None = None
    has_negative_refunds: bool = False

    @property
    def used(self) -> tuple[str, ...]:
        """The columns of the file that the feed reads, each once."""
        names = [each for one in self.columns.values() for each in one.all_columns]
        names += [*self.keep_only, *self.leave_out, *self.way.fill_down]
        return tuple(dict.fromkeys(names))


_OF_FEED = {"columns", "rows", "keep_only", "leave_out"}
_OF_ORDERS = {"statuses", "negative_amounts"}
_OF_LINES = {"line_types"}
_WAYS = set(Way.__dataclass_fields__)
_HOWS = ("column", "first_of", "join", "sum", "value")


def read_mapping(path: Path, feeds: Sequence[Feed]) -> tuple[FeedMapping, ...]:
    """Read a mapping file; raise LoadError, naming key and value, where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = yaml.load(text, Loader=_Texts)
    except OSError as error:
        raise LoadError(f"No mapping file {path}. Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        cause = " ".join(str(error).split())
        raise LoadError(
            f"{path.name} cannot be read as YAML: {cause}. Quote names that hold a "
            "colon, a # or a quote."
        ) from error
    return _Parser(path.name, {feed.name: feed for feed in feeds}).parse(document)


class _Texts(yaml.BaseLoader):
    """Reads YAML whose values are all texts: no, off and 1.10 are what they look like.

    A key that stands twice is an error, where YAML would keep the second alone.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; raise ConstructorError if it has a key twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Parser:
    """Checks what a mapping file says, key by key."""

    def __init__(self, name: str, feeds: Mapping[str, Feed]) -> None:
        self.name = name
        self.feeds = feeds

    def parse(self, document: Any) -> tuple[FeedMapping, ...]:
        known = [*self.feeds, *sorted(_WAYS - {"file"})]
        self._keys(self.name, document, known)
        way = self._way(self.name, Way(), document)
        mapped = tuple(
            self._feed(self.feeds[name], way, document[name])
            for name in document
            if name in self.feeds
        )
        if "orders" not in {each.feed.name for each in mapped}:
            raise LoadError(
                f"{self.name} has no key orders: they are what everything else rests "
                "on. Add it with its columns."
            )
        return mapped

    def _feed(self, feed: Feed, way: Way, node: Any) -> FeedMapping:
        place = f"{self.name}, {feed.name}"
        known = _OF_FEED | _WAYS
        known |= _OF_ORDERS if feed.name == "orders" else set()
        known |= _OF_LINES if feed.name == "order_lines" else set()
        self._keys(place, node, sorted(known))
        columns = self._columns(place, feed, node.get("columns"))
        rows = node.get("rows")
        if rows is not None:
            self._one_of(f"{place}, rows", rows, ROWS)
        negative = node.get("negative_amounts")
        if negative is not None:
            self._one_of(f"{place}, negative_amounts", negative, ("refunds",))
            self._needs(place, "negative_amounts", columns, "amount")
        statuses = self._words(f"{place}, statuses", node.get("statuses"))
        for word, meaning in statuses.items():
            self._one_of(f"{place}, statuses, {word}", meaning, MEANINGS)
        if statuses:
            self._needs(place, "statuses", columns, "status")
        line_types = self._words(f"{place}, line_types", node.get("line_types"))
        for code, line_type in line_types.items():
            self._one_of(f"{place}, line_types, {code}", line_type, _line_types())
        if line_types:
            self._needs(place, "line_types", columns, "product_id")
        if rows is None and any(each.rows for each in columns.values()):
            raise LoadError(
                f"{place}: a column says rows, and the feed does not. Add rows: first "
                "or rows: same to the feed."
            )
        for column in feed.key:
            if rows is not None and column not in columns:
                raise LoadError(
                    f"{place}: rows: {rows} needs {column} among the columns, by which "
                    "rows belong together. Add it."
                )
        return FeedMapping(
            place=place,
            feed=feed,
            way=self._way(place, way, node),
            columns=columns,
            keep_only=self._values(f"{place}, keep_only", node.get("keep_only")),
            leave_out=self._values(f"{place}, leave_out", node.get("leave_out")),
            statuses={word.casefold(): meaning for word, meaning in statuses.items()},
            line_types=line_types,
            rows=rows,
            has_negative_refunds=negative is not None,
        )

    def _way(self, place: str, way: Way, node: Mapping[str, Any]) -> Way:
        given: dict[str, Any] = {}
        for key in _WAYS & node.keys():
            value, at = node[key], f"{place}, {key}"
            if key in ("fill_down", "dates", "money_signs"):
                given[key] = self._texts(at, value)
            elif key == "quotes":
                if value not in ("true", "false"):
                    self._fail(at, value, "true, or false where quotes are plain text")
                given[key] = value == "true"
            else:
                given[key] = self._text(at, value)
        new = replace(way, **given)
        self._check_way(place, new)
        return new

    def _check_way(self, place: str, way: Way) -> None:
        if way.decimal not in (".", ","):
            self._fail(f"{place}, decimal", way.decimal, '"." or ","')
        if way.thousands not in ("", ".", ",", " ", "'"):
            self._fail(
                f"{place}, thousands", way.thousands, '".", ",", " ", "\'" or ""'
            )
        if way.thousands == way.decimal:
            raise LoadError(
                f"{place}: decimal and thousands are both {way.decimal!r}. Say what "
                "each of them is."
            )
        for form in way.dates:
            if form not in ("excel", "unix") and "%" not in form:
                self._fail(
                    f"{place}, dates", form, "a format such as %d.%m.%Y, excel or unix"
                )
            if "%y" in form:
                self._fail(
                    f"{place}, dates",
                    form,
                    "a format with %Y: years of two digits are not read",
                )
        if way.time_zone is not None and way.time_zone not in available_timezones():
            self._fail(
                f"{place}, time_zone",
                way.time_zone,
                "the name of a zone, such as Europe/Berlin",
            )
        if way.encoding is not None:
            try:
                "".encode(way.encoding)
            except LookupError:
                self._fail(
                    f"{place}, encoding", way.encoding, "such as utf-8 or cp1252"
                )

    def _columns(self, place: str, feed: Feed, node: Any) -> dict[str, Source]:
        place = f"{place}, columns"
        types = {column.name: column.data_type for column in feed.columns}
        self._keys(place, node, list(types))
        columns = {
            name: self._source(f"{place}, {name}", types[name], value)
            for name, value in node.items()
            if value != ""
        }
        # An order without an id gets one, and one without a customer is a guest's.
        made = {"order_id", "customer_id"} if feed.name == "orders" else set()
        made |= {"refund_id"} if feed.name == "refunds" else set()
        for column in feed.columns:
            if column.is_required and column.name not in columns.keys() | made:
                raise LoadError(
                    f"{place}: the feed {feed.name} needs {column.name} "
                    f"({column.data_type}). Say which column of the file it is."
                )
        return columns

    def _source(self, place: str, data_type: str, node: Any) -> Source:
        if not isinstance(node, dict):
            return Source((self._text(place, node),))
        self._keys(place, node, [*_HOWS, "minus", "times", "over", "rows"])
        hows = [how for how in _HOWS if how in node]
        if len(hows) != 1:
            raise LoadError(
                f"{place}: {', '.join(hows) or 'nothing'} says where its values come "
                f"from. Give one of {', '.join(_HOWS)}."
            )
        (how,) = hows
        is_number = data_type.startswith(("decimal", "integer", "bigint"))
        for key in ("sum", "minus", "times", "over"):
            if key in node and not is_number:
                raise LoadError(
                    f"{place}: {key} is for numbers, and {data_type} is none. Use "
                    "join or first_of."
                )
        if how == "join" and is_number:
            raise LoadError(f"{place}: join is for texts and times. Use sum.")
        rows = node.get("rows")
        if rows is not None:
            self._one_of(f"{place}, rows", rows, ROWS)
            if rows == "add" and not is_number:
                self._fail(f"{place}, rows", rows, "for numbers only")
        if how == "value":
            value = self._text(f"{place}, value", node["value"])
            return Source(how=how, value=value, rows=rows)
        return Source(
            columns=self._texts(f"{place}, {how}", node[how]),
            how=how,
            minus=self._texts(f"{place}, minus", node.get("minus", [])),
            times=self._maybe_text(f"{place}, times", node.get("times")),
            over=self._maybe_text(f"{place}, over", node.get("over")),
            rows=rows,
        )

    def _keys(self, place: str, node: Any, known: Sequence[str]) -> None:
        if not isinstance(node, dict):
            self._fail(place, node, f"keys with values, from: {', '.join(known)}")
        for key in node:
            if key not in known:
                similar = get_close_matches(key, known, n=1)
                hint = f" Did you mean {similar[0]}?" if similar else ""
                raise LoadError(
                    f"{place}: no key {key} is known.{hint} There are: "
                    f"{', '.join(known)}."
                )

    def _values(self, place: str, node: Any) -> dict[str, tuple[str, ...]]:
        if not node:
            return {}
        if not isinstance(node, dict):
            self._fail(place, node, "columns of the file, each with its values")
        return {
            column: self._texts(f"{place}, {column}", values)
            for column, values in node.items()
        }

    def _words(self, place: str, node: Any) -> dict[str, str]:
        if not node:
            return {}
        if not isinstance(node, dict):
            self._fail(place, node, "words, each with what it stands for")
        return {
            word.strip(): self._text(f"{place}, {word}", value)
            for word, value in node.items()
        }

    def _texts(self, place: str, value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        return tuple(self._text(place, each) for each in values)

    def _text(self, place: str, value: Any) -> str:
        if not isinstance(value, str):
            self._fail(place, value, "one text")
        return str(value)

    def _maybe_text(self, place: str, value: Any) -> str | None:
        return None if value is None else self._text(place, value)

    def _one_of(self, place: str, value: Any, known: Sequence[str]) -> None:
        if value not in known:
            self._fail(place, value, f"one of {', '.join(known)}")

    def _needs(self, place: str, key: str, columns: Any, column: str) -> None:
        if column not in columns:
            raise LoadError(
                f"{place}: {key} needs {column} among the columns. Say which column "
                "of the file it is."
            )

    def _fail(self, place: str, value: Any, expected: str) -> None:
        raise LoadError(f"{place}: {value!r} is not {expected}.")


def _line_types() -> tuple[str, ...]:
    with _LINE_TYPES.open(encoding="utf-8", newline="") as file:
        return tuple(row["line_type"] for row in csv.DictReader(file))
