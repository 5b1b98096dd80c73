"""The shapes of raw data that scripts/load.py knows, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clv_warehouse.loading.connectors import (
    cdnow,
    folder,
    ga4,
    mapped,
    olist,
    online_retail_ii,
    shopify,
    stripe,
    woocommerce,
)
from clv_warehouse.loading.reading import Reader


@dataclass(frozen=True)
class Connector:
    """Reads one shape of raw data.

    `read` checks the source and returns a query for each feed that the source has; a
    query names the columns that it fills. `source` describes what a person gives it.
    """

    read: Callable[[Reader, Path], dict[str, str]]
    source: str


def mapped_by(mapping: Path) -> Connector:
    """Return the connector that reads as a mapping file says."""
    return Connector(
        lambda reader, source: mapped.read(reader, source, mapping),
        "any file or folder that a mapping file describes",
    )


CONNECTORS = {
    "online-retail-ii": Connector(
        online_retail_ii.read,
        "UCI Online Retail II: the published .xlsx, or a .csv or .parquet of it",
    ),
    "cdnow": Connector(cdnow.read, "CDNOW_master.txt or CDNOW_sample.txt"),
    "olist": Connector(olist.read, "the folder of Olist's .csv or .parquet files"),
    "shopify": Connector(
        shopify.read,
        "Shopify's orders export, or a folder with it, in parts too, and with the "
        "customers and products exports",
    ),
    "woocommerce": Connector(
        woocommerce.read,
        "an export of WooCommerce's orders, or a folder of its parts: of the plugins "
        "Advanced Order Export or WebToffee, or of Analytics > Orders",
    ),
    "stripe": Connector(
        stripe.read,
        "Stripe's payments export, or a folder with it, in parts too, and with the "
        "itemized balance report",
    ),
    "ga4": Connector(
        ga4.read,
        "events of Google Analytics 4, exported by BigQuery as .jsonl or .parquet or "
        "flattened to .csv: a file, or a folder of them",
    ),
    "folder": Connector(
        folder.read,
        "a folder of .csv or .parquet files named and shaped like the feeds in "
        "models/staging/shop.yml",
    ),
}
