"""Reads a shop's files into typed views, and says what is wrong with a file."""

import csv
import glob
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from clv_warehouse.loading.feeds import Column, Feed
from clv_warehouse.loading.options import AS_USUAL, Options
from clv_warehouse.project.report import Report
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

_SUFFIXES = (".csv", ".parquet")
_DELIMITERS = ",;\t|"
_ROWS_PER_BATCH = 50_000
_SECONDS_BETWEEN_REPORTS = 5.0
_LONGEST_QUOTE = 80

_EXPECTED = {
    "timestamp": "a date or time such as 2024-12-31 or 2024-12-31 17:45:00",
    "integer": "a whole number such as 12",
    "decimal": "a number such as 12.50, without separators or signs of currency, "
    "that {type} can hold",
}
_FLOATS = {"FLOAT", "DOUBLE"}
_NUMBERS = _FLOATS | {
    "DECIMAL",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
}


class LoadError(Exception):
    """The data or the warehouse is wrong; the message says what to do."""


@dataclass(frozen=True)
class _FileTable:
    """Rows that are not checked yet.

    Messages call it `label`. `sql` stands in a from clause, `row_sql` is the number of
    a row as a person counts it in the file, and `types` are DuckDB's types by column.
    """

    label: str
    sql: str
    row_sql: str
    types: dict[str, str]


@dataclass(frozen=True)
class _Cast:
    """SQL that reads a column as its type, and SQL that is true if it cannot."""

    column: Column
    found: str
    sql: str
    is_wrong_sql: str | None


class Reader:
    """Reads files into temporary views that have exactly the columns asked for.

    The views live in `connection`. Each has three more columns, those of PROVENANCE.
    `feeds` are the shop's feeds; `report` takes lines of progress. `rows_read` counts
    the rows of all views, which is where LOADED_ORDER goes on.

    Values that cannot be read are null in the views. `problems` names them, a sentence
    per file and column, so that all are known at once; a load ends with them before it
    writes anything. `unread` are the columns that nobody asked for, by file.
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
        self.problems: list[str] = []
        self.unread: dict[str, list[str]] = {}

    def read_file(self, path: Path, columns: Sequence[Column], view: str) -> set[str]:
        """Make `view` from a CSV or Parquet file; return the names of its columns.

        An optional column that the file lacks is null. Raises LoadError if the file
        cannot be read, lacks a required column or has no rows. Values that do not fit
        the type of their column go to `problems`.
        """
        table = self._file_table(path)
        try:
            return self._make_view(table, columns, view)
        except duckdb.Error as error:
            raise LoadError(self._what_is_wrong_with(path, error)) from error

    def columns_of(self, path: Path) -> list[str]:
        """Return the names of a CSV or Parquet file's columns, in its order.

        A connector recognises a file by them. Raises LoadError if the file cannot be
        read.
        """
        return list(self._file_table(path).types)

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
        fields = [*names, LOADED_ROW]
        _require_distinct(label, fields)
        schema = pa.schema([(name, pa.string()) for name in names])
        schema = schema.append(pa.field(LOADED_ROW, pa.int64()))
        target = f"{view}_text"
        types = ", ".join(
            f"{quoted(name)} {'bigint' if name == LOADED_ROW else 'varchar'}"
            for name in fields
        )
        self.connection.execute(f"create temp table {target} ({types})")
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
        table = _FileTable(label, target, LOADED_ROW, dict.fromkeys(names, "VARCHAR"))
        self._make_view(table, columns, view)

    def _file_table(self, path: Path) -> _FileTable:
        require_file(path)
        readers = {".csv": self._csv_table, ".parquet": self._parquet_table}
        if path.suffix.casefold() not in readers:
            raise LoadError(
                f"{path} is neither .csv nor .parquet. Save it as one of them."
            )
        return readers[path.suffix.casefold()](path)

    def _csv_table(self, path: Path) -> _FileTable:
        names, delimiter = _csv_header(path)
        sql = _csv_sql(path, names, delimiter)
        # The header counts as the first row of the file.
        return _FileTable(
            path.name, sql, "row_number() over () + 1", dict.fromkeys(names, "VARCHAR")
        )

    def _parquet_table(self, path: Path) -> _FileTable:
        sql = f"read_parquet({_file_literal(path)}, hive_partitioning = false)"
        try:
            described = self.connection.execute(f"describe from {sql}").fetchall()
        except duckdb.Error as error:
            raise LoadError(self._what_is_wrong_with(path, error)) from error
        types = {name: data_type for name, data_type, *_ in described}
        return _FileTable(path.name, sql, "file_row_number + 1", types)

    def _make_view(
        self, table: _FileTable, columns: Sequence[Column], view: str
    ) -> set[str]:
        found = _find_columns(table, columns)
        ignored = sorted(set(table.types) - set(found.values()))
        if ignored:
            self.unread[table.label] = ignored
            self.report(f"{table.label}: columns not read: {_listed(ignored)}")
        casts = [
            _cast(self._as_told(column), name, table.types[name])
            for column in columns
            if (name := found.get(column.name)) is not None
        ]
        rows = self._check_values(table, casts)
        values = {cast.column.name: cast.sql for cast in casts}
        select = ", ".join(
            f"cast({values.get(column.name, 'null')} as {column.data_type})"
            f" as {quoted(column.name)}"
            for column in columns
        )
        self.connection.execute(
            f"create temp view {view} as"
            f" select {select}, {literal(table.label)} as {LOADED_FILE},"
            f" {table.row_sql} as {LOADED_ROW},"
            f" {self.rows_read} + row_number() over () as {LOADED_ORDER}"
            f" from {table.sql}"
        )
        self.rows_read += rows
        return set(found)

    def _as_told(self, column: Column) -> Column:
        return replace(column, formats=(*column.formats, *self.options.dates))

    def _check_values(self, table: _FileTable, casts: Sequence[_Cast]) -> int:
        """Count the rows; values that do not fit go to `problems`."""
        checked = [cast for cast in casts if cast.is_wrong_sql]
        # Counting reads all text, which finds ragged rows and wrong encodings.
        counts = ["count(*)"]
        counts += [f"count_if({cast.is_wrong_sql})" for cast in checked]
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
        self.report(f"{table.label}: {rows:,} rows checked")
        return int(rows)

    def _first_wrong_value(self, table: _FileTable, cast: _Cast, wrong: int) -> str:
        ((row, value),) = self.connection.execute(
            f"select place, value from (select {table.row_sql} as place,"
            f" cast({quoted(cast.found)} as varchar) as value,"
            f" {cast.is_wrong_sql} as is_wrong from {table.sql})"
            " where is_wrong order by place limit 1"
        ).fetchall()
        more = f" ({wrong:,} such values in all)" if wrong > 1 else ""
        return (
            f"{table.label}, row {row:,}, column {cast.found}: {_shortened(value)} "
            f"is not {_expected(cast.column)}{more}. Mend it in the file."
        )

    def _what_is_wrong_with(self, path: Path, error: duckdb.Error) -> str:
        if path.suffix.casefold() == ".parquet":
            return (
                f"{path} cannot be read as Parquet; it may be truncated. Get it "
                f"again. ({first_line(error)})"
            )
        return self._what_is_wrong_with_csv(path, error)

    def _what_is_wrong_with_csv(self, path: Path, error: duckdb.Error) -> str:
        names, delimiter = _csv_header(path)
        sql = _csv_sql(path, names, delimiter, "store_rejects = true")
        unknown = (
            f"{path} cannot be read as CSV. Mixed kinds of line ends and stray quotes "
            f"are the usual causes; save it again as CSV. ({first_line(error)})"
        )
        counts = ", ".join(f"count({quoted(name)})" for name in names)
        try:
            self.connection.execute(f"select {counts} from {sql}").fetchall()
            rejects = self.connection.execute(
                "select line, error_type, csv_line from reject_errors"
                " order by line limit 1"
            ).fetchall()
        except duckdb.Error:
            return unknown
        for line, kind, text in rejects:
            if kind == "INVALID ENCODING":
                return wrong_encoding(path)
            if kind in ("MISSING COLUMNS", "TOO MANY COLUMNS"):
                return (
                    f"{path.name}, line {line:,}: {_shortened(text)} has another "
                    f"number of fields than the header, which has {len(names)}. Quote "
                    "values that hold the separator."
                )
            if kind == "UNQUOTED VALUE":
                return (
                    f"{path.name}, line {line:,}: {_shortened(text)} has a quote that "
                    'is not closed. Write a quote within a value twice: "".'
                )
        return unknown


def require_file(path: Path) -> None:
    """Raise LoadError unless `path` is a file with something in it."""
    if not path.exists():
        raise LoadError(f"No file {path}. Check the path.")
    if not path.is_file():
        raise LoadError(f"{path} is no file. Give the path of the file itself.")
    if path.stat().st_size == 0:
        raise LoadError(f"{path} is empty. Get it again.")


def find_file(folder: Path, *stems: str) -> Path | None:
    """Find the one CSV or Parquet file of a folder that has one of the names, if any.

    Raises LoadError where `folder` is no folder, or two files would do.
    """
    if not folder.is_dir():
        raise LoadError(f"No folder {folder}. Give the folder that holds the files.")
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.stem.casefold() in stems and path.suffix.casefold() in _SUFFIXES
    ]
    if len(files) > 1:
        raise LoadError(
            f"{folder} has both {' and '.join(path.name for path in files)}. "
            "Leave only the one to load."
        )
    return files[0] if files else None


def require_found(folder: Path, *stems: str) -> Path:
    """Find the file as find_file does; raise LoadError if there is none."""
    path = find_file(folder, *stems)
    if path is not None:
        return path
    there = sorted(file.name for file in folder.iterdir())
    wanted = " or ".join(stem + suffix for stem in stems for suffix in _SUFFIXES)
    similar = _suggestion(stems[-1], [Path(name).stem for name in there])
    raise LoadError(
        f"No {wanted} in {folder}.{similar} It holds: {_listed(there) or 'nothing'}."
    )


def wrong_encoding(path: Path) -> str:
    """Describe where a file is not UTF-8, and how to convert it."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return (
                    f"{path} is not UTF-8: line {number:,}, byte {error.start + 1} is "
                    f"0x{line[error.start]:02x}. Save it as 'CSV UTF-8', or convert "
                    f"it: iconv -f cp1252 -t utf-8 {path.name} > {path.stem}_utf8"
                    f"{path.suffix}"
                )
    return f"{path} is not UTF-8. Save it as 'CSV UTF-8'."


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


def _csv_header(path: Path) -> tuple[list[str], str]:
    """Read the names in a CSV file's first row, and what separates them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = max(_DELIMITERS, key=first.count)
            file.seek(0)
            fields = next(csv.reader(file, delimiter=delimiter), [])
    except UnicodeDecodeError as error:
        raise LoadError(wrong_encoding(path)) from error
    names = [name.strip() or f"column {n}" for n, name in enumerate(fields, start=1)]
    _require_distinct(path.name, names)
    return names, delimiter


def _require_distinct(label: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise LoadError(
                f"{label} has two columns named {name}. Rename or remove one."
            )
        seen.add(name.casefold())


def _csv_sql(path: Path, names: Sequence[str], delimiter: str, *options: str) -> str:
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    settings = [
        f"columns = {{{types}}}",
        f"delim = {literal(delimiter)}",
        "auto_detect = false",
        "header = true",
        "quote = '\"'",
        "escape = '\"'",
        "hive_partitioning = false",
        *options,
    ]
    return f"read_csv({_file_literal(path)}, {', '.join(settings)})"


def _find_columns(table: _FileTable, columns: Sequence[Column]) -> dict[str, str]:
    """Match the columns to the table's names, as {column: its name there}."""
    there = {name.casefold(): name for name in table.types}
    found = {}
    for column in columns:
        names = [name.casefold() for name in (column.name, *column.aliases)]
        present = [there[name] for name in names if name in there]
        if present:
            found[column.name] = present[0]
        elif column.is_required:
            raise LoadError(
                f"{table.label} has no column {column.name}."
                f"{_suggestion(column.name, list(table.types))} "
                f"It has: {_listed(list(table.types))}. Rename or add the column."
            )
    return found


def _cast(column: Column, name: str, found_type: str) -> _Cast:
    """Write the SQL that reads a column of `found_type` as the type of `column`.

    It trims text before the cast, and blank text becomes null. The trim also keeps
    DuckDB from moving the cast into its CSV reader, where one unreadable value would be
    an error for the whole file.
    """
    value = quoted(name)
    base = found_type.partition("(")[0]
    target = column.data_type
    if target == "varchar":
        as_text = f"cast({value} as varchar)"
        if base in _FLOATS:
            # Many tools write customer numbers as floats once one of them is missing.
            as_text = f"regexp_replace({as_text}, '\\.0$', '')"
        return _Cast(column, name, as_text, None)
    if found_type.casefold() == target or (
        target == "timestamp" and base.startswith(("DATE", "TIMESTAMP"))
    ):
        return _Cast(column, name, f"cast({value} as {target})", None)
    if target != "timestamp" and base in _NUMBERS:
        given = value
        sql = f"try_cast({value} as {target})"
    else:
        given = f"nullif(trim(cast({value} as varchar)), '')"
        sql = _text_cast(given, column)
    is_wrong = f"{sql} is null and {given} is not null"
    if target == "integer":
        is_wrong = f"({is_wrong}) or try_cast({given} as double) <> {sql}"
    return _Cast(column, name, sql, is_wrong)


def _text_cast(text: str, column: Column) -> str:
    if column.data_type != "timestamp":
        return f"try_cast({text} as {column.data_type})"
    # A plain cast to timestamp would drop the offset, so we cast to timestamptz first.
    sql = f"try_cast(try_cast({text} as timestamptz) as timestamp)"
    if column.formats:
        formats = ", ".join(literal(form) for form in column.formats)
        sql = f"coalesce({sql}, try_strptime({text}, [{formats}]))"
    return sql


def _expected(column: Column) -> str:
    base = column.data_type.partition("(")[0]
    expected = _EXPECTED[base].format(type=column.data_type)
    return " or ".join([expected, *column.formats])


def _suggestion(name: str, there: Sequence[str]) -> str:
    by_case = {other.casefold(): other for other in there}
    similar = get_close_matches(name.casefold(), by_case, n=1)
    return f" Did you mean {by_case[similar[0]]}?" if similar else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _shortened(value: str) -> str:
    quote = repr(value)
    return quote if len(quote) <= _LONGEST_QUOTE else quote[:_LONGEST_QUOTE] + "…"


def _file_literal(path: Path) -> str:
    # DuckDB reads a path as a pattern, in which brackets have a meaning.
    return literal(glob.escape(str(path)))
