"""`doorway` lets dbt's Python models call the library on any engine.

In a Python model `dbt.ref` gives a lazy relation: DuckDB's own, or a Spark DataFrame.
The library only knows `Relation`, and it returns a table in memory or a description of
batch work. `doorway` translates the arguments on the way in and the result on the way
out.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from clv_warehouse.engines.duckdb import DuckDb
from clv_warehouse.engines.relation import Engine


def engine_of(*given: Any) -> Engine:
    """Return the engine that some relations, or a session, belong to."""
    for each in given:
        if type(each).__module__.startswith("pyspark."):
            # Imported late, because few people install Spark.
            from clv_warehouse.engines.spark.relation import Spark

            return Spark.of(each)
    return DuckDb()


def doorway(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of Relations take the relations of any one engine.

    If the function returns a table, it becomes what dbt takes from a Python model.
    """

    @wraps(function)
    def entered(*given: Any) -> Any:
        engine = engine_of(*given)
        return engine.answer(function(*map(engine.relation, given)))

    return entered
