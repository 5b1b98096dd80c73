"""A build that is not complete and tested is neither published, drawn nor shown."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from clv_warehouse.project.builds import newest_build
from run_command import run_shop
from script_command import script_command
from warehouse import NAME, Warehouse, environment, key_of

BUILDS = "select * from monitoring.builds order by build_number desc limit 1"


@dataclass(frozen=True)
class Ran:
    """A shop of one customer that scripts/run.py loaded, built whole and drew."""

    warehouse: Warehouse
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def ran(
    root: Path,
    warehouse_in: Callable[[Path], Warehouse],
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    warehouse = warehouse_in(tmp_path_factory.mktemp("built"))
    orders = pd.DataFrame(
        {
            "order_id": ["o1", "o2", "o3"],
            "customer_id": "c1",
            "ordered_at": ["2024-01-01", "2024-06-01", "2025-02-01"],
            "amount": [10.0, 20.0, 30.0],
            "currency": "EUR",
        }
    )
    assert warehouse.dbt("list", "--select", "days").returncode == 0
    assert warehouse.forked is not None
    warehouse.forked.lend(warehouse.folder / "target")
    done = run_shop(root, warehouse.folder, orders=orders.to_csv(index=False))
    assert done.returncode == 0, done.stdout
    return Ran(warehouse, done)


@pytest.fixture(scope="module")
def built(ran: Ran) -> Warehouse:
    """That shop. Tests change a copy."""
    return ran.warehouse


@pytest.fixture
def shop(
    built: Warehouse, warehouse_in: Callable[[Path], Warehouse], tmp_path: Path
) -> Warehouse:
    """A copy of that shop."""
    warehouse = warehouse_in(tmp_path)
    shutil.copy(built.path, warehouse.path)
    return warehouse


def why_incomplete(warehouse: Warehouse) -> str | None:
    """What scripts would say of the warehouse."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return newest_build(connection).why_incomplete


def change(warehouse: Warehouse, sql: str) -> None:
    """Change the warehouse behind dbt's back."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(sql)


@pytest.mark.slow
def test_an_export_becomes_a_page(ran: Ran) -> None:
    folder, said = ran.warehouse.folder, ran.done.stdout
    assert ran.done.stderr == ""
    steps = [line for line in said.splitlines() if line.endswith(" ...")]
    assert [line.rpartition(": ")[2] for line in steps] == [
        *("load ...", "build ...", "page ...", "result ..."),
    ]
    # dbt itself prints hundreds of lines; a build of a minute, a line in ten seconds.
    building = said.partition("build ...")[2].partition("step 3")[0]
    assert len(building.splitlines()) < 40
    assert "models built" in building
    assert (folder / "page.html").stat().st_size > 10_000
    log = (folder / "logs" / "build.log").read_text("utf-8")
    assert "Publish it: python scripts/publish.py all --target shop" in log


def test_a_whole_build_is_complete_and_says_what_it_did(built: Warehouse) -> None:
    (build,) = built.query(BUILDS).to_dict("records")
    assert build["is_complete"]
    assert build["command"] == "build"
    assert build["settings"] == "{}"
    assert build["started_at"] < build["ended_at"]
    steps = built.query("from monitoring.build_steps")
    models = steps[steps.resource_type == "model"]
    assert build["models_made"] == len(steps[steps.status == "success"])
    assert set(models.status) == {"success"}
    assert (models.seconds > 0).all()
    # The views of this schema have another row since the build counted.
    others = models[models.is_published & (models.schema_name != "monitoring")]
    with duckdb.connect(str(built.path), read_only=True) as connection:
        for step in others.itertuples():
            (counted,) = connection.execute(
                f"select count(*) from {step.schema_name}.{step.name}"
            ).fetchall()
            assert (step.row_count,) == counted, step.name
    assert why_incomplete(built) is None


def test_a_shop_of_one_customer_is_scored_by_the_prior(built: Warehouse) -> None:
    (value,) = built.query("from clv.customer_lifetime_value").to_dict("records")
    assert value["customer_key"] == key_of("c1")
    assert value["scored_by"] == "prior"
    assert 0 <= value["predicted_spend"] <= 1_000
    assert value["lifetime_value"] >= 0


def test_a_selection_is_no_build_and_nothing_takes_it(
    shop: Warehouse, parsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = shop.dbt("build", "--select", "days")
    assert done.returncode == 0, done.stdout
    assert "Publish it" not in done.stdout
    (models,) = shop.query("select count(*) as n from monitoring.builds").n
    assert models == 2
    said = "made 1 of the"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLV_WAREHOUSE", NAME)
    manifest = str(parsed / "manifest.json")
    publish = "serving", "--target", "shop", "--to", "pub", "--manifest", manifest
    for name, arguments in (
        ("publish.py", publish),
        ("dashboard.py", ("--target", "shop", "--out", "page.html")),
        ("show.py", ("--target", "shop")),
    ):
        refused = script_command(name, *arguments)
        assert refused.returncode == 1, name
        assert said in refused.stderr, name
        assert "Run dbt build --target shop." in refused.stderr, name
    assert not (tmp_path / "page.html").exists()
    assert not (tmp_path / "pub" / "serving.duckdb").exists()
    # What was taken by force says so.
    forced = script_command("publish.py", *publish, "--force")
    assert forced.returncode == 0, forced.stderr
    with duckdb.connect(
        str(tmp_path / "pub" / "serving.duckdb"), read_only=True
    ) as copy:
        ((is_complete, why),) = copy.execute(
            "select is_complete, why_incomplete from monitoring.publication"
        ).fetchall()
    assert not is_complete
    assert said in why
    page = script_command(
        *("dashboard.py", "--target", "shop", "--out", "page.html", "--force")
    )
    assert page.returncode == 0, page.stderr
    assert said in (tmp_path / "page.html").read_text("utf-8")


def test_a_failed_test_is_told_with_its_rows_until_it_passes(shop: Warehouse) -> None:
    change(shop, "insert into metrics.days from metrics.days limit 1")
    assert shop.dbt("test", "--select", "days").returncode == 1
    why = why_incomplete(shop)
    assert why is not None and why.startswith("Test ")
    assert "Got 1 result" in why
    (step,) = shop.query("from monitoring.build_steps where status = 'fail'").to_dict(
        "records"
    )
    assert step["failures"] == 1
    assert "2024-01-01" in step["failing_rows"]
    change(
        shop,
        "create or replace table metrics.days as select distinct * from metrics.days",
    )
    assert shop.dbt("test", "--select", "days").returncode == 0
    assert why_incomplete(shop) is None
    (builds,) = shop.query("select count(*) as n from monitoring.builds").n
    assert builds == 1


def test_what_failed_may_be_made_again_in_the_same_build(shop: Warehouse) -> None:
    change(
        shop,
        "update monitoring.build_steps set status = 'error', message = 'No space' "
        "where name = 'days'; "
        "update monitoring.build_commands set why_incomplete = 'days failed' "
        "where is_end",
    )
    assert why_incomplete(shop) == "days failed"
    # A model that was made before starts a build of its own.
    assert shop.dbt("build", "--select", "days").returncode == 0
    assert why_incomplete(shop) is None
    (builds,) = shop.query("select count(*) as n from monitoring.builds").n
    assert builds == 1
    assert shop.dbt("run", "--select", "days").returncode == 0
    assert "dbt run made 1 of the" in str(why_incomplete(shop))
    # Tests of a part make nothing whole.
    assert shop.dbt("test", "--select", "days").returncode == 0
    assert "made 1 of the" in str(why_incomplete(shop))


def test_a_run_without_rows_or_tests_is_not_complete(shop: Warehouse) -> None:
    change(
        shop,
        "update monitoring.build_steps set status = 'error' where name = 'days'; "
        "delete from monitoring.build_steps where name = 'metric_values_add_up'",
    )
    assert shop.dbt("run", "--empty", "--select", "days").returncode == 0
    assert "--empty" in str(why_incomplete(shop))
    assert shop.dbt("run", "--select", "days").returncode == 0
    assert why_incomplete(shop) == "1 tests have not run. Run dbt test --target shop."


def test_data_loaded_after_the_build_is_noticed_though_clocks_went_back(
    shop: Warehouse,
) -> None:
    change(
        shop,
        "insert into raw.loads by name select max(number) + 1 as number, "
        "timestamp '2020-01-01' as loaded_at from raw.loads",
    )
    why = str(why_incomplete(shop))
    assert why.startswith("Data was loaded at 2020-01-01 00:00 UTC, after that build.")


def test_a_shop_without_customers_is_not_complete(shop: Warehouse) -> None:
    change(shop, "delete from clv.customer_lifetime_value")
    assert "It has no customer." in str(why_incomplete(shop))


def test_a_killed_build_stays_open_whatever_the_clock_says(
    shop: Warehouse, root: Path
) -> None:
    # The clock was an hour fast when the shop was built.
    change(
        shop,
        "update monitoring.build_commands set said_at = said_at + interval 1 hour",
    )
    assert shop.forked is not None
    shop.forked.lend(shop.folder / "target")
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "dbt.cli.main", "run", "--select", "days"),
            *("--target", "shop"),
            *("--project-dir", str(root), "--profiles-dir", str(root)),
            *("--target-path", str(shop.folder / "target"), "--no-use-colors"),
            *("--log-path", str(shop.folder / "logs")),
        ],
        cwd=shop.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as dbt:
        assert dbt.stdout is not None
        for line in dbt.stdout:
            if re.search(r"(\d) of \1 OK hook", line):
                break
        os.killpg(dbt.pid, signal.SIGKILL)
    assert "dbt run has not ended" in str(why_incomplete(shop))
    # The next command starts without hand work.
    assert shop.dbt("build", "--select", "days").returncode == 0


def test_a_warehouse_of_an_older_version_has_no_record(shop: Warehouse) -> None:
    change(shop, "drop schema monitoring cascade")
    assert why_incomplete(shop) == "It has no record of a build. Run dbt build."


def test_a_column_that_changes_is_told(shop: Warehouse) -> None:
    """In a published table, by the build that changes it, and in a feed."""
    change(
        shop,
        "update monitoring.build_steps set columns = 'date_day timestamp; old bigint' "
        "where name = 'days';"
        "update monitoring.feed_history set as_of_date = as_of_date - 1;"
        "alter table raw.orders drop column currency",
    )
    watch = ("stg_feed_columns", "feed_history", "feed_changes", "alarms")
    assert shop.dbt("run", "--select", "days", *watch).returncode == 0
    changes = shop.query(
        "select column_name, change, data_type, data_type_before "
        "from monitoring.schema_changes where table_name = 'days' "
        "and change <> 'added' order by column_name"
    )
    assert changes.fillna("").to_numpy().tolist() == [
        ["date_day", "type", "date", "timestamp"],
        ["old", "removed", "", "bigint"],
    ]
    alarms = shop.query(
        "select check_name, subject, group_name, severity, owner, statement "
        "from monitoring.alarms where check_name in ('schema', 'feeds') order by all"
    )
    assert alarms.iloc[:, :4].to_numpy().tolist() == [
        ["feeds", "orders.currency", "removed", "stop"],
        ["schema", "metrics.days", "removed", "warn"],
        ["schema", "metrics.days", "type", "warn"],
    ]
    assert alarms.owner.all()
    assert alarms.statement[1] == "metrics.days no longer has the columns old."
