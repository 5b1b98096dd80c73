"""Gives each part of the bundle the same UUID in every generation."""

import uuid

DATABASE = "CLV warehouse"
VERSION = "1.0.0"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "clv_warehouse/superset")


def identity(kind: str, name: str) -> str:
    """Return the UUID of a part, such as the chart with a name."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))
