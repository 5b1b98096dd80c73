"""Reads a shop's files into typed views, and says what is wrong with a file."""

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from clv_warehouse.loading.feeds import Column, Feed
from clv_warehouse.loading.files import kind_of, listed, require_file, suggestion
from clv_warehouse.loading.options import AS_USUAL, Options
from clv_warehouse.loading.problems import LoadError, Problem
from clv_warehouse.loading.texts import (
    TextFile,
    distinct_names,
    file_literal,
    open_text,
    plain_name,
    shortened,
    what_is_wrong_with,
)
from clv_warehouse.loading.times import (
    TextTimes,
    ZoneCounts,
    shop_zone,
    text_times,
    zone_counts,
)
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.report import Report
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.sql import first_line, literal, quoted

# Where a row comes from: its file, its place there as a person counts, and a running
# number over all that a load reads. Every view and every table of schema raw has them.
LOADED_FILE = "loaded_file"
LOADED_ROW = "loaded_row"
LOADED_ORDER = "loaded_order"
PROVENANCE = {LOADED_FILE: "varchar", LOADED_ROW: "bigint", LOADED_ORDER: "bigint"}
PLACE = ", ".join(PROVENANCE)
# The place of a row that stands for a group of rows is that of the first of them.
FIRST_PLACE = f"""
    arg_min({LOADED_FILE}, {LOADED_ORDER}) as {LOADED_FILE},
    arg_min({LOADED_ROW}, {LOADED_ORDER}) as {LOADED_ROW},
    min({LOADED_ORDER}) as {LOADED_ORDER}
"""

# A column of such a name holds the id that seems to be missing.
_NAME_OF_ORDER = re.compile(
    "(order|invoice|transaction|receipt|sale)s?(id|no|nr|num|number|key|name|ref|code)?#?"
)
_PLACE = '"place in file"'
_ROWS_PER_BATCH = 50_000
_SECONDS_BETWEEN_REPORTS = 5.0

_EXPECTED = {
    "timestamp": "a date or time such as 2024-12-31, 2024-12-31 17:45:00 or "
    "2024-12-31 17:45:00 +01:00",
    "date": "a day such as 2024-12-31",
    "integer": "a whole number such as 12",
    "bigint": "a whole number such as 12",
    "decimal": "a number such as 12.50, without separators or signs of currency, "
    "that {type} can hold",
}
_FLOATS = {"FLOAT", "DOUBLE"}
_NUMBERS = _FLOATS | {
    "DECIMAL",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}


@dataclass(frozen=True)
class _FileTable:
    """Rows that are not checked yet.

    Messages call it `label`. `sql` stands in a from clause, and `types` are DuckDB's
    types by column. `place_sql` counts the rows from 1; `row_sql` makes of that number,
    _PLACE, the row as a person counts it in the file. `text` is the file that is read,
    if it is one of text.
    """

    label: str
    sql: str
    types: dict[str, str]
    place_sql: str = "row_number() over ()"
    row_sql: str = _PLACE
    text: TextFile | None = None

    @property
    def placed_sql(self) -> str:
        return f"(select *, {self.place_sql} as {_PLACE} from {self.sql})"


@dataclass(frozen=True)
class _Cast:
    """SQL that reads a column as its type, and SQL that is true if it cannot.

    Where text holds times, `times` has what reads them.
    """

    column: Column
    found: str
    sql: str
    is_wrong_sql: str | None
    way_out: str = "Mend it in the file."
    times: TextTimes | None = None
    expected: str = ""


@dataclass(frozen=True)
class _Part:
    """A checked table, with the columns found in it and how to read them."""

    table: _FileTable
    casts: dict[str, _Cast]
    rows: int


class Reader:
    """Reads files into temporary views that have exactly the columns asked for.

    The views live in `connection`. Each has three more columns, those of PROVENANCE.
    `feeds` are the shop's feeds; `report` takes lines of progress. `rows_read` counts
    the rows of all views, which is where LOADED_ORDER goes on. A with statement removes
    the copies of files that had to be unpacked or converted.

    Values that cannot be read are null in the views. `problems` names them, one per
    file and column, so that all are known at once; a load ends with them before it
    writes anything. `doubts` are what may be wrong though it can be read. `unread` are
    the columns that nobody asked for, by file. `notes` are what a person should know of
    how the source was read.

    A view has a time as TIMESTAMP, which is the shop's clock, or as TIMESTAMPTZ, an
    instant, where a value of its column names an offset or zone. `zones` counts these,
    by file and column.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        feeds: tuple[Feed, ...],
        report: Report,
        options: Options = AS_USUAL,
        rows_read: int = 0,
    ) -> None:
        self.connection = connection
        self.feeds = feeds
        self.report = report
        self.options = options
        self.rows_read = rows_read
        self.problems: list[Problem] = []
        self.doubts: list[Problem] = []
        self.unread: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self.zones: dict[tuple[str, str], ZoneCounts] = {}
        for form in options.dates:
            self._require_date_format(form)
        self._copies = ExitStack()
        self._scratch_folder: Path | None = None

    def note(self, text: str) -> None:
        """Keep a sentence for the findings of a check, and report it."""
        self.notes.append(text)
        self.report(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._copies.close()
        self._scratch_folder = None

    def read_file(self, path: Path, columns: Sequence[Column], view: str) -> set[str]:
        """Make `view` from a file; return the names of the columns that it has.

        The file is Parquet, or values separated by commas, semicolons, tabs or bars, as
        UTF-8 or UTF-16, also packed by gzip. An optional column that it lacks is null.
        Raises LoadError if the file cannot be read, lacks a required column or has no
        rows. Values that do not fit the type of their column go to `problems`.
        """
        return self.read_files([path], columns, view)

    def read_files(
        self,
        paths: Sequence[Path],
        columns: Sequence[Column],
        view: str,
        folder: Path | None = None,
    ) -> set[str]:
        """Make `view` from files that are parts of one table, in their order.

        Messages name them as seen from `folder`. Raises LoadError as read_file does,
        with a line for each wrong part, and where one part has a column that another
        lacks.
        """
        parts, wrong = [], []
        for path in paths:
            label = str(path.relative_to(folder)) if folder else path.name
            try:
                parts.append(self._checked_file(path, label, columns))
            except LoadError as error:
                wrong.append(str(error))
        if wrong:
            raise LoadError("\n".join(wrong))
        _require_same_columns(parts)
        self._make_view(parts, columns, view)
        return set(parts[0].casts)

    def columns_of(self, path: Path) -> list[str]:
        """Return the names of a file's columns, in its order.

        A connector recognises a file by them. Raises LoadError if the file cannot be
        read.
        """
        return list(self._file_table(path, path.name, []).types)

    def read_rows(
        self,
        label: str,
        names: Sequence[str],
        rows: Iterable[tuple[int, Sequence[str | None]]],
        columns: Sequence[Column],
        view: str,
    ) -> None:
        """Make `view` from numbered rows of text, each with as many fields as `names`.

        Messages call their origin `label`. Raises LoadError as read_file does.
        """
        _, *names = distinct_names([LOADED_ROW, *names])
        schema = pa.schema([(name, pa.string()) for name in names])
        schema = schema.append(pa.field(LOADED_ROW, pa.int64()))
        target = f"{view}_text"
        types = [f"{quoted(name)} varchar" for name in names]
        types.append(f"{LOADED_ROW} bigint")
        self.connection.execute(f"create temp table {target} ({', '.join(types)})")
        remaining = iter(rows)
        while batch := list(islice(remaining, _ROWS_PER_BATCH)):
            columns_of_batch = [*zip(*(row for _, row in batch), strict=True)]
            columns_of_batch.append(tuple(number for number, _ in batch))
            arrow = pa.Table.from_arrays(
                [
                    pa.array(values, field.type)
                    for values, field in zip(columns_of_batch, schema, strict=True)
                ],
                schema=schema,
            )
            self.connection.register("batch", arrow)
            self.connection.execute(f"insert into {target} from batch")
            self.connection.unregister("batch")
        types_by_name = dict.fromkeys(names, "VARCHAR")
        table = _FileTable(label, target, types_by_name, row_sql=LOADED_ROW)
        self._make_view([self._checked(table, columns)], columns, view)

    def _checked_file(self, path: Path, label: str, columns: Sequence[Column]) -> _Part:
        table = self._file_table(path, label, columns)
        try:
            return self._checked(table, columns)
        except duckdb.Error as error:
            if table.text is None:
                raise _no_parquet(path, error) from error
            raise LoadError(
                what_is_wrong_with(table.text, self.connection, error)
            ) from error

    def _file_table(
        self, path: Path, label: str, columns: Sequence[Column]
    ) -> _FileTable:
        require_file(path)
        kind = kind_of(path)
        if kind is None:
            raise LoadError(
                f"{path} is neither .csv nor .parquet. Save it as one of them."
            )
        if kind == ".parquet":
            return self._parquet_table(path, label)
        text = open_text(path, columns, self._scratch())
        types = dict.fromkeys(text.names, "VARCHAR")
        # What precedes the header, and the header itself, are rows of the file.
        row_sql = f"{_PLACE} + {text.skipped + 1}"
        return _FileTable(label, text.sql(), types, row_sql=row_sql, text=text)

    def _parquet_table(self, path: Path, label: str) -> _FileTable:
        sql = f"read_parquet({file_literal(path)}, hive_partitioning = false)"
        try:
            described = self.connection.execute(f"describe from {sql}").fetchall()
        except duckdb.Error as error:
            raise _no_parquet(path, error) from error
        types = {name: data_type for name, data_type, *_ in described}
        return _FileTable(label, sql, types, place_sql="file_row_number + 1")

    def _scratch(self) -> Path:
        if self._scratch_folder is None:
            self._scratch_folder = self._copies.enter_context(scratch_folder())
        return self._scratch_folder

    def _make_view(
        self, parts: Sequence[_Part], columns: Sequence[Column], view: str
    ) -> None:
        selects = []
        for part in parts:
            values = [
                f"{_sql_of(part, column)} as {quoted(column.name)}"
                for column in columns
            ]
            values += [
                f"{literal(part.table.label)} as {LOADED_FILE}",
                f"{part.table.row_sql} as {LOADED_ROW}",
                f"{self.rows_read} + {_PLACE} as {LOADED_ORDER}",
            ]
            selects.append(f"select {', '.join(values)} from {part.table.placed_sql}")
            self.rows_read += part.rows
        query = " union all ".join(selects)
        made = [
            column
            for column in columns
            if column.made_from and column.name not in parts[0].casts
        ]
        for column in made:
            others = [each for each in columns if each.name in parts[0].casts]
            sql = made_id(column, others)
            query = f"select * replace ({sql} as {quoted(column.name)}) from ({query})"
        self.connection.execute(f"create temp view {view} as {query}")
        for column in made:
            self._say_what_is_made(column, parts, view)

    def _say_what_is_made(
        self, column: Column, parts: Sequence[_Part], view: str
    ) -> None:
        """Say that rows have no id, and which may be counted twice for that."""
        label = listed(part.table.label for part in parts)
        self.note(
            f"{label}: no column {column.name}, so each row counts as one of its own "
            f"and its id is made from {listed(column.made_from)}"
        )
        if len(parts) == 1:
            return
        content = listed(map(quoted, column.made_from))
        ((rows, files),) = self.connection.execute(
            f"select count(*), min(files) from (select count(distinct {LOADED_FILE}),"
            f" string_agg(distinct {LOADED_FILE}, ' and ' order by {LOADED_FILE})"
            f" from {view} group by {content}) as alike(number, files)"
            " where number > 1"
        ).fetchall()
        if rows:
            message = (
                f"{files}: {rows:,} rows stand in more than one of the files. Without "
                f"{column.name} each of them counts: if the exports overlap, leave out "
                "of one file what another has."
            )
            self.doubts.append(Problem(label, message, count=rows))
            self.report(message)

    def _checked(self, table: _FileTable, columns: Sequence[Column]) -> _Part:
        found = _find_columns(table, columns)
        ignored = sorted(set(table.types) - set(found.values()))
        if ignored:
            self.unread[table.label] = ignored
            self.report(f"{table.label}: columns not read: {listed(ignored)}")
        if table.text is not None and table.text.skipped:
            self.note(
                f"{table.label}: not read before the header: {table.text.skipped} lines"
            )
        casts = {
            column.name: self._cast(column, name, table.types[name])
            for column in columns
            if (name := found.get(column.name)) is not None
        }
        rows = self._check_values(table, list(casts.values()))
        casts = {name: self._zoned(table, cast) for name, cast in casts.items()}
        part = _Part(table, casts, rows)
        self._doubt_swallowed_rows(part)
        return part

    def _require_date_format(self, form: str) -> None:
        try:
            self.connection.execute("select try_strptime('', ?)", [form])
        except duckdb.Error:
            is_format = False
        else:
            is_format = "%" in form
        if not is_format:
            raise LoadError(
                f"--dates {form} is no format of dates. Write one as strptime does, "
                "such as %d/%m/%Y or '%d.%m.%Y %H:%M'."
            )

    def _cast(self, column: Column, name: str, found_type: str) -> _Cast:
        if not column.is_time:
            return _cast(column, name, found_type)
        told = replace(column, formats=(*column.formats, *self.options.dates))
        if column.data_type == "date":
            return _day_cast(told, name, found_type)
        zone = column.time_zone or self.options.time_zone
        return _time_cast(replace(told, time_zone=zone), name, found_type)

    def _zoned(self, table: _FileTable, cast: _Cast) -> _Cast:
        """Read a column as instants if one of its values names a zone."""
        if cast.times is None or (table.label, cast.found) not in self.zones:
            return cast
        return replace(cast, sql=cast.times.instant)

    def _check_values(self, table: _FileTable, casts: Sequence[_Cast]) -> int:
        """Count the rows; values that do not fit go to `problems`."""
        checked = [cast for cast in casts if cast.is_wrong_sql]
        # Counting reads all text, which finds ragged rows and wrong encodings.
        counts = ["count(*)"]
        counts += [f"count_if({cast.is_wrong_sql})" for cast in checked]
        timed = [cast for cast in casts if cast.times is not None]
        counts += [cast.times.zones for cast in timed if cast.times is not None]
        counts += [
            f"count({quoted(cast.found)})"
            for cast in casts
            if cast.is_wrong_sql is None
        ]
        query = f"select {', '.join(counts)} from {table.sql}"
        with progress(self.connection, f"checking {table.label}", self.report):
            ((rows, *results),) = self.connection.execute(query).fetchall()
        if rows == 0:
            raise LoadError(
                f"{table.label} has a header but no rows. "
                "Fill it, or leave the file out where the feed is optional."
            )
        for cast, wrong in zip(checked, results[: len(checked)], strict=True):
            if wrong:
                self.problems.append(self._first_wrong_value(table, cast, wrong))
        for cast, zones in zip(timed, results[len(checked) :], strict=False):
            if zones:
                self.zones[table.label, cast.found] = zone_counts(zones)
        self.report(f"{table.label}: {rows:,} rows checked")
        return int(rows)

    def _first_wrong_value(self, table: _FileTable, cast: _Cast, wrong: int) -> Problem:
        ((row, value),) = self.connection.execute(
            f"select {table.row_sql}, cast({quoted(cast.found)} as varchar)"
            f" from {table.placed_sql}"
            f" where {cast.is_wrong_sql} order by {_PLACE} limit 1"
        ).fetchall()
        more = f" ({wrong:,} such values in all)" if wrong > 1 else ""
        message = (
            f"{table.label}, row {row:,}, column {cast.found}: {shortened(value)} "
            f"is not {cast.expected or _expected(cast.column)}{more}. {cast.way_out}"
        )
        return Problem(table.label, message, cast.found, row, value, wrong)

    def _doubt_swallowed_rows(self, part: _Part) -> None:
        """Tell of quoted values that hold what look like rows of the file.

        A stray quote before `6 inch ruler` makes one value of all up to the next
        quote. A line within a value looks like a row if it has as many separators as
        the header (the last line: as many as stand before the value's column), and if
        what would be its dates and numbers are some. Other texts of several lines are
        not doubted.
        """
        text = part.table.text
        if text is None or text.lines - text.skipped - 1 <= part.rows:
            return
        swallowed = self.connection.execute(_swallowed_sql(part, text)).fetchall()
        if not swallowed:
            return
        ((count, place, number, value),) = swallowed
        before = " + ".join(
            f"coalesce(sum(len({name}) - len(replace({name}, chr(10), ''))), 0)"
            for name in map(quoted, text.names)
        )
        ((line_ends,),) = self.connection.execute(
            f"select {before} from {part.table.placed_sql} where {_PLACE} < {place}"
        ).fetchall()
        line = text.skipped + 1 + place + int(line_ends)
        column = text.names[number - 1]
        message = (
            f"{part.table.label}: the file has {part.rows + count:,} rows and "
            f"{part.rows:,} were read. Near line {line:,}, a quote in column {column} "
            f"takes the rows up to the next quote as one value: {shortened(value)}. "
            "Take the quote out, or write quotes within values twice and quotes around "
            "them, then load again."
        )
        self.doubts.append(
            Problem(part.table.label, message, column, line, value, count)
        )
        self.report(message)


@contextmanager
def progress(
    connection: duckdb.DuckDBPyConnection, what: str, report: Report
) -> Iterator[None]:
    """Report every few seconds how far the connection's running query is."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(_SECONDS_BETWEEN_REPORTS):
            percent = connection.query_progress()
            if percent > 0:
                report(f"{what}: {percent:.0f} %")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _find_columns(table: _FileTable, columns: Sequence[Column]) -> dict[str, str]:
    """Match the columns to the table's names, as {column: its name there}.

    Case, blanks and the signs _ and - do not matter: "Order ID" is order_id.
    """
    there = defaultdict(list)
    for name in table.types:
        there[plain_name(name)].append(name)
    found = {}
    missing = []
    for column in columns:
        names = [plain_name(name) for name in (column.name, *column.aliases)]
        present = next((there[name] for name in names if name in there), [])
        if len(present) > 1:
            raise LoadError(
                f"{table.label} has two columns named {column.name}: "
                f"{listed(present)}. Rename or remove one."
            )
        if present:
            found[column.name] = present[0]
        elif column.is_required and not can_be_made(column, there):
            missing.append(column.name)
    if missing:
        names = list(table.types)
        raise LoadError(
            f"{table.label} has no column {listed(missing)}."
            f"{suggestion(missing[0], names, least=0.75)} It has: {listed(names)}. "
            "Rename the columns, or let a mapping name them: scripts/load.py folder "
            "FOLDER --suggest writes a draft."
        )
    return found


def can_be_made(column: Column, there: Mapping[str, object]) -> bool:
    """Whether the file has what an id is made from, and no id by another name."""
    sources = {plain_name(name) for name in column.made_from}
    others = there.keys() - sources
    return (
        bool(sources)
        and sources <= there.keys()
        and not any(
            _NAME_OF_ORDER.fullmatch(name)
            or get_close_matches(plain_name(column.name), [name], cutoff=0.8)
            for name in others
        )
    )


def made_id(column: Column, others: Sequence[Column]) -> str:
    """Write the id of a row that has none: of its content, and a number among equals.

    A row keeps its id when it is loaded again, whichever files hold it and whatever
    else has been added to them.
    """
    content = [each for each in others if each.name in column.made_from]
    rest = [quoted(each.name) for each in others if each not in content]
    values = [f"try_cast({quoted(each.name)} as {each.data_type})" for each in content]
    texts = [f"coalesce(cast({value} as varchar), '')" for value in values]
    joined = " || '|' || ".join(texts)
    order = listed([*rest, LOADED_ORDER])
    number = f"row_number() over (partition by {listed(texts)} order by {order})"
    return f"'row-' || md5({joined}) || '-' || {number}"


def _require_same_columns(parts: Sequence[_Part]) -> None:
    for part in parts:
        for other in parts:
            for name in other.casts:
                if name not in part.casts:
                    raise LoadError(
                        f"{part.table.label} has no column {name}, which "
                        f"{other.table.label} has, and both are parts of one table. "
                        f"Add the column to {part.table.label}; it may be empty."
                    )


def _swallowed_sql(part: _Part, text: TextFile) -> str:
    """Write a query of the lines within values that look like rows of the file.

    It has one row, or none: their count, and the place, column number and text of the
    first value that holds any.
    """
    width = len(text.names)
    values = ", ".join(
        f"{{'number': {number}, 'value': {quoted(name)}}}"
        for number, name in enumerate(text.names, start=1)
    )
    holds_line_end = " or ".join(
        f"contains({quoted(name)}, chr(10))" for name in text.names
    )
    fields = ", ".join(
        f"nullif(fields[{number}], '') as {quoted(name)}"
        for number, name in enumerate(text.names, start=1)
    )
    # Only what is a date or a number can speak against prose with as many commas.
    typed = [cast for cast in part.casts.values() if cast.is_wrong_sql is not None]
    fits = " and ".join(f"not coalesce({cast.is_wrong_sql}, false)" for cast in typed)
    some = " or ".join(f"{cast.sql} is not null" for cast in typed)
    likely = f"{fits} and ({some})" if typed else f"separators = {width - 1}"
    return f"""
        with cells as (
            select {_PLACE}, unnest([{values}]) as cell
            from {part.table.placed_sql}
            where {holds_line_end}
        ),

        lines as (
            select
                {_PLACE},
                cell.number,
                cell.value,
                string_split(cell.value, chr(10)) as lines,
                unnest(range(2, len(lines) + 1)) as i
            from cells
            where contains(cell.value, chr(10))
        ),

        split_lines as (
            select
                *,
                string_split(rtrim(lines[i], chr(13)), {literal(text.delimiter)})
                    as fields,
                len(fields) - 1 as separators
            from lines
        ),

        candidates as (
            select {_PLACE}, number, value, separators, {fields}
            from split_lines
            where
                separators = {width - 1}
                or (i = len(lines) and number > 1 and separators = number - 1)
        )

        select
            count(*),
            min({_PLACE}),
            arg_min(number, {_PLACE}),
            arg_min(value, {_PLACE})
        from candidates
        where {likely}
        having count(*) > 0
    """


def _sql_of(part: _Part, column: Column) -> str:
    cast = part.casts.get(column.name)
    return cast.sql if cast else f"cast(null as {column.data_type})"


def _no_parquet(path: Path, error: duckdb.Error) -> LoadError:
    return LoadError(
        f"{path} cannot be read as Parquet; it may be truncated. Get it "
        f"again. ({first_line(error)})"
    )


def _cast(column: Column, name: str, found_type: str) -> _Cast:
    """Write the SQL that reads a column of `found_type` as the type of `column`.

    It trims text before the cast, and blank text becomes null. The trim also keeps
    DuckDB from moving the cast into its CSV reader, where one unreadable value would be
    an error for the whole file.
    """
    value = quoted(name)
    base = found_type.partition("(")[0]
    target = column.data_type
    if column.is_id:
        return _id_cast(column, name, found_type)
    if target == "varchar":
        as_text = f"cast({value} as varchar)"
        if found_type.endswith("]"):
            as_text = sql_of("list_text", value)
        if base in _FLOATS:
            as_text = f"regexp_replace({as_text}, '\\.0$', '')"
        return _Cast(column, name, as_text, None)
    if found_type.casefold() == target:
        return _Cast(column, name, f"cast({value} as {target})", None)
    if base in _NUMBERS:
        given = value
        sql = f"try_cast({value} as {target})"
    else:
        given = f"nullif(trim(cast({value} as varchar)), '')"
        sql = f"try_cast({given} as {target})"
    is_wrong = f"{sql} is null and {given} is not null"
    if target in ("integer", "bigint"):
        is_wrong = f"({is_wrong}) or try_cast({given} as double) <> {sql}"
    way_out = "Mend it in the file, or name its decimal sign in a mapping (--suggest)."
    return _Cast(column, name, sql, is_wrong, way_out)


def _time_cast(column: Column, name: str, found_type: str) -> _Cast:
    """Write the SQL that reads a column as times of the shop's clock, or as instants.

    They are instants where the type says so, and where another clock than the shop's
    showed them.
    """
    value = quoted(name)
    base = found_type.partition("(")[0]
    zone = column.time_zone or shop_zone()
    if base.startswith("TIMESTAMP") and ("TZ" in base or "ZONE" in base):
        return _Cast(column, name, f"cast({value} as timestamptz)", None)
    if base.startswith(("DATE", "TIMESTAMP")):
        clock = f"cast({value} as timestamp)"
        instant = f"timezone('UTC', {sql_of('clock_to_utc', clock, zone)})"
        sql = clock if zone == shop_zone() else instant
        return _Cast(column, name, sql, None)
    given = f"nullif(trim(cast({value} as varchar)), '')"
    times = text_times(given, column.formats, zone)
    return _Cast(
        column,
        name,
        times.clock if zone == shop_zone() else times.instant,
        f"{times.clock} is null and {given} is not null",
        "Mend it in the file, or say how its dates are written, such as "
        "--dates %d/%m/%Y.",
        times,
    )


def _day_cast(column: Column, name: str, found_type: str) -> _Cast:
    """Write the SQL that reads a column as days: a day that names no zone stays."""
    cast = _time_cast(column, name, found_type)
    days = f"cast({cast.sql} as date)"
    if cast.times is None:
        return replace(cast, sql=days)
    times = replace(cast.times, instant=f"cast({cast.times.instant} as date)")
    return replace(cast, sql=days, times=times)


def _id_cast(column: Column, name: str, found_type: str) -> _Cast:
    value = quoted(name)
    base = found_type.partition("(")[0]
    is_wrong: str | None
    if base == "VARCHAR":
        # Staging tidies all ids. We do so where a float was written as text, because
        # connectors join by ids; asking for that first spares most of the time.
        tidied = sql_of("id_text", value)
        sql = f"case when {value} like '%.0%' then {tidied} else {value} end"
        is_wrong = sql_of("is_cut_id", value)
    else:
        sql = sql_of("id_number", value, found_type.casefold())
        is_wrong = None
    if base in _FLOATS:
        is_wrong = f"not isnan({value}) and {sql} is null"
    return _Cast(
        column,
        name,
        sql,
        is_wrong,
        expected="an id with all its digits",
        way_out="A spreadsheet or a float has cut them off: export it again, and load "
        "the export without opening it in a spreadsheet.",
    )


def _expected(column: Column) -> str:
    base = column.data_type.partition("(")[0]
    expected = _EXPECTED[base].format(type=column.data_type)
    return " or ".join([expected, *column.formats])
