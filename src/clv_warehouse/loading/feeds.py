"""The feeds of a shop, as models/staging/shop.yml describes them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_warehouse.project.places import ROOT
from clv_warehouse.project.yaml_files import read_yaml

# The types of times; those of days are dates.
TIMES = ("timestamp", "date")

SHOP_YML = ROOT / "models" / "staging" / "shop.yml"


@dataclass(frozen=True)
class Column:
    """A column of a file or feed: its name and the type of its values.

    `data_type` is DuckDB's, in lower case. `aliases` are other names that files use for
    the column. `formats` are strptime formats of timestamps, tried before what is read
    anyway. `time_zone` is that of times without an offset, if it is not the shop's.
    `made_from` are the columns that an id is made from where it is absent. `pii` is the
    kind of personal data that it may hold, as docs/privacy.md lists them.
    """

    name: str
    data_type: str = "varchar"
    is_required: bool = True
    aliases: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    time_zone: str | None = None
    made_from: tuple[str, ...] = ()
    pii: str = ""

    @property
    def is_time(self) -> bool:
        """Whether the column holds times, or days."""
        return self.data_type in TIMES

    @property
    def is_id(self) -> bool:
        """Whether the column holds ids, which a spreadsheet takes for numbers."""
        is_named_so = re.search(r"(^|[\s_-])[iI][dD]$|[a-z](ID|Id)$", self.name)
        return self.data_type == "varchar" and is_named_so is not None


@dataclass(frozen=True)
class Feed:
    """One table of a shop's raw data; `key` names the columns that identify a row."""

    name: str
    columns: tuple[Column, ...]
    is_required: bool
    key: tuple[str, ...]


def read_feeds(shop_yml: Path = SHOP_YML) -> tuple[Feed, ...]:
    """Read the feeds of the source `shop` in `shop_yml`, in the file's order."""
    sources = read_yaml(shop_yml)["sources"]
    (shop,) = (source for source in sources if source["name"] == "shop")
    return tuple(_feed(table) for table in shop["tables"])


def _feed(table: dict[str, Any]) -> Feed:
    meta = _meta(table)
    columns = tuple(
        Column(
            name=column["name"],
            data_type=column["data_type"],
            is_required=_meta(column).get("required", False),
            made_from=tuple(_meta(column).get("made_from", ())),
            pii=_meta(column).get("pii", ""),
        )
        for column in table["columns"]
    )
    return Feed(
        name=table["name"],
        columns=columns,
        is_required=meta.get("required", False),
        key=tuple(meta["key"]),
    )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return node.get("config", {}).get("meta", {})
