"""Loads a shop's raw data into the warehouse: all of it, or nothing."""

import datetime as dt
import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from clv_warehouse.loading.checking import find_all
from clv_warehouse.loading.connectors import Connector
from clv_warehouse.loading.feeds import Feed
from clv_warehouse.loading.findings import Findings
from clv_warehouse.loading.keeping import (
    Keeper,
    Kept,
    contact_columns,
    drop_contacts,
    has_contacts,
)
from clv_warehouse.loading.layouts import Layout
from clv_warehouse.loading.options import AS_USUAL, Options
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import (
    LOADED_FILE,
    LOADED_ORDER,
    LOADED_ROW,
    PROVENANCE,
    Reader,
    can_be_made,
    made_id,
    progress,
)
from clv_warehouse.loading.texts import plain_name
from clv_warehouse.loading.times import shop_zone
from clv_warehouse.project.opening import (
    attach,
    check_place,
    memory_limit,
    trusted,
)
from clv_warehouse.project.problems import in_words
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import first_line, literal, quoted

_INSTANT = "TIMESTAMP WITH TIME ZONE"
_MEMORY = "2GB"


@dataclass(frozen=True)
class LoadedFeed:
    """What the table of a feed holds; no dates if the feed has none."""

    name: str
    rows: int
    first_date: dt.date | None
    last_date: dt.date | None


@dataclass(frozen=True)
class Loaded:
    """What a load wrote, in the order of shop.yml, and what its checks found.

    `had_contacts` says that a keeper took names and addresses out of a warehouse that
    an older version had written them into: their bytes are still in the file.
    """

    feeds: list[LoadedFeed]
    findings: Findings
    had_contacts: bool = False


def load(
    connector: Connector,
    source: Path,
    warehouse: Path,
    feeds: tuple[Feed, ...],
    report: Report,
    options: Options = AS_USUAL,
    keeper: Keeper | None = None,
) -> Loaded:
    """Replace the tables of schema raw in `warehouse` by what `source` holds.

    First it reads and checks the whole source. Then it replaces all feeds in one
    transaction; feeds that the source lacks become empty tables. To append is to add
    the rows to the tables; feeds that the source lacks stay. On any error it raises
    LoadError and leaves the warehouse as it was. So does a check, to which values that
    cannot be read are findings: give it a `warehouse` that may be thrown away.

    Names and addresses of customers go to the `keeper`, and not into the warehouse.
    Without one they stay in raw.customers.
    """
    with duckdb.connect() as connection:
        trusted(connection)
        # Where DuckDB compares an instant with a time of a clock, that is the shop's.
        connection.execute(f"set TimeZone = {literal(shop_zone())}")
        # Beyond this, DuckDB writes to disk: ten million orders take 1.1 GB.
        limit = memory_limit().get("memory_limit", _MEMORY)
        connection.execute(f"set memory_limit = {literal(limit)}")
        connection.execute(f"set temp_directory = {literal(f'{warehouse}.tmp')}")
        # `progress` asks DuckDB how far a query is and prints it.
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        # We report a locked or broken warehouse before the long reading. A new file is
        # made only once there is something to put into it.
        is_new = not warehouse.exists()
        if not is_new:
            _attach(connection, warehouse)
        else:
            check_place(warehouse)
        last = 0 if is_new or not options.is_append else _last_order(connection, feeds)
        with Reader(connection, feeds, report, options, last) as reader:
            try:
                queries = connector.read(reader, source)
            except (duckdb.Error, OSError) as error:
                raise LoadError(
                    f"{source} cannot be read. ({in_words(error)})"
                ) from error
            if reader.problems and not options.is_check:
                messages = [problem.message for problem in reader.problems]
                raise LoadError("\n".join(messages))
            if not is_new:
                return _replace_all(connection, feeds, queries, reader, keeper=keeper)
            with _made(connection, warehouse):
                return _replace_all(connection, feeds, queries, reader, keeper=keeper)


def link(
    source: str,
    warehouse: Path,
    feeds: tuple[Feed, ...],
    report: Report,
    options: Options = AS_USUAL,
) -> Loaded:
    """Replace the tables of schema raw by views of Parquet files that stay in place.

    A feed is SOURCE/FEED.parquet or all of SOURCE/FEED/*.parquet. `source` is a folder
    or an address that DuckDB can read, such as s3://bucket/exports. dbt reads and casts
    the files when it builds. Raises LoadError, and leaves the warehouse as it was, if a
    required feed or column is missing.
    """
    base = source.rstrip("/")
    if "://" not in base:
        base = glob.escape(str(Path(source).resolve()))
    with duckdb.connect() as connection:
        queries = {}
        for feed in feeds:
            found = _find_parquet(connection, feed, base)
            if found is not None:
                queries[feed.name] = found
            elif feed.is_required:
                raise LoadError(
                    f"{source} has no {feed.name}.parquet and no {feed.name}/*.parquet "
                    f"that can be read: the feed {feed.name} is required."
                )
        _attach(connection, warehouse)
        reader = Reader(connection, feeds, report, options)
        return _replace_all(connection, feeds, queries, reader, in_place=True)


def link_tables(
    schema: str,
    layout: Layout,
    warehouse: Path,
    feeds: tuple[Feed, ...],
    report: Report,
    options: Options = AS_USUAL,
) -> Loaded:
    """Replace the tables of schema raw by views of what a pipeline wrote beside them.

    `schema` is a schema of the same warehouse, and `layout` says what its tables are.
    Raises LoadError, and leaves the warehouse as it was, if what is needed is missing.
    """
    if not warehouse.exists():
        raise LoadError(
            f"No warehouse {warehouse}. Give the file that the pipeline writes into "
            "with --warehouse."
        )
    with duckdb.connect() as connection:
        _attach(connection, warehouse)
        connection.execute("use warehouse")
        reader = Reader(connection, feeds, report, options)
        queries = layout.queries(connection, schema, reader.note)
        return _replace_all(connection, feeds, queries, reader, in_place=True)


def _find_parquet(
    connection: duckdb.DuckDBPyConnection, feed: Feed, base: str
) -> str | None:
    """Return the query of a feed's files; LoadError if they lack a required column."""
    for place in (f"{base}/{feed.name}.parquet", f"{base}/{feed.name}/*.parquet"):
        files = f"read_parquet({literal(place)}, union_by_name = true)"
        try:
            columns = connection.sql(f"from {files}").columns
        except duckdb.IOException:
            continue
        return _parquet_query(connection, feed, place, files, columns)
    return None


def _parquet_query(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    place: str,
    files: str,
    columns: Sequence[str],
) -> str:
    """Write the query that gives files a feed's names, their places and ids."""
    spelled = {plain_name(name): name for name in columns}
    there = {
        column.name: spelled[plain_name(column.name)]
        for column in feed.columns
        if plain_name(column.name) in spelled
    }
    absent = [
        each for each in feed.columns if each.is_required and each.name not in there
    ]
    made = [column for column in absent if can_be_made(column, spelled)]
    missing = [column.name for column in absent if column not in made]
    if missing:
        raise LoadError(
            f"{place} has no column {', '.join(missing)}. It has: "
            f"{', '.join(sorted(columns))}. Rename or add the column."
        )
    renamed = [
        f"{quoted(name)} as {quoted(ours)}"
        for ours, name in there.items()
        if name != ours
    ]
    values = [f"* rename ({', '.join(renamed)})" if renamed else "*"]
    # A file of 10^12 rows would reach into the numbers of the next.
    origin = {
        LOADED_FILE: "filename",
        LOADED_ROW: "file_row_number + 1",
        LOADED_ORDER: "file_index::bigint * 1000000000000 + file_row_number + 1",
    }
    values += [
        f"{sql} as {name}" for name, sql in origin.items() if name not in columns
    ]
    query = f"select {', '.join(values)} from {files}"
    for column in made:
        others = [each for each in feed.columns if each.name in there]
        query = f"select *, {made_id(column, others)} as {column.name} from ({query})"
    try:
        connection.sql(query)
    except duckdb.Error as error:
        raise LoadError(f"{place} cannot be read. ({first_line(error)})") from error
    return query


def _attach(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    attach(connection, warehouse, "warehouse", read_only=False)


@contextmanager
def _made(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> Iterator[None]:
    """Make a new warehouse; remove it if what is then written to it fails."""
    _attach(connection, warehouse)
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.rollback()
        with suppress(duckdb.Error):
            connection.execute("detach warehouse")
        for each in (warehouse, warehouse.with_name(f"{warehouse.name}.wal")):
            each.unlink(missing_ok=True)
        raise


def _replace_all(
    connection: duckdb.DuckDBPyConnection,
    feeds: tuple[Feed, ...],
    queries: dict[str, str],
    reader: Reader,
    in_place: bool = False,
    keeper: Keeper | None = None,
) -> Loaded:
    """Write every feed in one transaction; after an error nothing is committed.

    The queries become views if the rows stay `in_place`.
    """
    is_added = reader.options.is_append
    had_contacts = False
    try:
        if keeper:
            had_contacts = has_contacts(connection, feeds)
            kept = Kept(connection, feeds, queries, keeper, is_added)
            queries, feeds = kept.queries, _without_contacts(feeds)
        connection.begin()
        connection.execute("create schema if not exists warehouse.raw")
        if reader.options.is_append:
            _require_tables(connection, queries)
        for kind, name in connection.execute(
            "select if(table_type = 'VIEW', 'view', 'table'), table_name "
            "from information_schema.tables "
            "where table_catalog = 'warehouse' and table_schema = 'raw'"
        ).fetchall():
            is_replaced = not reader.options.is_append
            if is_replaced and name in {feed.name for feed in feeds}:
                connection.execute(f"drop {kind} warehouse.raw.{quoted(name)}")
        loaded = [
            _view(connection, feed, queries[feed.name], reader.report)
            if in_place and feed.name in queries
            else _write(connection, feed, queries.get(feed.name), reader.report)
            for feed in feeds
        ]
        if is_added and had_contacts:
            drop_contacts(connection)
        _write_down(connection)
        findings = find_all(connection, reader)
        if reader.options.is_check:
            connection.rollback()
        elif keeper:
            with keeper.kept(connection, is_added):
                connection.commit()
        else:
            connection.commit()
    except duckdb.Error as error:
        raise LoadError(
            f"The warehouse could not be written and is as it was. {in_words(error)}"
        ) from error
    return Loaded(loaded, findings, had_contacts)


def _without_contacts(feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
    return tuple(
        replace(
            feed,
            columns=tuple(
                column
                for column in feed.columns
                if column.name not in contact_columns(feed)
            ),
        )
        for feed in feeds
    )


def _write_down(connection: duckdb.DuckDBPyConnection) -> None:
    """Count the load, so that a build tells which one it is of; clocks may go back."""
    connection.execute(
        "create table if not exists warehouse.raw.loads "
        "(number bigint, loaded_at timestamp)"
    )
    connection.execute(
        "insert into warehouse.raw.loads select coalesce(max(number), 0) + 1, "
        "cast(now() at time zone 'UTC' as timestamp) from warehouse.raw.loads"
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    query: str | None,
    report: Report,
) -> LoadedFeed:
    """Make the table of a feed, or add to the one that is there."""
    table = f"warehouse.raw.{feed.name}"
    there = _columns_there(connection, feed)
    given: dict[str, str] = {}
    if query:
        found = connection.sql(query)
        given = dict(zip(found.columns, map(str, found.types), strict=True))
    columns = {column.name: column.data_type for column in feed.columns}
    values = [_typed(name, kind, given) for name, kind in columns.items()]
    values += [_typed(name, kind, given) for name, kind in PROVENANCE.items()]
    if LOADED_ORDER not in given:
        # Rows that say nothing of their place are counted in the order of their
        # content, so that a second load of the same rows gives the same numbers.
        ranked = ", ".join(quoted(name) for name in columns if name in given) or "1"
        last = _last_order(connection, [feed])
        number = f"{last} + row_number() over (order by {ranked})"
        values[-1] = f"{number} as {LOADED_ORDER}"
    select = ", ".join(values)
    rows = f"from ({query})" if query else "where false"
    with progress(connection, feed.name, report):
        if not there:
            connection.execute(f"create table {table} as select {select} {rows}")
        elif query:
            _widen(connection, table, there, {**columns, **PROVENANCE}, given)
            connection.execute(f"insert into {table} by name select {select} {rows}")
    times = [column.name for column in feed.columns if column.is_time]
    span = f"min({times[0]})::date, max({times[0]})::date" if times else "null, null"
    ((count, first, last),) = connection.execute(
        f"select count(*), {span} from {table}"
    ).fetchall()
    report(f"{feed.name}: {count:,} rows {'in all' if there else 'written'}")
    return LoadedFeed(feed.name, count, first, last)


def _columns_there(connection: duckdb.DuckDBPyConnection, feed: Feed) -> dict[str, str]:
    """Return the types of a feed's table by column; none where there is no table."""
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where "
            "database_name = 'warehouse' and schema_name = 'raw' and table_name = ?",
            [feed.name],
        ).fetchall()
    )


def _last_order(connection: duckdb.DuckDBPyConnection, feeds: Iterable[Feed]) -> int:
    """Return the highest running number in the tables of the feeds; 0 without any."""
    last = 0
    for feed in feeds:
        if LOADED_ORDER in _columns_there(connection, feed):
            ((highest,),) = connection.execute(
                f"select max({LOADED_ORDER}) from warehouse.raw.{feed.name}"
            ).fetchall()
            last = max(last, highest or 0)
    return last


def _require_tables(
    connection: duckdb.DuckDBPyConnection, names: Iterable[str]
) -> None:
    """Raise LoadError where rows are to be added to a view of what is elsewhere."""
    views = connection.execute(
        "select view_name from duckdb_views() "
        "where database_name = 'warehouse' and schema_name = 'raw'"
    ).fetchall()
    for name in sorted({view for (view,) in views} & set(names)):
        raise LoadError(
            f"raw.{name} is a view of data that stay where they are, so nothing can be "
            "appended to it. Add the file to those data, or load all of them without "
            "--append."
        )


def _widen(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    there: dict[str, str],
    columns: dict[str, str],
    given: dict[str, str],
) -> None:
    """Add the columns that an older table lacks, and let it hold instants if they come.

    DuckDB turns times of the shop's clock into instants by the session's time zone.
    """
    for name, data_type in columns.items():
        if name not in there:
            connection.execute(
                f"alter table {table} add column {quoted(name)} {data_type}"
            )
        are_instants = data_type == "timestamp" and given.get(name) == _INSTANT
        if are_instants and there.get(name) != _INSTANT:
            connection.execute(
                f"alter table {table} alter {quoted(name)} type timestamptz"
            )


def _view(
    connection: duckdb.DuckDBPyConnection, feed: Feed, query: str, report: Report
) -> LoadedFeed:
    view = f"warehouse.raw.{feed.name}"
    connection.execute(f"create view {view} as {query}")
    ((count,),) = connection.execute(f"select count(*) from {view}").fetchall()
    report(f"{feed.name}: {count:,} rows where they are")
    return LoadedFeed(feed.name, count, None, None)


def _typed(name: str, data_type: str, given: dict[str, str]) -> str:
    value = quoted(name) if name in given else "null"
    if data_type == "timestamp" and given.get(name) == _INSTANT:
        data_type = "timestamptz"
    return f"cast({value} as {data_type}) as {quoted(name)}"
