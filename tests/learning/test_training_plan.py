"""Tests the training plan in a real warehouse with tables that earlier runs left.

The unit tests of training_plan have its rules; this has what they are fed with.
"""

import shutil
from pathlib import Path

import duckdb
import pytest

from checks.mutants import copy_project
from forked_dbt import ForkedDbt
from warehouse import Warehouse, environment

PLAN = (
    *("code_fingerprints", "training_conditions"),
    *("standing_networks", "training_plan"),
)
NETWORKS, BACKTEST = "clv.clv_network", "clv.backtest_predictions"


def planned(warehouse: Warehouse, change: str, *options: str) -> str:
    """Change the tables that earlier runs left; why a run would train, or would not."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(change)
    done = warehouse.dbt("run", "--select", *PLAN, *options)
    assert done.returncode == 0, done.stdout
    ((reason,),) = warehouse.query(
        "select reason from clv.training_plan where model_name = 'clv_network'"
    ).to_numpy()
    return reason


@pytest.mark.slow
def test_the_plan_reads_what_earlier_runs_left(
    sample: duckdb.DuckDBPyConnection, root: Path, warehouse: Warehouse
) -> None:
    shutil.copyfile(root / "data" / "sample.duckdb", warehouse.path)
    # The warehouse as a run of now would have left it.
    planned(warehouse, "")
    good = planned(
        warehouse,
        f"""
        update {NETWORKS} as networks
        set
            code_fingerprint = plan.code_fingerprint,
            config_fingerprint = plan.config_fingerprint,
            features_fingerprint = plan.features_fingerprint
        from clv.training_plan as plan
        where plan.model_name = 'clv_network'
        """,
    )
    assert good == "the newest network is still good"
    damaged = "the newest network is not the one that was judged: its digest differs"
    prior = f"update {NETWORKS} set prior = prior || ' '"
    assert planned(warehouse, prior) == damaged
    # Without a digest the version says what the weights are, as in older versions.
    assert planned(warehouse, f"update {NETWORKS} set digest = null") == damaged
    older = f"""
        update {NETWORKS}
        set network_version = as_of_date || '-' || sha256(weights)[:8]
    """
    assert planned(warehouse, older) == good
    renamed = "alter table features.customer_features rename column items to things"
    assert planned(warehouse, renamed) == "the features have changed"
    old = f"""
        alter table {NETWORKS} drop column model_name;
        alter table {NETWORKS} drop column code_fingerprint;
    """
    assert planned(warehouse, old) == (
        "the newest network is from before its code had a fingerprint"
    )
    gone = f"drop table {BACKTEST} cascade"
    assert planned(warehouse, gone) == (
        "the backtest that judged the newest network is gone"
    )
    lost = f"drop table {NETWORKS}"
    assert planned(warehouse, lost, "--full-refresh") == "full refresh"


OTHER_ENTRY = """
    other_network:
      module: clv_warehouse.learning.encoders
      features: customer_features
      settings: [horizons]
      retrain_after: retrain_after_days
      backtest: backtest_predictions

models:
"""
LISTED = "      tuning_trials: *memory\n"
OTHER_LISTED = f"{LISTED}    other_network: *memory\n"
OTHER_MODEL = """
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.acceptance import ACCEPTED, Decision
from clv_warehouse.learning.registry import SCHEMA, new_row


def model(dbt, session):
    dbt.config(materialized="incremental")
    other = Plan.of(dbt.ref("training_plan"), "other_network")
    if not other.is_due:
        return SCHEMA.empty_table()
    decision = Decision(ACCEPTED, other.reason)
    return new_row(other, decision, b"weights", config="{}", prior="{}")
"""


@pytest.mark.slow
def test_a_model_of_another_domain_needs_an_entry_and_its_own_file(
    sample: duckdb.DuckDBPyConnection, forked: ForkedDbt, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    copy_project(project)
    warehouse = Warehouse(project, tmp_path)
    shutil.copyfile(project / "data" / "sample.duckdb", warehouse.path)
    settings = project / "dbt_project.yml"
    entered = settings.read_text().replace("\nmodels:\n", OTHER_ENTRY, 1)
    settings.write_text(entered.replace(LISTED, OTHER_LISTED))
    models = project / "python_models"
    (models / "other_network.py").write_text(OTHER_MODEL)
    columns = (models / "clv" / "clv_network.yml").read_text()
    (models / "other_network.yml").write_text(columns.replace("clv_n", "other_n"))
    features = project / "models" / "features" / "customer_features.yml"
    described = features.read_text()

    def run(description: str) -> tuple[bool, str]:
        features.write_text(description)
        done = forked.run(
            *("run", "--select", *PLAN, "other_network", "trainings"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            # Of what it read before it reads what has changed.
            *("--target-path", str(tmp_path / "target"), "--partial-parse"),
            settings={},
            folder=tmp_path,
            environment=environment(),
            reads=True,
        )
        assert done.returncode == 0, done.stdout
        trained = warehouse.query("select distinct model_name from clv.trainings")
        assert {"clv_network", "other_network"} <= set(trained["model_name"])
        ((is_due, reason),) = warehouse.query(
            "select is_due, reason from clv.training_plan "
            "where model_name = 'other_network'"
        ).to_numpy()
        return is_due, reason

    assert run(described) == (True, "no network yet")
    renamed = described.replace("label: Days with a purchase", "label: Purchases")
    assert run(renamed) == (False, "the newest network is still good")
    always_known = described.replace(", nullable: true", "", 1)
    assert run(always_known) == (True, "the features have changed")
    # The same network was trained again, so it has one row: that of the last training.
    decisions = warehouse.query("select decision from main.other_network")
    assert list(decisions["decision"]) == ["the features have changed"]
