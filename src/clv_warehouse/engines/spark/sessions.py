"""Starts Spark sessions: the one that is given, or Sail or Spark in this process.

Each function imports its Spark only when it is called, because few people install it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def plain_session(scratch: Path) -> Iterator["SparkSession"]:
    """Return the session that spark-submit or SPARK_REMOTE gives."""
    from pyspark.sql import SparkSession

    yield SparkSession.builder.enableHiveSupport().getOrCreate()


@contextmanager
def sail_session(scratch: Path) -> Iterator["SparkSession"]:
    """Start Sail in this process, with its tables in `scratch`."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    os.environ.setdefault("RUST_LOG", "error")
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{port}"
    session = SparkSession.builder.config(
        "spark.sql.warehouse.dir", str(scratch / "warehouse")
    ).getOrCreate()
    try:
        yield session
    finally:
        session.stop()
        server.stop()
        del os.environ["SPARK_REMOTE"]


@contextmanager
def local_session(scratch: Path) -> Iterator["SparkSession"]:
    """Start Spark in this process, with its tables in `scratch`; it needs Java 17.

    Two shuffle partitions, not 200, because the data are small.
    """
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.log.level", "ERROR")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    try:
        yield session
    finally:
        session.stop()


SESSIONS: dict[str, Callable[[Path], AbstractContextManager["SparkSession"]]] = {
    "plain": plain_session,
    "sail": sail_session,
    "local": local_session,
}
