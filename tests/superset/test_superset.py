"""Sets up a real Superset from nothing and uses its dashboard in a real browser.

`make test-superset` runs it, not `make test`: it needs .venv-superset and Chromium and
takes minutes.
"""

import json
import os
import shutil
from urllib.parse import parse_qs, urlparse

import duckdb
import pytest
from playwright.sync_api import expect, sync_playwright

from clv_warehouse.project import metrics
from clv_warehouse.project.contracts import read_tables
from clv_warehouse.serving.publishing.publication import SERVING
from clv_warehouse.serving.publishing.serving import write_serving_copy
from clv_warehouse.serving.superset.bundle import FOLDER, read, zipped
from clv_warehouse.serving.superset.charts import CHARTS
from clv_warehouse.serving.superset.dashboard import SLUG
from clv_warehouse.serving.superset.identity import identity
from clv_warehouse.serving.superset.server import (
    PROJECT,
    USER,
    Superset,
    SupersetError,
    environment,
    free_port,
)

WAREHOUSE = PROJECT / os.environ.get("CLV_WAREHOUSE", "data/sample.duckdb")
MANIFEST = PROJECT / "target" / "manifest.json"
PICTURE = PROJECT / "data" / "superset.png"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
]
# All charts are in view at once, for those out of view are not drawn.
SIZE = {"width": 1600, "height": 7700}
# The picture has the dashboard's beginning: customers, and whom to care about.
PICTURED = {"x": 0, "y": 0, "width": 1600, "height": 3640}
SECONDS = 60
# Of a metric over all customers: the chart that shows it, and how.
SHOWN = {
    "customers": ("Customers", "{:,.0f}"),
    "active_customers": ("Active customers", "{:,.0f}"),
    "spend_365d": ("Spend", "{:,.0f}"),
    "predicted_spend": ("Predicted spend", "{:,.0f}"),
    "value_at_risk": ("Value at risk", "{:,.0f}"),
    "top_decile_share": ("Best tenth", "{:.1%}"),
}
METRICS = {metric.name: metric for metric in metrics.load()}
DRAWN = "canvas, table, .header-line"


def ask(query, warehouse=WAREHOUSE):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def publish(warehouse, folder):
    """Swap in a serving copy, as scripts/publish.py does."""
    new = folder / "new.duckdb"
    write_serving_copy(
        *(warehouse, read_tables(MANIFEST), new, 5, lambda _: None), is_forced=True
    )
    new.replace(folder / SERVING)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("superset") / "data" / "published"
    folder.mkdir(parents=True)
    publish(WAREHOUSE, folder)
    return folder


@pytest.fixture(scope="module")
def superset(published):
    try:
        programs = environment()
    except SupersetError as error:
        pytest.skip(str(error))
    folder = published.parents[1]
    superset = Superset(programs, folder, folder / "superset", free_port())
    superset.set_up()
    with superset.running():
        yield superset


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Heard:
    """What a page was answered, and by whom."""

    def __init__(self, page, superset):
        self.elsewhere, self.failed, self.errors = [], [], []
        self.charts = {}
        self._superset = superset
        page.on("response", self._answered)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _answered(self, response):
        url = urlparse(response.url)
        if url.scheme in ("data", "blob"):
            return
        if not response.url.startswith(self._superset.address):
            self.elsewhere.append(response.url)
        elif response.status >= 400:
            self.failed.append((response.status, response.url))
        if number := slice_of(response.url):
            self.charts[number] = response


def slice_of(address):
    """The number of the chart whose data are asked for at an address, if any are."""
    url = urlparse(address)
    form = parse_qs(url.query).get("form_data")
    if url.path.endswith("/chart/data") and form:
        return json.loads(form[0])["slice_id"]
    return None


@pytest.fixture(scope="module")
def page(superset, browser):
    """A page of a user who has logged in by the form."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(SECONDS * 1000)
    page.heard = Heard(page, superset)
    page.goto(f"{superset.address}/superset/dashboard/{SLUG}/")
    page.fill("[data-test=username-input]", USER)
    page.fill("[data-test=password-input]", superset.password)
    page.click("[data-test=login-button]")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def open_dashboard(page, superset):
    """Open it and wait until every chart is drawn; the charts' numbers by name."""
    page.heard.charts.clear()
    page.goto(f"{superset.address}/superset/dashboard/{SLUG}/")
    answer = page.request.get(f"{superset.address}/api/v1/dashboard/{SLUG}/charts")
    numbers = {chart["slice_name"]: chart["id"] for chart in answer.json()["result"]}
    for number in numbers.values():
        drawn = page.locator(f'[data-test-chart-id="{number}"]').locator(DRAWN)
        expect(drawn.first).to_be_visible(timeout=SECONDS * 1000)
    return numbers


def figure(page, number):
    return page.locator(f'[data-test-chart-id="{number}"] .header-line')


def test_every_chart_shows_data(page, superset):
    numbers = open_dashboard(page, superset)
    assert set(numbers) == {chart.name for chart in CHARTS}
    for name, number in numbers.items():
        (result, *_) = page.heard.charts[number].json()["result"]
        assert result["error"] is None, name
        assert result["rowcount"] > 0, name
        box = page.locator(f'[data-test-chart-id="{number}"]')
        assert box.locator(".ant-alert, .ant-empty").count() == 0, name
    PICTURE.parent.mkdir(exist_ok=True)
    # Bars grow for a moment when they are drawn.
    page.wait_for_timeout(2000)
    page.screenshot(path=PICTURE, clip=PICTURED)


def test_figures_are_the_warehouse_s(page, superset):
    numbers = open_dashboard(page, superset)
    for name, (chart, shown) in SHOWN.items():
        ((value,),) = ask(METRICS[name].query())
        expect(figure(page, numbers[chart])).to_have_text(shown.format(value))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_the_warehouse_s(page, superset, name):
    schema, table = METRICS[name].relation.split(".")
    asked = (
        f"(filters:!((col:table_name,opr:eq,value:{table}),"
        f"(col:schema,opr:eq,value:{schema})))"
    )
    found = page.request.get(f"{superset.address}/api/v1/dataset/?q={asked}")
    (dataset,) = found.json()["result"]
    query = {
        "datasource": {"id": dataset["id"], "type": "table"},
        "queries": [{"metrics": [name], "columns": []}],
    }
    answer = page.request.post(f"{superset.address}/api/v1/chart/data", data=query)
    ((row,),) = (result["data"] for result in answer.json()["result"])
    ((value,),) = ask(METRICS[name].query())
    assert float(row[name]) == pytest.approx(float(value), rel=1e-12)


def test_months_and_segments_are_the_warehouse_s(page, superset):
    numbers = open_dashboard(page, superset)
    (result,) = page.heard.charts[numbers["Customers by segment"]].json()["result"]
    found = {row["segment"]: row["customers"] for row in result["data"]}
    assert found == dict(ask(METRICS["customers"].query("segment")))
    (result,) = page.heard.charts[numbers["Revenue by month"]].json()["result"]
    found = [float(row["revenue"]) for row in result["data"]]
    expected = ask(METRICS["revenue"].query("date_trunc('month', ordered_date)"))
    assert found == pytest.approx([float(revenue) for _, revenue in expected])


@pytest.mark.parametrize("column", ["segment", "country", "acquisition_channel"])
def test_filters_act(page, superset, column):
    counted = dict(ask(METRICS["customers"].query(column)))
    value = max(counted, key=counted.get)
    revenue = ask(
        "select sum(net_amount) from orders.fct_orders "
        "inner join profiles.customer_profiles using (customer_key) "
        f"where {column} = '{value}'"
    )
    numbers = open_dashboard(page, superset)
    page.click(f'[data-test="NATIVE_FILTER-{identity("filter", column)}"]')
    page.locator(".ant-select-item-option", has_text=value).first.click()
    page.keyboard.press("Escape")
    page.heard.charts.clear()

    def is_revenue(response):
        return slice_of(response.url) == numbers["Revenue by month"]

    with page.expect_response(is_revenue) as answered:
        page.click("[data-test=filter-bar__apply-button]")
    expect(figure(page, numbers["Customers"])).to_have_text(f"{counted[value]:,}")
    (result,) = answered.value.json()["result"]
    found = sum(float(row["revenue"]) for row in result["data"])
    assert found == pytest.approx(float(revenue[0][0]))
    # What no customer is in has nothing to do with it.
    assert numbers["Rejected records by reason"] not in page.heard.charts


def test_what_is_published_anew_is_shown(page, superset, published, tmp_path):
    numbers = open_dashboard(page, superset)
    ((before,),) = ask(METRICS["customers"].query())
    expect(figure(page, numbers["Customers"])).to_have_text(f"{before:,}")
    smaller = tmp_path / WAREHOUSE.name
    shutil.copy(WAREHOUSE, smaller)
    with duckdb.connect(str(smaller)) as connection:
        connection.execute("delete from profiles.customer_profiles where value_rank=1")
    try:
        publish(smaller, published)
        open_dashboard(page, superset)
        expect(figure(page, numbers["Customers"])).to_have_text(f"{before - 1:,}")
    finally:
        publish(WAREHOUSE, published)


def test_the_file_is_read_only(page, superset):
    found = page.request.get(f"{superset.address}/api/v1/database/")
    (database,) = found.json()["result"]
    answer = execute(
        page, superset, database["id"], "delete from profiles.customer_profiles"
    )
    assert not answer.ok
    asked = execute(
        page, superset, database["id"], "select 1 as one from clv.clv_predictions"
    )
    assert asked.ok


def execute(page, superset, database, sql):
    return page.request.post(
        f"{superset.address}/api/v1/sqllab/execute/",
        data={"database_id": database, "sql": sql, "runAsync": False},
        headers=token(page, superset),
    )


def token(page, superset):
    answer = page.request.get(f"{superset.address}/api/v1/security/csrf_token/")
    return {"X-CSRFToken": answer.json()["result"], "Referer": superset.address}


def test_the_zip_is_what_the_page_of_dashboards_imports(page, superset):
    answer = page.request.post(
        f"{superset.address}/api/v1/dashboard/import/",
        headers=token(page, superset),
        multipart={
            "formData": {
                "name": f"{SLUG}.zip",
                "mimeType": "application/zip",
                "buffer": zipped(read(PROJECT / FOLDER)),
            },
            "overwrite": "true",
        },
    )
    assert answer.ok, answer.text()
    open_dashboard(page, superset)


def test_without_a_login_nothing_is_seen(superset, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{superset.address}/superset/dashboard/{SLUG}/")
    assert "/login" in page.url
    answer = context.request.get(f"{superset.address}/api/v1/dataset/")
    assert answer.status == 401
    context.close()


def test_nothing_is_asked_of_anyone_else(page, superset):
    """Superset's page wants a pixel of Scarf's; the browser must refuse to fetch it."""
    refused = {}
    page.on(
        "requestfailed",
        lambda request: refused.update({request.url: request.failure}),
    )
    open_dashboard(page, superset)
    elsewhere = {
        why for url, why in refused.items() if not url.startswith(superset.address)
    }
    # By policy, not because the network happened to be unreachable.
    assert elsewhere == {"csp"}
    assert not page.heard.elsewhere
    assert not page.heard.errors
    assert not page.heard.failed
