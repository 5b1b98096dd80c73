"""Writes a first draft of a mapping file from what it sees in the files of a shop."""

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import duckdb

from clv_warehouse.loading.connectors.mapped import plain_copy
from clv_warehouse.loading.feeds import TIMES, Column, Feed
from clv_warehouse.loading.files import kind_of, listed
from clv_warehouse.loading.headings import (
    FILE_WORDS,
    HEADINGS,
    MONEY_SIGNS,
    SIGNS,
    words_of,
)
from clv_warehouse.loading.mapping import Way
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import Reader
from clv_warehouse.loading.texts import open_text
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.sql import first_line, literal, quoted

_STATUSES = ROOT / "seeds" / "reference" / "order_statuses.csv"
# The feeds of which a draft says where they are.
_DRAFTED = ("orders", "order_lines", "products", "customers", "refunds")
_ROWS_SEEN = 5_000
_MOST_STATUSES = 30
_DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%Y%m%d", "%d. %B %Y", "%d. %b %Y"),
)
_CLOCKS = (
    *("", " %H:%M:%S", " %H:%M", ", %H:%M:%S", ", %H:%M", " - %H:%M", " %I:%M:%S %p"),
    *(" %I:%M %p", ", %I:%M %p", "T%H:%M:%S", " %H:%M Uhr", " %H.%M"),
)
# Names of ids that say nothing of what they number.
_ANY_ID = ("id", "number", "name", "nr", "nummer")
_CURRENCY_WORDS = r" ?\b(in )?(eur|euro|usd|gbp|chf|jpy|sek|pln|cad|aud)\b"

_HEAD = """\
# A first draft of a mapping, made from the first {rows:,} rows of each file. Lines with
# "# ?" are guesses: look at each, then load with
#     python scripts/load.py map {source} --mapping shop.yml
# docs/mapping.md describes all keys.
"""


@dataclass
class _Sheet:
    """A file, or files of one header, with the text of its first rows.

    Attributes:
        file: its name, or the pattern of its parts.
        way: how it is written, as far as reading it had to know.
        view: the view of its text.
        names: its columns.
        rows: its first rows.
        values: the filled values by column.
        gaps: columns whose blank cells stand for the value above.

    """

    file: str
    way: Way
    view: str
    names: list[str]
    rows: list[dict[str, str]]
    values: dict[str, list[str]] = field(default_factory=dict)
    gaps: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in self.names:
            self.values[name] = [row[name] for row in self.rows if row[name]]


@dataclass
class _Found:
    """The heading that is a feed's column; `doubt` says why that is a guess.

    `is_compared` is true of a price that was compared with the amounts of the orders.
    """

    heading: str
    doubt: str = ""
    is_compared: bool = False


@dataclass(frozen=True)
class _Style:
    """How a file writes numbers; `doubt` says what is not sure of it."""

    decimal: str
    thousands: str
    signs: tuple[str, ...]
    doubt: str = ""


def suggest_mapping(source: Path, feeds: tuple[Feed, ...]) -> str:
    """Return a mapping in YAML for a file or folder; guesses are marked with "# ?".

    It loads nothing. Raises LoadError where no file can be read, or none looks like
    orders.
    """
    with (
        duckdb.connect() as connection,
        scratch_folder() as scratch,
        Reader(connection, feeds, _not_said) as reader,
    ):
        try:
            sheets = _sheets(reader, source, scratch)
        except (duckdb.Error, OSError) as error:
            raise LoadError(
                f"{source} cannot be read. ({first_line(error)})"
            ) from error
        return _Draft(reader, sheets, source).write()


def _not_said(line: str) -> None:
    """Say nothing: what is printed is the mapping alone."""


def _sheets(reader: Reader, source: Path, scratch: Path) -> list[_Sheet]:
    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if kind_of(path)]
    elif source.is_file():
        paths = [source]
    else:
        raise LoadError(f"No file or folder {source}. Check the path.")
    if not paths:
        raise LoadError(f"{source} holds no .csv, .txt, .tsv or .parquet file.")
    parts: dict[tuple[str, ...], list[Path]] = {}
    ways: dict[Path, Way] = {}
    names: dict[Path, list[str]] = {}
    for path in paths:
        ways[path] = _way_of(path)
        names[path] = _names_of(reader, path, ways[path], scratch)
        parts.setdefault(tuple(names[path]), []).append(path)
    sheets = []
    for number, (columns, same) in enumerate(parts.items()):
        view = f"suggested_{number}"
        first = same[0]
        reader.read_file(
            plain_copy(first, ways[first], scratch),
            [Column(name) for name in columns],
            view,
        )
        texts = ", ".join(f"coalesce(trim({quoted(name)}), '')" for name in columns)
        rows = reader.connection.execute(
            f"select {texts} from {view} limit {_ROWS_SEEN}"
        ).fetchall()
        base = source if source.is_dir() else source.parent
        file = str(first.relative_to(base))
        if len(same) > 1:
            file = _pattern([str(path.relative_to(base)) for path in same])
        sheets.append(
            _Sheet(
                file=file,
                way=ways[first],
                view=view,
                names=list(columns),
                rows=[dict(zip(columns, row, strict=True)) for row in rows],
            )
        )
    return sheets


def _way_of(path: Path) -> Way:
    """Find out the encoding of a file, and whether its quotes are text."""
    if kind_of(path) == ".parquet" or path.suffix.casefold() == ".gz":
        return Way()
    start = path.read_bytes()[: 1 << 20]
    if b"\0" in start[:1000]:
        return Way()
    encoding = None
    try:
        # The last character may be cut in two.
        text = start.decode(
            "utf-8-sig", errors="strict" if len(start) < 1 << 20 else "ignore"
        )
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = start.decode("cp1252", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return Way(encoding=encoding)
    delimiter = max(",;\t|", key=lines[0].count)
    plain = opening = 0
    for line in lines:
        for value in line.split(delimiter):
            opening += value.startswith('"')
            plain += '"' in value and not value.startswith('"')
    return Way(encoding=encoding, quotes=not (plain and not opening))


def _names_of(reader: Reader, path: Path, way: Way, scratch: Path) -> list[str]:
    if kind_of(path) == ".parquet":
        return reader.columns_of(path)
    known = {
        name for feed in HEADINGS.values() for each in feed.values() for name in each
    }
    # The header may stand below the name of a report: it is the line of known names.
    hint = Column("order_id", is_required=False, aliases=tuple(sorted(known)))
    return list(open_text(plain_copy(path, way, scratch), [hint], scratch).names)


def _pattern(names: Sequence[str]) -> str:
    start = names[0]
    while not all(name.startswith(start) for name in names):
        start = start[:-1]
    return f"{start}*{Path(names[0]).suffix}"


class _Draft:
    """Decides what each sheet is, and writes it down."""

    def __init__(self, reader: Reader, sheets: Sequence[_Sheet], source: Path) -> None:
        self.reader = reader
        self.sheets = sheets
        self.source = source
        self.types = {
            feed.name: {column.name: column.data_type for column in feed.columns}
            for feed in reader.feeds
        }
        self.lines: list[str] = []

    def write(self) -> str:
        self.lines = [_HEAD.format(rows=_ROWS_SEEN, source=self.source)]
        feeds = self._feeds()
        if not any("orders" in each for each in feeds.values()):
            there = "; ".join(
                f"{sheet.file}: {listed(sheet.names)}" for sheet in self.sheets
            )
            raise LoadError(
                f"{self.source}: no file looks like orders. Write the mapping by hand, "
                f"as docs/mapping.md says. The columns are: {there}."
            )
        for number, sheet in enumerate(self.sheets):
            if not feeds[number]:
                self._say(f"# {sheet.file}: read by no feed. {listed(sheet.names)}")
                self._say("")
        for feed in _DRAFTED:
            for number, sheet in enumerate(self.sheets):
                if feed in feeds[number]:
                    self._feed(feed, sheet, feeds[number])
        written = "\n".join(self.lines)
        for sheet in self.sheets:
            unread = [name for name in sheet.names if f": {_yaml(name)}" not in written]
            if unread:
                self._say(f"# Columns of {sheet.file} that nothing reads:")
                for name in unread:
                    self._say(f"#   {name}")
        return "\n".join(self.lines)

    def _say(self, line: str) -> None:
        self.lines.append(line)

    # What each file is

    def _feeds(self) -> dict[int, dict[str, dict[str, _Found]]]:
        """Return, by the sheet's number, the feeds in it with their columns."""
        feeds: dict[int, dict[str, dict[str, _Found]]] = {}
        taken: set[str] = set()
        matched = [self._match_all(sheet) for sheet in self.sheets]
        # Lines may bear the date of their order: a file of orders alone comes first.
        numbers = sorted(
            range(len(self.sheets)), key=lambda each: _has_lines(matched[each])
        )
        for number in numbers:
            sheet, found = self.sheets[number], matched[number]
            named = _named_feed(sheet.file) if len(self.sheets) > 1 else None
            kinds = _kinds(found, named)
            feeds[number] = {feed: found[feed] for feed in kinds if feed not in taken}
            taken |= kinds
        return feeds

    def _match_all(self, sheet: _Sheet) -> dict[str, dict[str, _Found]]:
        """Find the heading of each column of each feed: the sure ones first.

        A name that is only alike never takes a heading that is sure of another column.
        """
        found = {feed: self._match(feed, sheet, {}, set()) for feed in _DRAFTED}
        sure = {each.heading for feed in found.values() for each in feed.values()}
        found = {feed: self._match(feed, sheet, found[feed], sure) for feed in _DRAFTED}
        key = found["orders"].get("order_id")
        if key is not None:
            _fill_down(sheet, key.heading)
            _part_totals(sheet, key.heading, found["orders"], found["order_lines"])
        return found

    def _match(
        self,
        feed: str,
        sheet: _Sheet,
        sure: Mapping[str, _Found],
        taken: set[str],
    ) -> dict[str, _Found]:
        """Find headings by names that are the same or, if some are sure, only alike."""
        words = {
            name: re.sub(_CURRENCY_WORDS, "", words_of(name)).strip()
            for name in sheet.names
        }
        found = dict(sure)
        used = {each.heading for each in found.values()} | taken
        for column, names in HEADINGS[feed].items():
            if column in found:
                continue
            fitting = self._fits(feed, column, sheet) - used
            heading = _best(names, words, fitting, is_exact=not taken)
            if heading is not None:
                doubt = "the name is only alike" if taken else ""
                found[column] = _Found(heading, doubt)
                used.add(heading)
        return found

    def _fits(self, feed: str, column: str, sheet: _Sheet) -> set[str]:
        """Return the headings whose values could be the column's."""
        data_type = self.types[feed][column]
        if data_type in TIMES:
            return {
                name for name in sheet.names if _looks_like_times(sheet.values[name])
            }
        if column == "order_id":
            # Some exports have one id on every row and another on the first row only.
            numbered = {
                name
                for name, values in sheet.values.items()
                if len(values) == len(sheet.rows)
                and words_of(name) in HEADINGS["orders"]["order_id"]
                and all(re.search(r"\d", value) for value in values)
            }
            return numbered or {name for name in sheet.names if sheet.values[name]}
        if column == "customer_id":
            # Guests have an address and no number.
            by_kind = {
                name: len(values)
                for name, values in sheet.values.items()
                if words_of(name) in HEADINGS["orders"]["customer_id"] and values
            }
            most = max(
                (count for name, count in by_kind.items() if _is_address(sheet, name)),
                default=0,
            )
            numbered = {
                name
                for name, count in by_kind.items()
                if _is_address(sheet, name) or count >= most
            }
            return numbered or {name for name in sheet.names if sheet.values[name]}
        if data_type == "varchar":
            return {
                name
                for name in sheet.names
                if sheet.values[name] or column in ("product_id", "status")
            }
        return {name for name in sheet.names if _are_numbers(sheet.values[name])}

    # What is written of a feed

    def _feed(
        self, feed: str, sheet: _Sheet, feeds: Mapping[str, dict[str, _Found]]
    ) -> None:
        found = dict(feeds[feed])
        if feed == "order_lines":
            found = _with_right_price(sheet, found, feeds.get("orders", {}))
        priced = None
        if feed == "orders" and not feeds.keys() & {"order_lines"}:
            priced = self._priced(sheet)
        is_of_lines = feed == "orders" and "order_lines" in feeds
        differing: list[str] = []
        repeats, pays_back = False, False
        if feed in ("orders", "products", "customers"):
            key = found.get(
                {"orders": "order_id", "products": "product_id"}.get(
                    feed, "customer_id"
                )
            )
            if key is not None:
                rows = _positive_rows(sheet, found.get("amount"))
                amount = found.get("amount")
                sold = {row[key.heading] for row in rows}
                pays_back = feed == "orders" and any(
                    amount is not None
                    and _is_negative(row[amount.heading])
                    and row[key.heading] in sold
                    for row in sheet.rows
                )
                if not pays_back:
                    rows = sheet.rows
                ids = [row[key.heading] for row in rows if row[key.heading]]
                repeats = len(set(ids)) < len(ids)
                differing = _differing(rows, key.heading, found)
        if is_of_lines and repeats:
            lines = feeds["order_lines"]
            lines_own = {
                each.heading for name, each in lines.items() if name != "order_id"
            }
            for column in ("amount", "discount_amount"):
                if column in found and (
                    found[column].heading in lines_own or column in differing
                ):
                    del found[column]
            differing = [each for each in differing if each in found]
        self._say(f"{feed}:")
        if len(self.sheets) > 1 or self.source.is_dir():
            self._say(f"  file: {_yaml(sheet.file)}")
        self._ways(feed, sheet, found, feeds, priced)
        if repeats:
            self._say(
                "  # Rows repeat one key: of further rows only what says rows: add is "
                "read."
            )
            others = [each for each in differing if not self._is_money(feed, each)]
            mark = f"  # ? {listed(others)} differ" if others else ""
            self._say(f"  rows: {'first' if others else 'same'}{mark}")
        if pays_back:
            self._say("  # Rows with a negative amount bear the id of an order.")
            self._say("  negative_amounts: refunds  # ?")
        if "sales channel" in {words_of(name) for name in sheet.names}:
            self._leave_out(feed, sheet)
        self._say("  columns:")
        for column in self.types[feed]:
            again = differing if repeats else []
            self._column(feed, column, sheet, found, again, priced)
        if feed == "orders":
            self._after_orders(sheet, found)
        self._say("")

    def _priced(self, sheet: _Sheet) -> tuple[str, str] | None:
        """Return the columns of price and quantity of a log of purchases."""
        lines = self._match_all(sheet)["order_lines"]
        price, quantity = lines.get("unit_price"), lines.get("quantity")
        return (price.heading, quantity.heading) if price and quantity else None

    def _is_money(self, feed: str, column: str) -> bool:
        return self.types[feed][column].startswith("decimal")

    def _ways(
        self,
        feed: str,
        sheet: _Sheet,
        found: Mapping[str, _Found],
        feeds: Mapping[str, Mapping[str, _Found]],
        priced: tuple[str, str] | None,
    ) -> None:
        if sheet.way.encoding:
            self._say(f"  encoding: {sheet.way.encoding}  # ? it is not UTF-8")
        if not sheet.way.quotes:
            self._say("  # Quotes stand within values: they are plain text.")
            self._say("  quotes: false")
        headings = {
            each.heading
            for name, columns in feeds.items()
            for column, each in columns.items()
            if self.types[name][column].startswith(("decimal", "integer", "bigint"))
        }
        headings |= set(priced or ())
        style = _style([value for name in headings for value in sheet.values[name]])
        if (style.decimal, style.thousands) != (".", "") or style.doubt:
            mark = f"  # ? {style.doubt}" if style.doubt else ""
            self._say(f"  decimal: {json.dumps(style.decimal)}{mark}")
        if style.thousands:
            self._say(f"  thousands: {json.dumps(style.thousands)}")
        if style.signs:
            signs = json.dumps(list(style.signs), ensure_ascii=False)
            self._say(f"  money_signs: {signs}")
        key = found.get("order_id")
        if key is not None and key.heading in sheet.gaps:
            self._say("  # The id stands on the first row of an order only.")
            self._say(f"  fill_down: {_yaml(key.heading)}  # ?")
        times = [
            each.heading
            for column, each in found.items()
            if self.types[feed][column] in TIMES
        ]
        self._dates(sheet, times)

    def _dates(self, sheet: _Sheet, times: Sequence[str]) -> None:
        values = [
            f"{row[name]} {row[clock]}" if (clock := clocks[name]) else row[name]
            for clocks in [{name: _clock_beside(sheet, name) for name in times}]
            for name in times
            for row in sheet.rows
            if row[name]
        ]
        if not values:
            return
        formats, doubt = self._formats(values)
        if formats:
            mark = f"  # ? {doubt}" if doubt else ""
            shown = formats[0] if len(formats) == 1 else list(formats)
            self._say(f"  dates: {json.dumps(shown)}{mark}")
        elif doubt:
            self._say(f'  # dates: "%d.%m.%Y %H:%M"  # ? {doubt}')
        has_clock = any(":" in value for value in values)
        if any({"utc", "gmt"} & set(words_of(name).split()) for name in times):
            self._say("  time_zone: UTC")
        elif has_clock and not self._name_zones(values):
            self._say(
                "  # time_zone: Europe/Berlin  # ? times name no zone: without this "
                "they are the clock of the shop (var time_zone)"
            )

    def _name_zones(self, values: Sequence[str]) -> bool:
        named = sql_of("zone_in", "value")
        ((is_named,),) = self._over(values, f"bool_or({named} <> '')")
        return bool(is_named)

    def _over(self, values: Sequence[str], select: str) -> list[tuple[object, ...]]:
        return self.reader.connection.execute(
            f"select {select} from (select unnest(?) as value)", [list(set(values))]
        ).fetchall()

    def _formats(self, values: Sequence[str]) -> tuple[list[str], str]:
        """Return the formats that read all values, none where none is needed."""
        total = len(set(values))
        ((usual,),) = self._over(
            values, f"count({sql_of('read_time', 'value', 'UTC')})"
        )
        if usual == total:
            return [], ""
        numbers = [
            float(value) for value in values if re.fullmatch(r"\d+([.]\d+)?", value)
        ]
        if len(numbers) == len(values):
            if all(20_000 < each < 80_000 for each in numbers):
                return ["excel"], "the numbers look like Excel's days"
            if all(each > 300_000_000 for each in numbers):
                return ["unix"], ""
        forms = [day + clock for day, clock in product(_DAYS, _CLOCKS)]
        counts = ", ".join(
            f"count(try_strptime(value, {literal(form)}))" for form in forms
        )
        (read,) = self._over(values, counts)
        fitting = [
            form for form, count in zip(forms, read, strict=True) if count == total
        ]
        if fitting:
            best = fitting[0]
            swapped = best.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
            doubt = "day or month first: both fit" if swapped in fitting else ""
            return [best], doubt
        some = [(count, form) for form, count in zip(forms, read, strict=True) if count]
        if not some:
            return [], f"no known format: {values[0]!r}"
        day = max(some)[1].split("%Y")[0]
        chosen = [form for _, form in some if form.startswith(day)]
        return chosen, "several formats in one column"

    def _column(
        self,
        feed: str,
        column: str,
        sheet: _Sheet,
        found: Mapping[str, _Found],
        differing: Sequence[str],
        priced: tuple[str, str] | None,
    ) -> None:
        if column == "currency" and feed == "orders" and column not in found:
            self._currency(sheet, found)
            return
        if (feed, column) == ("orders", "amount") and column not in found and priced:
            price, quantity = priced
            self._say(f"    {column}:")
            self._say(f"      column: {_yaml(price)}")
            self._say(f"      times: {_yaml(quantity)}")
            return
        if column not in found:
            if (feed, column) == ("orders", "customer_id"):
                self._say(
                    "    # ? no column names the customer: all orders are guests'"
                )
            if (feed, column) == ("orders", "order_id"):
                self._say(
                    "    # ? no column is the order's id: it is made from each row"
                )
            return
        each = found[column]
        mark = f"  # ? {each.doubt}" if each.doubt else ""
        if column in differing and self._is_money(feed, column):
            self._say(
                f"    {column}: {{column: {_yaml(each.heading)}, rows: add}}"
                "  # ? it differs between the rows of one order"
            )
            return
        base, own = _base_and_own(sheet.names)
        if column == "refunded_amount" and base and own:
            self._say(
                "    # The refund is in the currency of the order: it is converted."
            )
            self._say(f"    {column}:")
            self._say(f"      column: {_yaml(each.heading)}")
            self._say(f"      times: {_yaml(base)}")
            self._say(f"      over: {_yaml(own)}")
            return
        discount = next(
            (
                name
                for name in sheet.names
                if words_of(name) == "item promotion discount"
            ),
            None,
        )
        if (feed, column) == ("order_lines", "amount"):
            quantities = found.get("quantity")
            if discount and discount != each.heading:
                self._say(
                    "    # ? is it the price of all pieces, or of one (unit_price)?"
                )
                self._say(f"    {column}:")
                self._say(f"      column: {_yaml(each.heading)}")
                self._say(f"      minus: {_yaml(discount)}")
                return
            if "unit_price" in found:
                return
            if quantities is not None and not mark and not each.is_compared:
                mark = "  # ? is it of all pieces, or of one (unit_price)?"
        if (
            (feed, column) == ("order_lines", "discount")
            and discount
            and "amount" in found
        ):
            return
        if column == "customer_id" and not mark:
            mark = self._doubt_customer(sheet.values[each.heading])
        if column == "ordered_at":
            clock = _clock_beside(sheet, each.heading)
            if clock is not None:
                both = f"[{_yaml(each.heading)}, {_yaml(clock)}]"
                self._say(f"    {column}: {{join: {both}}}{mark}")
                return
        self._say(f"    {column}: {_yaml(each.heading)}{mark}")

    def _doubt_customer(self, values: Sequence[str]) -> str:
        named = sum(" " in value and "@" not in value for value in values)
        if values and named > len(values) / 2:
            return "  # ? names of people: two may share one"
        return ""

    def _currency(self, sheet: _Sheet, found: Mapping[str, _Found]) -> None:
        money = found.get("amount")
        texts = [*sheet.names, *(sheet.values[money.heading] if money else [])]
        for sign, code in SIGNS.items():
            if any(sign in text for text in texts):
                self._say(f"    currency: {{value: {code}}}  # ? from the sign {sign}")
                return
        for code in ("EUR", "USD", "GBP", "CHF", "JPY", "SEK", "PLN", "CAD", "AUD"):
            if any(re.search(rf"\b{code}\b", text) for text in texts):
                self._say(f"    currency: {{value: {code}}}  # ? from a name or value")
                return
        if any("$" in text for text in texts):
            self._say("    currency: {value: USD}  # ? many currencies have the sign $")
            return
        self._say("    currency: {value: EUR}  # ? nothing names the currency")

    def _leave_out(self, feed: str, sheet: _Sheet) -> None:
        channel = next(
            name for name in sheet.names if words_of(name) == "sales channel"
        )
        if feed in ("orders", "order_lines") and "Non-Amazon" in sheet.values[channel]:
            self._say("  # Amazon sent these for another shop.")
            self._say("  leave_out:")
            self._say(f"    {_yaml(channel)}: Non-Amazon")

    def _after_orders(self, sheet: _Sheet, found: Mapping[str, _Found]) -> None:
        status = found.get("status")
        if status is not None:
            self._statuses(sheet.values[status.heading])

    def _statuses(self, values: Sequence[str]) -> None:
        counts = Counter(values).most_common(_MOST_STATUSES)
        connection = self.reader.connection
        connection.execute(
            "create or replace temp table suggested_statuses as"
            " select unnest(?) as status",
            [[value for value, _ in counts]],
        )
        with _STATUSES.open(encoding="utf-8", newline="") as file:
            described = list(csv.DictReader(file))
        connection.execute(
            "create or replace temp table described_statuses_of_seed as select"
            " unnest(?) as status, unnest(?) as meaning, unnest(?) as is_doubtful",
            [
                [row["status"] for row in described],
                [row["meaning"] for row in described],
                [row["is_doubtful"] == "true" for row in described],
            ],
        )
        query = sql_of(
            "status_meanings", "suggested_statuses", "described_statuses_of_seed"
        )
        meanings = {
            value: (meaning, is_doubtful)
            for value, _, meaning, is_doubtful in connection.execute(query).fetchall()
        }
        known = [
            f"{value} = {meanings[value][0]}"
            for value, _ in counts
            if meanings[value][0]
        ]
        if known:
            self._say(f"  # Known statuses: {'; '.join(known)}.")
        doubtful = [
            (value, rows)
            for value, rows in counts
            if not meanings[value][0] or meanings[value][1]
        ]
        if doubtful:
            self._say(
                "  # ? Say what these mean: sale, refunded, not_yet, never or test."
            )
            self._say("  statuses:")
        for value, rows in doubtful:
            meaning = meanings[value][0] or "sale"
            why = "unknown" if not meanings[value][0] else "it differs between shops"
            self._say(f"    # {_yaml(value)}: {meaning}  # ? {why}; rows: {rows:,}")


def _named_feed(file: str) -> str | None:
    name = file.casefold()
    for feed, words in FILE_WORDS.items():
        if any(word in name for word in words):
            return feed
    return None


def _kinds(found: Mapping[str, Mapping[str, _Found]], named: str | None) -> set[str]:
    """Decide which feeds a file holds, from its name and the columns found in it."""
    orders, lines = found["orders"], found["order_lines"]
    has_lines = _has_lines(found)
    # An id and a date alone may be a customer's.
    is_numbered = "order_id" in orders and (
        "status" in orders or words_of(orders["order_id"].heading) not in _ANY_ID
    )
    has_orders = "ordered_at" in orders and (
        has_lines or "amount" in orders or is_numbered
    )
    if named in ("products", "customers", "refunds") and _key(found, named):
        return {named}
    if has_orders:
        is_detailed = has_lines and "order_id" in orders and "quantity" in lines
        more = {"order_lines"} if is_detailed else set()
        if is_detailed and _separate_name(found):
            more.add("products")
        return {"orders"} | more
    if has_lines and "order_id" in lines:
        return {"order_lines"}
    if "email" in found["customers"] or "signed_up_at" in found["customers"]:
        return {"customers"}
    if {"unit_cost", "category"} & found["products"].keys():
        return {"products"}
    return set()


def _has_lines(found: Mapping[str, Mapping[str, _Found]]) -> bool:
    lines = found["order_lines"]
    return "product_id" in lines and bool({"unit_price", "amount"} & lines.keys())


def _key(found: Mapping[str, Mapping[str, _Found]], feed: str) -> bool:
    key = {"products": "product_id", "customers": "customer_id", "refunds": "order_id"}
    return key[feed] in found[feed]


def _separate_name(found: Mapping[str, Mapping[str, _Found]]) -> bool:
    products = found["products"]
    return "product_name" in products and "product_id" in products


def _best(
    names: Sequence[str], words: Mapping[str, str], fitting: set[str], is_exact: bool
) -> str | None:
    for known in names:
        for name, own in words.items():
            if name not in fitting:
                continue
            # A short name such as id stands in too many others.
            is_alike = len(known) > 4 and f" {known} " in f" {own} "
            # MwSt. and OrderID have no blank between their words.
            is_same = own.replace(" ", "") == known.replace(" ", "")
            if is_same or (not is_exact and is_alike):
                return name
    return None


def _positive_rows(sheet: _Sheet, amount: _Found | None) -> list[dict[str, str]]:
    if amount is None:
        return sheet.rows
    return [row for row in sheet.rows if not _is_negative(row[amount.heading])]


def _is_negative(value: str) -> bool:
    return re.search(r"^\W*[-−(].*\d|\d\s*[-−]$", value) is not None


def _differing(
    rows: Sequence[Mapping[str, str]], key: str, found: Mapping[str, _Found]
) -> list[str]:
    """Return the columns whose filled values differ within one key."""
    differing = []
    for column, each in found.items():
        seen: dict[str, set[str]] = {}
        for row in rows:
            if row[key] and row[each.heading]:
                seen.setdefault(row[key], set()).add(row[each.heading])
        if any(len(values) > 1 for values in seen.values()):
            differing.append(column)
    return differing


def _with_right_price(
    sheet: _Sheet, lines: dict[str, _Found], orders: Mapping[str, _Found]
) -> dict[str, _Found]:
    """Tell the price of a piece from that of a line, where orders have their amount.

    Both are called price. What fits the amounts of more orders is taken: the prices
    added up, or each times its quantity.
    """
    price = lines.get("unit_price") or lines.get("amount")
    wanted = (orders.get("order_id"), orders.get("amount"), lines.get("quantity"))
    order_id, amount, quantity = wanted
    if price is None or order_id is None or amount is None or quantity is None:
        return lines
    if amount.heading == price.heading:
        return lines
    style = _style([*sheet.values[price.heading], *sheet.values[amount.heading]])
    sums: dict[str, tuple[float, float]] = {}
    amounts: dict[str, float] = {}
    for row in sheet.rows:
        key, each = row[order_id.heading], _value(row[price.heading], style)
        pieces = _value(row[quantity.heading], style)
        of_lines, of_pieces = sums.get(key, (0.0, 0.0))
        sums[key] = of_lines + each, of_pieces + each * pieces
        if row[amount.heading]:
            amounts.setdefault(key, _value(row[amount.heading], style))
    by_line = sum(abs(sums[key][0] - total) < 0.02 for key, total in amounts.items())
    by_piece = sum(abs(sums[key][1] - total) < 0.02 for key, total in amounts.items())
    if by_line == by_piece:
        return lines
    others = {
        column: each
        for column, each in lines.items()
        if column not in ("unit_price", "amount")
    }
    right = "amount" if by_line > by_piece else "unit_price"
    return others | {right: _Found(price.heading, price.doubt, is_compared=True)}


def _value(text: str, style: _Style) -> float:
    number = _without_signs(text).replace(style.thousands, "")
    number = re.sub(r"[^\d.]", "", number.replace(style.decimal, "."))
    try:
        return float(number)
    except ValueError:
        return 0.0


def _part_totals(
    sheet: _Sheet, key: str, orders: dict[str, _Found], lines: dict[str, _Found]
) -> None:
    """Leave a total to the orders, or to the lines where it differs within an order."""
    total, of_line = orders.get("amount"), lines.get("amount")
    if total is None or of_line is None or total.heading != of_line.heading:
        return
    if _differing(sheet.rows, key, {"amount": total}):
        del orders["amount"]
    elif "ordered_at" in orders:
        del lines["amount"]


def _fill_down(sheet: _Sheet, heading: str) -> None:
    """Write an order's id on all its rows, where it stands on the first of them."""
    if not sheet.rows[0][heading] or all(row[heading] for row in sheet.rows):
        return
    sheet.gaps.add(heading)
    above = ""
    for row in sheet.rows:
        above = row[heading] or above
        row[heading] = above


def _is_address(sheet: _Sheet, name: str) -> bool:
    return all("@" in value for value in sheet.values[name])


def _clock_beside(sheet: _Sheet, day: str) -> str | None:
    """Return the column of the time of day, where the date has a column of its own."""
    if any(":" in value for value in sheet.values[day]):
        return None
    for name, values in sheet.values.items():
        if values and all(re.fullmatch(r"\d\d?:\d\d.*", value) for value in values):
            return name
    return None


def _base_and_own(names: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the columns of a total in the shop's and in the order's currency."""
    by_words = {words_of(name): name for name in names}
    return by_words.get("grand total base"), by_words.get("grand total purchased")


def _without_signs(value: str) -> str:
    for sign in MONEY_SIGNS:
        value = value.replace(sign, "")
    return re.sub(r"^[\s(+−-]+|[\s)−-]+$", "", value)


def _is_number(value: str) -> bool:
    return re.fullmatch(r"\d[\d.,'’\s\u00a0\u202f]*", _without_signs(value)) is not None


def _are_numbers(values: Sequence[str]) -> bool:
    return sum(map(_is_number, values)) >= 0.9 * len(values)


def _looks_like_times(values: Sequence[str]) -> bool:
    if not values:
        return False
    dated = sum(
        re.search(
            r"\d{4}-\d\d?-\d\d?|\d\d?[./-]\d\d?[./-]\d{2,4}|\d{8}\b|[A-Za-z]{3,}.*\d{4}"
            r"|^\d{10,16}$|^[2-7]\d{4}(\.\d+)?$",
            value,
        )
        is not None
        for value in values
    )
    return dated >= 0.9 * len(values)


def _style(values: Sequence[str]) -> _Style:
    """Find out what separates decimals and thousands, and which signs there are."""
    signs = [sign for sign in MONEY_SIGNS if any(sign in value for value in values)]
    votes: Counter[str] = Counter()
    thousands = ""
    unsure = ""
    for value in values:
        number = _without_signs(value)
        if re.search(r"\d[\s\u00a0\u202f]\d", number):
            thousands = " "
            number = re.sub(r"[\s\u00a0\u202f]", "", number)
        if re.search(r"\d['’]\d", number):
            thousands = "'"
            number = re.sub("['’]", "", number)
        marks = re.findall("[.,]", number)
        if not marks:
            continue
        last = marks[-1]
        if len(set(marks)) == 2:
            votes[last] += 1
            thousands = marks[0]
        elif len(marks) > 1:
            thousands = last
            votes["," if last == "." else "."] += 1
        elif re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", number):
            unsure = last
        else:
            votes[last] += 1
    decimal = votes.most_common(1)[0][0] if votes else "."
    doubt = ""
    if len(votes) > 1:
        doubt = "some numbers have a comma for the decimals, some a point"
    elif unsure and not votes:
        doubt = f"1{unsure}234 may be a thousand, or one and a bit"
        decimal = unsure
    elif unsure and unsure != decimal:
        thousands = unsure
    # A sign within another one, such as $ in US$, goes with it.
    own = tuple(
        sign
        for sign in signs
        if not any(sign != each and sign in each for each in signs)
    )
    return _Style(decimal, thousands if thousands != decimal else "", own, doubt)


def _yaml(text: str) -> str:
    """Write a text as YAML reads it back as the same text."""
    is_plain = re.fullmatch(r"[A-Za-z][\w ()./-]*(?<! )", text) is not None
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    if is_plain and text.casefold() not in words:
        return text
    return json.dumps(text, ensure_ascii=False)
