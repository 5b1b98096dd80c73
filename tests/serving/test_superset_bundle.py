"""Tests that the committed Superset bundle is up to date and complete."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from clv_warehouse.project import metrics
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.project.metrics import Metric
from clv_warehouse.serving.superset import bundle as bundles
from clv_warehouse.serving.superset.datasets import MEASURES, NUMBERS

COLUMNS = ("x_axis", "groupby", "groupbyRows", "groupbyColumns", "all_columns")
METRICS = ("metric", "metrics")


@pytest.fixture(scope="module")
def tables(parsed: Path) -> tuple[Table, ...]:
    return read_tables(parsed / "manifest.json")


@pytest.fixture(scope="module")
def defined(parsed: Path) -> list[Metric]:
    return metrics.load(parsed / "semantic_manifest.json")


@pytest.fixture(scope="module")
def committed(root: Path) -> dict[str, str]:
    return bundles.read(root / bundles.FOLDER)


@pytest.fixture(scope="module")
def files(committed: dict[str, str]) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in committed.items()}


@pytest.fixture(scope="module")
def datasets(files: dict[str, Any]) -> dict[str, Any]:
    return {file["uuid"]: file for file in of(files, "datasets")}


@pytest.fixture(scope="module")
def charts(files: dict[str, Any]) -> dict[str, Any]:
    return {file["uuid"]: file for file in of(files, "charts")}


@pytest.fixture(scope="module")
def dashboard(files: dict[str, Any]) -> dict[str, Any]:
    (file,) = of(files, "dashboards")
    return file


def of(files: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [file for path, file in files.items() if path.startswith(f"{kind}/")]


def named(params: dict[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    """What a chart's settings name under the keys."""
    for key in keys:
        value = params.get(key, [])
        yield from [value] if isinstance(value, str) else value


def columns_of(dataset: dict[str, Any]) -> set[str]:
    return {column["column_name"] for column in dataset["columns"]}


def metrics_of(dataset: dict[str, Any]) -> set[str]:
    return {metric["metric_name"] for metric in dataset["metrics"]}


def test_the_committed_bundle_is_what_is_generated(
    committed: dict[str, str], tables: tuple[Table, ...], defined: list[Metric]
) -> None:
    generated = bundles.bundle(tables, defined)
    assert committed.keys() == generated.keys()
    differing = [path for path in generated if generated[path] != committed[path]]
    assert not differing, "run: make superset-bundle"


def test_a_description_that_changes_changes_the_bundle(
    committed: dict[str, str], tables: tuple[Table, ...], defined: list[Metric]
) -> None:
    first = tables[0]
    column = replace(first.columns[0], description="something else")
    table = replace(first, columns=(column, *first.columns[1:]))
    changed = bundles.bundle((table, *tables[1:]), defined)
    assert [path for path in changed if changed[path] != committed[path]] == [
        f"datasets/clv_warehouse/{first.schema}_{first.name}.yaml"
    ]


def test_every_table_under_contract_is_a_dataset_with_its_metrics(
    datasets: dict[str, Any], tables: tuple[Table, ...], defined: list[Metric]
) -> None:
    found = {
        f"{file['schema']}.{file['table_name']}": file for file in datasets.values()
    }
    assert found.keys() - {"orders.customers_orders"} == {
        table.full_name for table in tables
    }
    for table in tables:
        columns = found[table.full_name]["columns"]
        assert [
            (column["column_name"], column["description"]) for column in columns
        ] == [(column.name, column.description.strip()) for column in table.columns]
    for metric in defined:
        of_dataset = {
            shown["metric_name"]: shown for shown in found[metric.relation]["metrics"]
        }
        shown = of_dataset[metric.name]
        assert shown["expression"] == metric.expression
        assert shown["verbose_name"] == metric.label
        assert shown["d3format"] == NUMBERS[metric.format]


def test_every_chart_refers_to_what_there_is(
    charts: dict[str, Any], datasets: dict[str, Any]
) -> None:
    assert len(charts) >= 12
    for chart in charts.values():
        dataset, params = datasets[chart["dataset_uuid"]], chart["params"]
        asked = set(named(params, METRICS))
        columns = set(named(params, COLUMNS))
        columns |= {own["subject"] for own in params.get("adhoc_filters", [])}
        assert columns | asked, chart["slice_name"]
        assert asked <= metrics_of(dataset), chart["slice_name"]
        assert columns <= columns_of(dataset), chart["slice_name"]
        assert params.get("x_axis_sort") in {None, *columns, *asked}


def test_the_dashboard_has_every_chart_once(
    dashboard: dict[str, Any], charts: dict[str, Any]
) -> None:
    parts = {
        name: part for name, part in dashboard["position"].items() if "_KEY" not in name
    }
    placed = [
        part["meta"]["uuid"] for part in parts.values() if part["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(charts)
    for name, part in parts.items():
        for child in part.get("children", []):
            assert parts[child]["parents"][-1] == name or name == "ROOT_ID"
        if part["type"] == "ROW":
            widths = [parts[child]["meta"]["width"] for child in part["children"]]
            assert sum(widths) == 12


def test_a_filter_acts_on_every_chart_in_its_scope(
    dashboard: dict[str, Any], charts: dict[str, Any], datasets: dict[str, Any]
) -> None:
    numbers = {
        part["meta"]["chartId"]: charts[part["meta"]["uuid"]]
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    }
    filters = dashboard["metadata"]["native_filter_configuration"]
    assert len(filters) >= 3
    for native in filters:
        ((target),) = native["targets"]
        column = target["column"]["name"]
        assert column in columns_of(datasets[target["datasetUuid"]])
        reached = numbers.keys() - set(native["scope"]["excluded"])
        assert reached
        for number in reached:
            dataset = datasets[numbers[number]["dataset_uuid"]]
            assert column in columns_of(dataset), numbers[number]["slice_name"]


def test_the_database_can_answer_every_dataset(
    sample: duckdb.DuckDBPyConnection, datasets: dict[str, Any]
) -> None:
    for dataset in datasets.values():
        table = f"{dataset['schema']}.{dataset['table_name']}"
        source = f"({dataset['sql']})" if dataset["sql"] else table
        columns = [column["column_name"] for column in dataset["columns"]]
        assert sample.sql(f"from {source}").columns == columns
        for metric in dataset["metrics"]:
            sample.sql(f"select {metric['expression']} from {source}").fetchall()


def test_orders_with_customers_are_the_orders(
    sample: duckdb.DuckDBPyConnection, datasets: dict[str, Any]
) -> None:
    (joined,) = (file["sql"] for file in datasets.values() if file["sql"])
    total = "select count(*), sum(net_amount) from {}"
    assert (
        sample.sql(total.format(f"({joined})")).fetchall()
        == sample.sql(total.format("orders.fct_orders")).fetchall()
    )


def test_the_measures_are_the_table_s_own(sample: duckdb.DuckDBPyConnection) -> None:
    """Of one origin, horizon, model and tenth they are that row's figures."""
    by_name = {metric.name: metric for metric in MEASURES}
    key = "origin_date", "horizon_days", "model", "decile"
    for metric, column in (
        ("predicted_per_customer", "predicted_spend"),
        ("actual_per_customer", "actual_spend"),
    ):
        found = sample.sql(by_name[metric].query(*key)).fetchall()
        rows = sample.sql(
            f"select {', '.join(key)}, {column} from clv.backtest_deciles order by all"
        ).fetchall()
        assert [row[:-1] for row in found] == [row[:-1] for row in rows]
        assert [row[-1] for row in found] == pytest.approx([row[-1] for row in rows])


def test_the_zip_is_the_bundle_in_one_folder(committed: dict[str, str]) -> None:
    content = bundles.zipped(committed)
    assert content == bundles.zipped(committed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert {name.partition("/")[2] for name in names} == committed.keys()
        assert len({name.partition("/")[0] for name in names}) == 1


def test_only_the_address_of_the_database_differs(
    committed: dict[str, str], tables: tuple[Table, ...], defined: list[Metric]
) -> None:
    elsewhere = bundles.bundle(tables, defined, "duckdb:////srv/clv/serving.duckdb")
    (path,) = [path for path in elsewhere if elsewhere[path] != committed[path]]
    database = yaml.safe_load(elsewhere[path])
    assert database["sqlalchemy_uri"] == "duckdb:////srv/clv/serving.duckdb"
    assert database["extra"]["engine_params"] == {"connect_args": {"read_only": True}}
