"""Writes the bundle: Superset's files of database, datasets, charts and dashboard.

The files are generated from dbt's manifest and committed. So anybody can import them
without dbt, and a diff shows what a changed description does to them.
"""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from clv_warehouse.project.contracts import Table
from clv_warehouse.project.metrics import Metric
from clv_warehouse.serving.superset.charts import CHARTS, chart_file
from clv_warehouse.serving.superset.dashboard import SLUG, dashboard_file
from clv_warehouse.serving.superset.datasets import dataset_file, datasets
from clv_warehouse.serving.superset.identity import DATABASE, VERSION, identity

FOLDER = Path("bi/superset/bundle")
# The serving copy, relative to the folder in which Superset starts.
ADDRESS = "duckdb:///data/published/serving.duckdb"
# Superset writes the time of the export; ours is fixed, so equal files are equal bytes.
WRITTEN = "2025-01-01T00:00:00+00:00"


def bundle(
    tables: Sequence[Table], metrics: Sequence[Metric], address: str = ADDRESS
) -> dict[str, str]:
    """Return the texts of all files, by path within the bundle."""
    by_name = {dataset.name: dataset for dataset in datasets(tables, metrics)}
    files: dict[str, Any] = {
        "metadata.yaml": {
            "version": VERSION,
            "type": "Dashboard",
            "timestamp": WRITTEN,
        },
        f"databases/{_file_name(DATABASE)}.yaml": database_file(address),
        f"dashboards/{SLUG}.yaml": dashboard_file(by_name),
    }
    for dataset in by_name.values():
        path = f"datasets/{_file_name(DATABASE)}/{dataset.schema}_{dataset.name}.yaml"
        files[path] = dataset_file(dataset)
    for chart in CHARTS:
        path = f"charts/{_file_name(chart.name)}.yaml"
        files[path] = chart_file(chart, by_name[chart.dataset])
    return {path: _text(content) for path, content in sorted(files.items())}


def database_file(address: str) -> dict[str, Any]:
    """Describe the database: read-only, and opened anew for every query."""
    read_only = {"connect_args": {"read_only": True}}
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": address,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {
            "engine_params": read_only if address.startswith("duckdb:") else {},
            "allows_virtual_table_explore": True,
        },
        "uuid": identity("database", DATABASE),
        "version": VERSION,
    }


def write(files: Mapping[str, str], folder: Path = FOLDER) -> None:
    """Write these files to the folder and remove all other YAML files."""
    for path in folder.rglob("*.yaml"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def read(folder: Path = FOLDER) -> dict[str, str]:
    """Read the texts of a bundle's files, by path within the bundle."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*.yaml"))
    }


def zipped(files: Mapping[str, str]) -> bytes:
    """Return the bundle as the zip that Superset's page of dashboards imports."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{SLUG}/{name}"), text)
    return written.getvalue()


def _file_name(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower())


class _Dumper(yaml.SafeDumper):
    """YAML with long texts as blocks, no aliases, no line broken."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def _text(content: Mapping[str, Any]) -> str:
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16
    )
