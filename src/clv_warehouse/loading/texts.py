"""Makes what DuckDB reads of any file of separated values, or says what is wrong."""

import codecs
import csv
import gzip
import io
import re
import shlex
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.project.sql import first_line, literal, quoted

# The longest row that is read. DuckDB reads 16 rows at once into memory.
LONGEST_ROW = 16_000_000

_DELIMITERS = ",;\t|"
_CHUNK = 1 << 20
_LONGEST_QUOTE = 80
# The header stands in the first of these lines; a report's name or a date may precede.
_LINES_BEFORE_DATA = 20
_ROWS_PEEKED = 100

_MAGIC = {
    b"PK\x03\x04": "a zip archive or a workbook: unpack it, or save it as 'CSV UTF-8'",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel: save its sheet as 'CSV UTF-8'",
    b"PAR1": "a Parquet file: rename it to end with .parquet",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it",
    b"BZh": "packed by bzip2: unpack it",
    b"\xfd7zXZ": "packed by xz: unpack it",
    b"%PDF": "a PDF: export it as CSV",
}
_GZIP = b"\x1f\x8b"
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Excel's own way to say what separates the values.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?\s*', re.IGNORECASE)
_VALUE_LIKE = re.compile(r"[-+]?[\d.,]+|\d{4}-\d\d-\d\d.*|\d\d?[./]\d\d?[./]\d{2,4}.*")


@dataclass(frozen=True)
class TextFile:
    """A file of separated values, ready to be read.

    Attributes:
        path: the file that a person gave.
        plain: what DuckDB reads: the file itself, or a copy that is unpacked UTF-8,
            begins with the header and has one kind of line ends.
        names: its columns; those without a name are numbered, and of two alike the
            second bears its number.
        delimiter: what separates the values.
        skipped: lines before the header.
        lines: lines in all.

    """

    path: Path
    plain: Path
    names: tuple[str, ...]
    delimiter: str
    skipped: int
    lines: int

    def sql(self, *options: str) -> str:
        """Write the table function that reads the rows, all values as text."""
        types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.names)
        settings = [
            f"columns = {{{types}}}",
            f"delim = {literal(self.delimiter)}",
            "compression = 'none'",
            "auto_detect = false",
            "header = true",
            "quote = '\"'",
            "escape = '\"'",
            f"max_line_size = {LONGEST_ROW}",
            "hive_partitioning = false",
            *options,
        ]
        return f"read_csv({file_literal(self.plain)}, {', '.join(settings)})"


def open_text(path: Path, columns: Sequence[Column], scratch: Path) -> TextFile:
    """Find out how a file of text is to be read.

    `columns` are those that are wanted of it: its header is the first line that names
    the required ones. A packed file, or one that is not UTF-8, is copied to `scratch`.
    Raises LoadError, with the way out, for a file that is not read.
    """
    plain, lines = _plain_copy(path, scratch)
    try:
        peeked = _first_lines(plain)
    except UnicodeDecodeError as error:
        raise LoadError(wrong_encoding(path)) from error
    skipped, delimiter = _find_header(peeked, columns)
    rows = _rows(peeked[skipped:], delimiter)
    fields = next(rows, [])
    names = _names(fields, list(islice(rows, _ROWS_PEEKED)))
    _require_header(path, fields, columns)
    ends = {line[len(line.rstrip("\r\n")) :] for line in peeked} - {""}
    if skipped or len(ends) > 1:
        plain = _tidied_copy(plain, scratch, skipped)
    return TextFile(path, plain, tuple(names), delimiter, skipped, lines)


def plain_name(name: str) -> str:
    """Write a column's name as all its spellings have it: "Order ID" is orderid."""
    return re.sub(r" \(\d+\)$|[\s_\-\ufeff\u200b]", "", name).casefold()


def distinct_names(fields: Sequence[str]) -> list[str]:
    """Number columns without a name, and of two alike the second: Notes, Notes (6)."""
    names: dict[str, str] = {}
    for number, field in enumerate(fields, start=1):
        name = field.strip(" \t\r\n\ufeff\u200b\xa0") or f"column {number}"
        if name.casefold() in names:
            name = f"{name} ({number})"
        names[name.casefold()] = name
    return list(names.values())


def wrong_encoding(path: Path) -> str:
    """Describe where a file is not UTF-8, and how to convert it."""
    with _Opened(path) as (file, is_packed):
        name = shlex.quote(path.name)
        command = f"iconv -f cp1252 -t utf-8 {name} > new.csv && mv new.csv {name}"
        if is_packed:
            command = f"gzip -dc < {name} | {command.replace(name + ' ', '', 1)}"
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return (
                    f"{path} is not UTF-8: line {number:,}, byte {error.start + 1} is "
                    f"0x{line[error.start]:02x}. Save it as 'CSV UTF-8', or convert "
                    f"it: {command}"
                )
    return f"{path} is not UTF-8. Save it as 'CSV UTF-8'."


def what_is_wrong_with(
    text: TextFile, connection: duckdb.DuckDBPyConnection, error: duckdb.Error
) -> str:
    """Say why DuckDB cannot read a file, in which line, and what to do."""
    label = text.path.name
    unknown = (
        f"{text.path} cannot be read as CSV. Mixed kinds of line ends and stray quotes "
        f"are the usual causes; save it again as CSV. ({first_line(error)[:200]})"
    )
    counts = ", ".join(f"count({quoted(name)})" for name in text.names)
    try:
        # DuckDB adds to what earlier files left in these tables.
        for table in ("reject_errors", "reject_scans"):
            connection.execute(f"drop table if exists {table}")
        sql = text.sql("store_rejects = true")
        connection.execute(f"select {counts} from {sql}").fetchall()
        rejects = connection.execute(
            "select line, error_type, csv_line from reject_errors order by line limit 1"
        ).fetchall()
    except duckdb.Error:
        return unknown
    for line, kind, row in rejects:
        place = f"{label}, line {line + text.skipped:,}"
        if kind == "INVALID ENCODING":
            return wrong_encoding(text.path)
        if kind in ("MISSING COLUMNS", "TOO MANY COLUMNS"):
            way_out = "Quote values that hold the separator."
            if row.lstrip().startswith("#"):
                way_out = "Remove lines that are comments."
            return (
                f"{place}: {shortened(row)} has another number of fields than the "
                f"header, which has {len(text.names)}. {way_out}"
            )
        if kind == "UNQUOTED VALUE":
            return (
                f"{place}: {shortened(row)} has a quote that is not closed. Write a "
                'quote within a value twice: "".'
            )
        if kind == "LINE SIZE OVER MAXIMUM":
            return (
                f"{place}: the row is longer than {LONGEST_ROW // 10**6} MB. A quote "
                "that is not closed is the usual cause; close it, or shorten the text."
            )
    return unknown


def shortened(value: str) -> str:
    """Quote a value, and no more of it than a message bears."""
    quote = repr(value)
    return quote if len(quote) <= _LONGEST_QUOTE else quote[:_LONGEST_QUOTE] + "…"


def file_literal(path: Path) -> str:
    """Write a path as SQL; DuckDB reads it as a pattern, in which brackets count."""
    return literal(re.sub(r"([*?[])", r"[\1]", str(path)))


class _Opened:
    """Opens a file, unpacked if it is packed by gzip, whatever it is called."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        self._is_packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)

    def __enter__(self) -> tuple[io.BufferedReader, bool]:
        if self._is_packed:
            return io.BufferedReader(gzip.GzipFile(fileobj=self._raw)), True
        return self._raw, False

    def __exit__(self, *raised: object) -> None:
        self._raw.close()


def _plain_copy(path: Path, scratch: Path) -> tuple[Path, int]:
    """Return the file as unpacked UTF-8, copied only if it is not, and its lines."""
    try:
        with _Opened(path) as (file, is_packed):
            start = file.peek(4096)[:4096]
            for magic, words in _MAGIC.items():
                if start.startswith(magic):
                    raise LoadError(f"{path} is {words}.")
            encoding = _encoding(start)
            if not is_packed and encoding == "utf-8":
                return path, _counted_lines(path, _chunks(file))
            chunks = _chunks(file)
            if encoding != "utf-8":
                chunks = _decoded(chunks, encoding)
            plain = scratch / f"{len(list(scratch.iterdir()))}.csv"
            with plain.open("wb") as copy:
                return plain, _counted_lines(path, _copied(chunks, copy.write))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LoadError(
            f"{path} cannot be unpacked; it is cut off or damaged. Get it again."
        ) from error
    except UnicodeError as error:
        raise LoadError(
            f"{path} looks like {encoding.upper()} and cannot be read as such. Save it "
            "as 'CSV UTF-8'."
        ) from error


def _tidied_copy(plain: Path, scratch: Path, skipped: int) -> Path:
    """Copy a file without its first lines, and with line feeds at the ends of lines."""
    copy = scratch / f"{len(list(scratch.iterdir()))}.csv"
    # Latin-1 keeps every byte, those that are wrong too.
    with (
        plain.open(encoding="latin-1", newline=None) as old,
        copy.open("w", encoding="latin-1", newline="") as new,
    ):
        for _ in range(skipped):
            old.readline()
        while chunk := old.read(_CHUNK):
            new.write(chunk)
    return copy


def _encoding(start: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            return encoding
    # UTF-16 writes a zero byte beside each letter of a Latin script. What precedes the
    # letter is the higher byte where the order is BE.
    pairs = len(start) // 2
    zeros_first = start[0 : 2 * pairs : 2].count(0)
    zeros_last = start[1 : 2 * pairs : 2].count(0)
    if pairs and zeros_last > 0.4 * pairs and zeros_first < 0.1 * pairs:
        return "utf-16-le"
    if pairs and zeros_first > 0.4 * pairs and zeros_last < 0.1 * pairs:
        return "utf-16-be"
    return "utf-8"


def _chunks(file: io.BufferedReader) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _copied(
    chunks: Iterator[bytes], write: Callable[[bytes], object]
) -> Iterator[bytes]:
    for chunk in chunks:
        write(chunk)
        yield chunk


def _counted_lines(path: Path, chunks: Iterator[bytes]) -> int:
    lines, last = 0, b"\n"
    for chunk in chunks:
        if b"\0" in chunk:
            line = lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
            name = shlex.quote(path.name)
            raise LoadError(
                f"{path}, line {line:,}, holds a zero byte, which no text does. Get "
                "the file again, or take the zero bytes out: "
                f"tr -d '\\000' < {name} > new.csv && mv new.csv {name}"
            )
        lines += chunk.count(b"\n")
        last = chunk[-1:] or last
    return lines + (last != b"\n")


def _first_lines(plain: Path) -> list[str]:
    """Return the whole lines at the start of a file of UTF-8."""
    with plain.open("rb") as file:
        start = file.read(_CHUNK)
        is_all = len(start) < _CHUNK
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start, final=is_all)
    lines = list(io.StringIO(text, newline=""))
    return lines if is_all or len(lines) == 1 else lines[:-1]


def _find_header(lines: Sequence[str], columns: Sequence[Column]) -> tuple[int, str]:
    """Return the lines before the header, and what separates its names."""
    delimiters = _DELIMITERS
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if filled and (match := _SEPARATOR_LINE.fullmatch(lines[filled[0]])):
        delimiters = match["separator"]
        filled = filled[1:]
    if not filled:
        return 0, ","
    required = [_spellings(column) for column in columns if column.is_required]
    wanted = set[str]().union(*(_spellings(column) for column in columns))
    best = (0, 0)
    found = filled[0], max(delimiters, key=lines[filled[0]].count)
    for number in filled[:_LINES_BEFORE_DATA]:
        for delimiter in delimiters:
            rows = _rows(lines[number : number + _LINES_BEFORE_DATA], delimiter)
            names = {plain_name(name) for name in next(rows, [])}
            score = sum(not names.isdisjoint(each) for each in required)
            if (score, len(names & wanted)) > best:
                best = (score, len(names & wanted))
                found = number, delimiter
        if required and best[0] == len(required):
            break
    return found


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows up to the first that Python's reader of CSV refuses."""
    try:
        yield from (row for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return


def _spellings(column: Column) -> set[str]:
    return {plain_name(name) for name in (column.name, *column.aliases)}


def _names(fields: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Name each column of a file, whose first rows are `rows`."""
    width = len(fields)
    if rows and all(len(row) == width + 1 and not row[-1] for row in rows):
        # Each row ends with a separator and the header does not, or the reverse.
        fields = [*fields, ""]
    elif rows and not fields[-1].strip() and all(len(row) == width - 1 for row in rows):
        fields = fields[:-1]
    return distinct_names(fields)


def _require_header(
    path: Path, fields: Sequence[str], columns: Sequence[Column]
) -> None:
    if not fields:
        raise LoadError(
            f"{path} has no row that can be read. A quote that is not closed is the "
            "usual cause; save it again as CSV."
        )
    wanted = set[str]().union(*(_spellings(column) for column in columns))
    is_header = not wanted.isdisjoint(map(plain_name, fields))
    if columns and not is_header and any(map(_VALUE_LIKE.fullmatch, fields)):
        names = ",".join(column.name for column in columns if column.is_required)
        raise LoadError(
            f"{path.name} has no header: its first row is "
            f"{shortened(', '.join(fields))}. Put the names of its columns above it, "
            f"such as {names}."
        )
