"""The border between the library and what dbt's Python models get from an engine.

There `dbt.ref` gives a lazy relation: DuckDB's own, or a Spark DataFrame. Inside, all
are a Relation, and what is made of them is a table in memory or work that is still to
be done batch by batch; `doorway` translates both ways.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from clv_warehouse.engines.duckdb import DuckDb
from clv_warehouse.engines.relation import Engine


def engine_of(*given: Any) -> Engine:
    """Find the engine of what a Python model was given: relations, or a session."""
    for each in given:
        if type(each).__module__.startswith("pyspark."):
            # Not everybody has Spark.
            from clv_warehouse.engines.spark.relation import Spark

            return Spark.of(each)
    return DuckDb()


def doorway(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of Relations take those of any engine, all of the same one.

    Its answer, if it is a table, becomes what dbt takes from a Python model there.
    """

    @wraps(function)
    def entered(*given: Any) -> Any:
        engine = engine_of(*given)
        return engine.answer(function(*map(engine.relation, given)))

    return entered
