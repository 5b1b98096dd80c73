"""Runs the snippets of the documents as they stand, each page from top to bottom."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pytest

from benchmarks.postgres_server import find_programs, running_server
from clv_warehouse.project.places import ROOT
from linked import linked_project

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
SNIPPET = re.compile(r"^```(sh|python|sql)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Commands that no test runs, by how they begin, each with the reason.
NOT_RUN = {
    "make ": "it installs into .venv; test_docs.py holds that the targets exist",
    "source .venv": "the tests run in that environment, or lack Spark's",
    "dbt build": "a build takes minutes; the sample shop is built before the tests",
    "dbt test": "it takes a minute, and is a part of make test",
    "dbt parse": "it takes ten seconds, and its result is given",
    "python scripts/run.py": "it builds for a minute; make test-schedules runs it",
    "git pull": "a test changes no version",
    "python scripts/publish.py postgres": "it needs a server; "
    "tests/serving/test_publish_postgres.py publishes with the page's roles",
    "python -m pytest": "it would run the tests within a test",
    "python scripts/spark.py": "it needs Spark; make test-spark runs it",
    "python scripts/load.py tables": "it needs tables of Fivetran or dlt, which "
    "tests/loading/test_layouts.py makes",
}
PROGRAMS = find_programs()
SERVER = "db.example.org"  # the name that the pages give a server of PostgreSQL
WORKBOOK = """
import pandas
columns = ["Invoice", "StockCode", "Quantity", "Price", "Description", "Customer ID"]
sheet = pandas.DataFrame([["489434", "85048", 12, 6.95, "LAMP", 13085]], None, columns)
with pandas.ExcelWriter("online_retail_II.xlsx") as workbook:
    for year in ("Year 2009-2010", "Year 2010-2011"):
        sheet.to_excel(workbook, sheet_name=year, index=False)
"""


def snippets(page):
    """The snippets of a page: language and text."""
    return SNIPPET.findall(page.read_text("utf-8"))


def commands(text):
    """The commands of a snippet; those joined by && are commands of their own."""
    whole = re.sub(r"\\\n\s*", "", text)
    parts = re.split(r"\n| && ", re.sub(r"(^|\s)#.*", "", whole, flags=re.MULTILINE))
    return [part.strip() for part in parts if part.strip()]


def reason(command):
    """Why a command is not run, by how it begins; None if it is run."""
    found = [start for start in NOT_RUN if command.startswith(start)]
    return found[0] if found else None


def script(page):
    """A page as one script of bash: commands, Python, and SQL for PostgreSQL."""
    lines = []
    for language, text in snippets(page):
        if language == "sh":
            lines += [each for each in commands(text) if reason(each) is None]
        elif language == "python":
            lines.append(f"python - <<'SNIPPET'\n{text}SNIPPET")
        elif page.name == "connect.md":
            lines.append(
                f"psql -v ON_ERROR_STOP=1 \"$ADMIN\" <<'SNIPPET'\n{text}SNIPPET"
            )
    return "\n".join(lines)


SCRIPTS = {page: script(page) for page in PAGES}


@pytest.fixture(scope="module")
def made_up_shop(tmp_path_factory):
    """An export of a small shop, as Parquet."""
    folder = tmp_path_factory.mktemp("made_up") / "exports"
    subprocess.run(
        [sys.executable, "scripts/make_shop.py", "--customers", "300", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return folder


@pytest.fixture
def project(sample, made_up_shop, tmp_path):
    """The project in a folder of its own, with a built warehouse and an export.

    `sample` is taken so that the test skips where nothing is built.
    """
    folder = tmp_path / "project"
    linked_project(folder)
    (folder / "target").mkdir()
    for manifest in (ROOT / "target").glob("*manifest.json"):
        shutil.copy(manifest, folder / "target")
    (folder / "data" / "published").mkdir()
    # The published copy has the same tables; connect.md publishes it anew.
    for name in ("warehouse", "published/serving"):
        shutil.copy(ROOT / "data" / "sample.duckdb", folder / f"data/{name}.duckdb")
    shutil.copytree(made_up_shop, folder / "exports")
    yield folder
    shutil.rmtree(folder)


def publish_less(manifest):
    """Take the contract from what the pages do not read, which spares ten seconds."""
    project = json.loads(manifest.read_text("utf-8"))
    for node in project["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] not in ("clv", "orders"):
            node["config"]["contract"]["enforced"] = False
    manifest.write_text(json.dumps(project), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page, text in SCRIPTS.items() if text], ids=lambda page: page.name
)
def test_the_snippets_of_a_page_run_from_top_to_bottom(project, page):
    exports = project / "exports"
    if page.name == "made-up-shop.md":
        shutil.rmtree(exports)
    elif page.name != "scale.md":
        orders = exports / "orders"
        duckdb.execute(f"copy (from '{orders}.parquet') to '{orders}.csv'")
        Path(f"{orders}.parquet").unlink()
    if page.name == "connect.md":
        publish_less(project / "target" / "manifest.json")
    needs_server = "psql" in SCRIPTS[page]
    if needs_server and PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with (
        running_server(PROGRAMS, "fsync=off") if needs_server else nullcontext() as dsn
    ):
        text = SCRIPTS[page]
        folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
        variables = os.environ | {"PYTHONPATH": str(project / "src")}
        variables.pop("CLV_WAREHOUSE", None)
        if dsn:
            text = text.replace(SERVER, dsn.partition("@")[2].partition("/")[0])
            folders.append(str(PROGRAMS))
            variables["ADMIN"] = dsn
        if "xlsx" in text:
            subprocess.run([sys.executable, "-c", WORKBOOK], cwd=project, check=True)
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", text],
            cwd=project,
            env=variables | {"PATH": os.pathsep.join(folders)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("page", "query"),
    [
        pytest.param(page, text, id=f"{page.name}-{number}")
        for page in PAGES
        for number, (language, text) in enumerate(snippets(page))
        if language == "sql" and page.name != "connect.md"
    ],
)
def test_queries_of_the_pages_find_rows(sample, page, query):
    """A shop that was built for the first time has not said anything before."""
    said_before = ("clv.value_changes", "clv.said_and_came")
    assert sample.sql(query).fetchall() or any(each in query for each in said_before)


def test_every_command_that_is_not_run_is_on_a_page_and_has_a_reason():
    given = [
        each
        for page in PAGES
        for language, text in snippets(page)
        if language == "sh"
        for each in commands(text)
    ]
    assert len(given) > 30
    assert {reason(each) for each in given} - {None} == set(NOT_RUN)
    assert sum(reason(each) is None for each in given) > 15


def test_comments_and_joined_commands_are_read_as_bash_does():
    text = "a 'x y' \\\n    -b   # why\nc=1 && d > e\n# only words\n"
    assert commands(text) == ["a 'x y' -b", "c=1", "d > e"]
