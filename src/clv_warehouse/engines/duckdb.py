"""DuckDB as the engine of dbt's Python models."""

from typing import Any

import pyarrow as pa

from clv_warehouse.engines.relation import ByBatch, Relation, in_threads
from clv_warehouse.project.contracts import Table
from clv_warehouse.project.sql import quoted


class DuckDb:
    """DuckDB's relations are Relations; tables go back as Arrow or a stream of it."""

    def relation(self, given: Any) -> Relation:
        """Return what `dbt.ref` gave: it already is a Relation."""
        return given

    def answer(self, found: Any) -> Any:
        """Return a table as it is, and batch work as a reader.

        Drain the reader, or the connection stays busy.
        """
        if not isinstance(found, ByBatch):
            return found
        batches = found.rows.to_arrow_reader(found.batch_rows)
        parts = in_threads(found.work, batches)
        return pa.RecordBatchReader.from_batches(
            found.schema, (batch for part in parts for batch in part)
        )

    def table(self, session: Any, table: Table) -> Relation | None:
        """Look the table up in the database of the connection."""
        found = session.execute(
            "select 1 from information_schema.tables where (table_catalog, "
            "table_schema, table_name) = (current_database(), ?, ?)",
            [table.schema, table.name],
        ).fetchall()
        return session.table(table.full_name) if found else None

    def add(self, session: Any, table: Table, rows: pa.RecordBatchReader) -> None:
        """Insert the rows, with the types of the table's contract."""
        columns = {
            quoted(column.name): f"{quoted(column.name)} {column.data_type}"
            for column in table.columns
        }
        session.execute(f"create schema if not exists {quoted(table.schema)}")
        session.execute(
            f"create table if not exists {table.sql} ({', '.join(columns.values())})"
        )
        for column in columns.values():
            session.execute(
                f"alter table {table.sql} add column if not exists {column}"
            )
        session.register("added", rows)
        names = ", ".join(columns)
        session.execute(f"insert into {table.sql} ({names}) select {names} from added")
        session.unregister("added")
