"""DuckDB as the engine of dbt's Python models."""

from typing import Any

import pyarrow as pa

from clv_warehouse.engines.relation import ByBatch, Relation, in_threads


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

    def table(self, session: Any, this: Any) -> Relation | None:
        """Look the table up in the catalogue of the connection."""
        found = session.execute(
            "select 1 from information_schema.tables "
            "where (table_catalog, table_schema, table_name) = (?, ?, ?)",
            [this.database, this.schema, this.identifier],
        ).fetchall()
        return session.sql(f"select * from {this}") if found else None
