"""Hands the shop's secrets to a Spark session, and writes them down nowhere."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from clv_warehouse.project.secrets import Secret

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def hand_to(session: "SparkSession", given: Iterable[Secret]) -> None:
    """Let SQL of the session call clv_key_hash(text) and clv_salt_hash(text).

    A function lives and ends with its session; plans, event logs and errors show its
    name only. A permanent view cannot call it, so staging is tables on Spark.
    """
    for secret in given:
        session.udf.register(f"clv_{secret.name}_hash", _hash_of(secret))


def _hash_of(secret: Secret) -> Callable[[str | None], str | None]:
    def hash_of(text: str | None) -> str | None:
        return None if text is None else secret.hash(text)

    return hash_of
