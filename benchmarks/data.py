"""The public data sets that benchmarks and tests read.

docs/data.md says where anybody gets them and what the files are called. The environment
variable CLV_DATA names their folder.
"""

import os
from pathlib import Path

from benchmarks.harness import ROOT

# Where CLV_DATA is unset: beside the checkout.
DATA = Path(os.environ.get("CLV_DATA") or ROOT.parent / "shared" / "data")
ONLINE_RETAIL_II = "online_retail_ii/online_retail_II.parquet"
CDNOW = "cdnow/CDNOW_master.txt"
CDNOW_SAMPLE = "cdnow/CDNOW_sample.txt"
HILLSTROM = "hillstrom/hillstrom.csv"
OLIST = "olist_sample"
GOWALLA = "gowalla"
TAFENG = "tafeng/baskets.parquet"
JOURNEY = "completejourney"


def absent(path: Path) -> str:
    """Say what is missing and what to do, for a message or a skipped test."""
    return (
        f"{path} is absent: docs/data.md says where to get it, and CLV_DATA names "
        "its folder"
    )
