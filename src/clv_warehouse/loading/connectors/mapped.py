"""Reads files of any shape as a mapping file says."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb

from clv_warehouse.loading.feeds import TIMES, Column
from clv_warehouse.loading.files import listed, suggestion
from clv_warehouse.loading.mapping import FeedMapping, Source, Way, read_mapping
from clv_warehouse.loading.problems import LoadError, Problem
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    LOADED_ORDER,
    LOADED_ROW,
    PLACE,
    Reader,
)
from clv_warehouse.loading.texts import shortened, wrong_encoding
from clv_warehouse.loading.times import (
    TextTimes,
    shop_zone,
    text_times,
    zone_counts,
)
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.sql import first_line, literal, quoted

# Every kind of blank that exports hold, the ones that never break among them.
_BLANKS = r"\s\x{00A0}\x{2009}\x{200B}\x{202F}\x{FEFF}"
_SPELLINGS = {" ": rf"[{_BLANKS}]", "'": "['’]", ".": "[.]", ",": ",", "": ""}


def read(reader: Reader, source: Path, mapping: Path) -> dict[str, str]:
    """Return a query of each feed that the mapping file names, by the feed's name.

    Rows that are left out are reported with their count. Values that cannot be read as
    the mapping says, and orders whose rows contradict each other, go to the reader's
    problems. Raises LoadError where the mapping or a file is wrong.
    """
    mapped = read_mapping(mapping, reader.feeds)
    queries = {}
    with scratch_folder() as scratch:
        files = _Files(reader, source, scratch)
        for feed in mapped:
            _FeedOfFile(reader, feed, files.rows_of(feed, mapped)).write()
            queries[feed.feed.name] = f"from mapped_{feed.feed.name}"
    orders = next(feed for feed in mapped if feed.feed.name == "orders")
    if "order_lines" not in queries and "amount" not in orders.columns:
        raise LoadError(
            f"{orders.place}: no column is the amount, and nothing is order_lines: "
            "nothing says what an order cost. Add one of them."
        )
    if orders.has_negative_refunds:
        if "refunds" in queries:
            raise LoadError(
                f"{orders.place}, negative_amounts: the mapping has refunds of its "
                "own. Keep one of them."
            )
        queries["refunds"] = _REFUNDS
    return queries


_REFUNDS = f"""
    select
        order_id || '-refund-' || row_number() over (
            partition by order_id order by {LOADED_ORDER}
        ) as refund_id,
        order_id,
        ordered_at as refunded_at,
        -amount as amount,
        {PLACE}
    from negative_orders
"""


class _Files:
    """Reads each file once, with the columns that all its feeds need."""

    def __init__(self, reader: Reader, source: Path, scratch: Path) -> None:
        if not source.exists():
            raise LoadError(f"No file or folder {source}. Check the path.")
        self.reader = reader
        self.source = source
        self.scratch = scratch
        self.views: dict[tuple[object, ...], str] = {}

    def rows_of(self, feed: FeedMapping, mapped: Sequence[FeedMapping]) -> str:
        """Return a view of the text of a feed's file, or files where it has parts."""
        paths = self._paths(feed)
        key = (*paths, feed.way.encoding, feed.way.quotes)
        if key not in self.views:
            together = [each for each in mapped if self._paths(each) == paths]
            used = dict.fromkeys(name for each in together for name in each.used)
            columns = [Column(name, is_required=False) for name in used]
            self.views[key] = view = f"mapped_file_{len(self.views)}"
            plain = [plain_copy(path, feed.way, self.scratch) for path in paths]
            found = self.reader.read_files(plain, columns, view)
            for each in together:
                self._require(each, paths[0], found)
        return self.views[key]

    def _require(self, feed: FeedMapping, path: Path, found: Collection[str]) -> None:
        for name in feed.used:
            if name not in found:
                there = [*sorted(found), *self.reader.unread.get(path.name, [])]
                raise LoadError(
                    f"{feed.place}: {path.name} has no column {name}."
                    f"{suggestion(name, there)} It has: {listed(there)}."
                )

    def _paths(self, feed: FeedMapping) -> list[Path]:
        name = feed.way.file
        if name is None:
            if self.source.is_dir():
                there = listed(sorted(path.name for path in self.source.iterdir()))
                raise LoadError(
                    f"{feed.place}: {self.source} is a folder, and no key file says "
                    f"which of its files is {feed.feed.name}. It holds: {there}."
                )
            return [self.source]
        folder = self.source if self.source.is_dir() else self.source.parent
        paths = sorted(path for path in folder.glob(name) if path.is_file())
        if not paths:
            there = listed(sorted(path.name for path in folder.iterdir()))
            raise LoadError(
                f"{feed.place}, file: {folder} has no {name}. It holds: {there}."
            )
        return paths


def plain_copy(path: Path, way: Way, scratch: Path) -> Path:
    """Return a file, or a copy in `scratch` with the usual quotes and encoding.

    Raises LoadError where the encoding is another.
    """
    if way.encoding is None and way.quotes:
        return path
    copy = scratch / path.name
    try:
        # What a line ends with stays, for it may stand within a value.
        with (
            path.open(encoding=way.encoding or "utf-8-sig", newline="") as file,
            copy.open("w", encoding="utf-8", newline="") as plain,
        ):
            plain.writelines(file if way.quotes else _quoted_lines(file))
    except UnicodeDecodeError as error:
        if way.encoding is None:
            raise LoadError(wrong_encoding(path)) from error
        raise LoadError(
            f"{path.name} is not {way.encoding}: byte {error.start + 1} cannot be "
            "read. Say another encoding in the mapping."
        ) from error
    return copy


def _quoted_lines(lines: Iterable[str]) -> Iterator[str]:
    """Write a quote that is plain text as CSV does."""
    for line in lines:
        if '"' not in line:
            yield line
            continue
        delimiter = "\t" if "\t" in line else max(",;|", key=line.count)
        fields = line.rstrip("\r\n").split(delimiter)
        doubled = [field.replace('"', '""') for field in fields]
        yield delimiter.join(f'"{field}"' for field in doubled) + "\n"


class _FeedOfFile:
    """Writes one feed into a table, from the text of its file."""

    def __init__(self, reader: Reader, feed: FeedMapping, text: str) -> None:
        self.reader = reader
        self.feed = feed
        self.types = {column.name: column.data_type for column in feed.feed.columns}
        self.table = f"mapped_{feed.feed.name}"
        self.text = f"{self.table}_text"
        self.zone = feed.way.time_zone or reader.options.time_zone
        self.is_instant = False
        self.dates = (*feed.way.dates, *reader.options.dates)
        reader.connection.execute(
            f"create temp view {self.text} as select * replace ({self._filled()})"
            f" from {text}"
            if feed.way.fill_down
            else f"create temp view {self.text} as from {text}"
        )

    def write(self) -> None:
        """Make the table of the feed; problems go to the reader."""
        self._require_formats()
        self.is_instant = self.zone is not None or self._names_zones()
        execute = self.reader.connection.execute
        kept = self._kept()
        self._check_values(kept)
        select = ", ".join(
            f"{self._value(name, source)} as {quoted(name)}"
            for name, source in self.feed.columns.items()
        )
        execute(
            f"create temp table {self.table} as"
            f" select {select}, {PLACE} from {self.text} where {kept}"
        )
        self._add_words()
        if self.feed.has_negative_refunds:
            execute(
                f"create temp table negative_orders as"
                f" from {self.table} where amount < 0"
            )
            execute(f"delete from {self.table} where amount < 0")
        if self.feed.rows is not None:
            self._one_row_per_key()
        self._add_ids()

    def _require_formats(self) -> None:
        for form in self.feed.way.dates:
            if form in _COUNTED:
                continue
            try:
                self.reader.connection.execute("select try_strptime('', ?)", [form])
            except duckdb.Error as error:
                raise LoadError(
                    f"{self.feed.place}, dates: {form!r} is no format of dates "
                    f"({first_line(error)}). Write one as strptime does, such as "
                    "%d.%m.%Y %H:%M, or excel or unix."
                ) from error

    def _filled(self) -> str:
        return ", ".join(
            f"coalesce({_text(name)}, last_value({_text(name)} ignore nulls)"
            f" over (order by {LOADED_ORDER})) as {quoted(name)}"
            for name in self.feed.way.fill_down
        )

    def _kept(self) -> str:
        """Return the condition of rows that are read; report how many are not."""
        conditions = ["true"]
        for is_kept, rules in (
            (True, self.feed.keep_only),
            (False, self.feed.leave_out),
        ):
            for column, values in rules.items():
                listed = ", ".join(
                    literal(value.strip().casefold()) for value in values
                )
                among = f"coalesce(lower({_text(column)}), '') in ({listed})"
                condition = among if is_kept else f"not ({among})"
                self._report_left_out(column, values, condition, is_kept)
                conditions.append(condition)
        return " and ".join(conditions)

    def _report_left_out(
        self, column: str, values: Sequence[str], condition: str, is_kept: bool
    ) -> None:
        ((left_out, there),) = self.reader.connection.execute(
            f"select count_if(not ({condition})), count(*) from {self.text}"
        ).fetchall()
        said = "is not" if is_kept else "is"
        words = " or ".join(value or "blank" for value in values)
        self.reader.note(
            f"{self.feed.feed.name}: {left_out:,} of {there:,} rows left out, whose "
            f"{column} {said} {words}"
        )
        if left_out == there:
            raise LoadError(
                f"{self.feed.place}, {'keep_only' if is_kept else 'leave_out'}, "
                f"{column}: no row is left. The column holds: "
                f"{', '.join(self._values_of(column))}."
            )

    def _values_of(self, column: str) -> list[str]:
        rows = self.reader.connection.execute(
            f"select coalesce({_text(column)}, 'blanks') as value, count(*)"
            f" from {self.text} group by value order by 2 desc, 1 limit 8"
        ).fetchall()
        return [value for value, _ in rows]

    def _check_values(self, kept: str) -> None:
        """Find the values that are no numbers or times as the mapping writes them."""
        # By what messages call a value and its type: the SQL of its text.
        texts: dict[tuple[str, str], str] = {}
        for name, source in self.feed.columns.items():
            data_type = self.types[name]
            if data_type == "varchar":
                continue
            if source.how == "join":
                texts[" and ".join(source.columns), data_type] = _joined(source.columns)
                continue
            for column in source.all_columns:
                texts[column, data_type] = _text(column)
        wrong = {
            key: f"{self._read(text, key[1])} is null and {text} is not null"
            for key, text in texts.items()
        }
        if not wrong:
            return
        counts = ", ".join(f"count_if({condition})" for condition in wrong.values())
        (found,) = self.reader.connection.execute(
            f"select {counts} from {self.text} where {kept}"
        ).fetchall()
        for (key, condition), count in zip(wrong.items(), found, strict=True):
            if count:
                where = f"({kept}) and {condition}"
                self._report_wrong(*key, texts[key], where, count)

    def _report_wrong(
        self, column: str, data_type: str, text: str, condition: str, count: int
    ) -> None:
        kind = "timestamp" if data_type in TIMES else "number"
        ((file, row, value),) = self.reader.connection.execute(
            f"select loaded_file, {LOADED_ROW}, {text} from {self.text}"
            f" where {condition} order by {LOADED_ORDER} limit 1"
        ).fetchall()
        more = f" ({count:,} such values in all)" if count > 1 else ""
        message = (
            f"{file}, row {row:,}, column {column}: {shortened(value)} is no "
            f"{self._expected(kind)}{more}. Mend it in the file, or say in "
            f"{self.feed.place} {_HINTS[kind]}."
        )
        self.reader.problems.append(Problem(file, message, column, row, value, count))

    def _expected(self, kind: str) -> str:
        way = self.feed.way
        if kind == "timestamp":
            return (
                f"time as {' or '.join(self.dates)}"
                if self.dates
                else ("time such as 2024-12-31 17:45:00")
            )
        thousands = f", thousands {way.thousands!r}" if way.thousands else ""
        return f"number with decimal {way.decimal!r}{thousands}"

    def _value(self, name: str, source: Source) -> str:
        data_type = self.types[name]
        if source.how == "value":
            return f"cast({literal(source.value or '')} as {data_type})"
        if source.how == "join":
            return self._read(_joined(source.columns), data_type)
        values = [self._read(_text(column), data_type) for column in source.columns]
        value = values[0]
        if source.how == "first_of":
            value = f"coalesce({', '.join(values)})"
        if source.how == "sum":
            # Blank counts as nothing, unless all are blank.
            added = " + ".join(f"coalesce({each}, 0)" for each in values)
            value = f"if(coalesce({', '.join(values)}) is null, null, {added})"
        for column in source.minus:
            value += f" - coalesce({self._read(_text(column), data_type)}, 0)"
        if source.times is not None:
            value = f"({value}) * {self._read(_text(source.times), data_type)}"
        if source.over is not None:
            over = self._read(_text(source.over), data_type)
            value = f"cast({value} as double) / nullif({over}, 0)"
            if source.times is not None:
                # Money of another currency: it was cents before, and is cents after.
                value = f"round({value}, 2)"
        return value if value in values else f"cast({value} as {data_type})"

    def _read(self, text: str, data_type: str) -> str:
        if data_type == "varchar":
            return text
        if data_type == "timestamp":
            return self._time(text)
        if data_type == "date":
            # A day that names no zone stays what it is.
            return f"cast({self._time(text, shop_zone())} as date)"
        return f"try_cast({_number(text, self.feed.way)} as {data_type})"

    def _time(self, text: str, zone: str | None = None) -> str:
        """Read a time: an instant where its zone is known, else the shop's clock."""
        times = self._times(text, zone)
        return times.instant if self.is_instant else times.clock

    def _times(self, text: str, zone: str | None = None) -> TextTimes:
        formats = [form for form in self.dates if form not in _COUNTED]
        for form in self.dates:
            if form in _COUNTED:
                counted = _COUNTED[form].format(text=f"try_cast({text} as double)")
                text = f"coalesce({counted}, {text})"
        return text_times(text, formats, zone or self.zone or shop_zone())

    def _names_zones(self) -> bool:
        """Whether a time names its offset; the reader keeps which ones there are."""
        for name, source in self.feed.columns.items():
            if self.types[name] not in TIMES:
                continue
            is_joined = source.how == "join"
            for column in source.columns[:1] if is_joined else source.columns:
                text = _joined(source.columns) if is_joined else _text(column)
                found = self.reader.connection.execute(
                    f"select loaded_file, {self._times(text).zones}"
                    f" from {self.text} group by loaded_file"
                ).fetchall()
                for file, zones in found:
                    if zones:
                        self.reader.zones[file, column] = zone_counts(zones)
                        self.is_instant = True
        return self.is_instant

    def _add_words(self) -> None:
        """Write the meaning of statuses that the mapping describes, and line types."""
        if self.feed.statuses:
            cases = " ".join(
                f"when {literal(word)} then {literal(meaning)}"
                for word, meaning in self.feed.statuses.items()
            )
            self.reader.connection.execute(
                f"update {self.table} set status = case lower(status) {cases}"
                " else status end"
            )
        if self.feed.line_types:
            if "line_type" not in self.feed.columns:
                self.reader.connection.execute(
                    f"alter table {self.table} add column line_type varchar"
                )
            cases = " ".join(
                f"when {literal(code)} then {literal(line_type)}"
                for code, line_type in self.feed.line_types.items()
            )
            self.reader.connection.execute(
                f"update {self.table} set line_type = case product_id {cases}"
                " else coalesce(line_type, 'product') end"
            )

    def _one_row_per_key(self) -> None:
        """Make one row of all rows of an order or product, in the order of the file."""
        values = []
        same = []
        key = ", ".join(self.feed.feed.key)
        for name, source in self.feed.columns.items():
            column, rows = quoted(name), source.rows or self.feed.rows
            if name in self.feed.feed.key:
                continue
            if rows == "add":
                values.append(f"sum({column}) as {column}")
            else:
                values.append(f"arg_min({column}, {LOADED_ORDER}) as {column}")
            if rows == "same":
                same.append(name)
        self._check_same(same, key)
        self.reader.connection.execute(
            f"create or replace temp table {self.table} as"
            f" select {', '.join([key, *values])}, {FIRST_PLACE}"
            f" from {self.table} where ({key}) is not null group by {key}"
            f" union all by name from {self.table} where ({key}) is null"
        )

    def _check_same(self, names: Sequence[str], key: str) -> None:
        for name in names:
            rows = self.reader.connection.execute(
                f"select concat_ws(', ', {key}) from {self.table}"
                f" where ({key}) is not null"
                f" group by {key} having count(distinct {quoted(name)}) > 1"
                f" order by min({LOADED_ORDER})"
            ).fetchall()
            if rows:
                message = (
                    f"{self.feed.place}, rows: same: {len(rows):,} of {key} have rows "
                    f"that differ in {name}, such as {rows[0][0]}. Say rows: first or "
                    f"rows: add for {name}, or mend the file."
                )
                place = self.feed.place
                self.reader.problems.append(Problem(place, message, count=len(rows)))

    def _add_ids(self) -> None:
        """Give rows an id of their content where the mapping names no column for it.

        Alike rows are numbered, so that two equal purchases stay two, and a second load
        gives the same ids.
        """
        name = {"orders": "order_id", "refunds": "refund_id"}.get(self.feed.feed.name)
        if name is None or name in self.feed.columns:
            return
        content = ", ".join(
            f"cast({quoted(column)} as varchar)" for column in self.feed.columns
        )
        self.reader.connection.execute(
            f"create or replace temp table {self.table} as"
            f" select md5(concat_ws('|', {content})) || '-' || row_number() over ("
            f"partition by {content} order by {LOADED_ORDER}) as {name}, *"
            f" from {self.table}"
        )


_HINTS = {
    "timestamp": 'how dates are written, such as dates: "%d.%m.%Y %H:%M"',
    "number": "how numbers are written, with decimal, thousands and money_signs",
}
# Excel counts days since 1899-12-30, Unix seconds since 1970; milliseconds and
# microseconds are told by their size, for seconds as large lie beyond the year 5000.
_COUNTED = {
    "excel": "strftime(timestamp '1899-12-30' + to_seconds(round({text} * 86400)),"
    " '%Y-%m-%d %H:%M:%S')",
    "unix": "strftime(make_timestamp(cast("
    "case when abs({text}) < 1e11 then {text} * 1e6"
    " when abs({text}) < 1e14 then {text} * 1e3 else {text} end as bigint)),"
    " '%Y-%m-%d %H:%M:%S+00:00')",
}


def _text(column: str) -> str:
    return f"nullif(trim({quoted(column)}), '')"


def _joined(columns: Sequence[str]) -> str:
    texts = ", ".join(_text(column) for column in columns)
    return f"nullif(concat_ws(' ', {texts}), '')"


def _number(text: str, way: Way) -> str:
    """Write the SQL that reads a number as a mapping says it is written."""
    for sign in way.money_signs:
        text = f"replace({text}, {literal(sign)}, '')"
    # Blanks beside a sign say nothing; (5.00) and 5.00- are how books write -5.00.
    for pattern, by in (
        (rf"^[{_BLANKS}]+|[{_BLANKS}]+$", ""),
        (rf"^([-+−])[{_BLANKS}]*", r"\1"),
        (r"^[(](.*)[)]$", r"-\1"),
        (rf"^(.*[0-9])[{_BLANKS}]*[-−]$", r"-\1"),
        ("−", "-"),
    ):
        text = f"regexp_replace({text}, {literal(pattern)}, {literal(by)}, 'g')"
    decimals = rf"({re.escape(way.decimal)}[0-9]*)?"
    form = rf"[-+]?[0-9]+{decimals}|[-+]?{re.escape(way.decimal)}[0-9]+"
    value = text
    if way.thousands:
        thousands = _SPELLINGS[way.thousands]
        form += rf"|[-+]?[0-9]{{1,3}}({thousands}[0-9]{{3}})+{decimals}"
        value = f"regexp_replace({text}, {literal(thousands)}, '', 'g')"
    if way.decimal != ".":
        value = f"replace({value}, {literal(way.decimal)}, '.')"
    return (
        f"case when regexp_full_match({text}, {literal(form)})"
        f" then try_cast({value} as decimal(38, 6)) end"
    )
