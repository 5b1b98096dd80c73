"""Tests the tables that remember: what lists them, their backup, and what runs add."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from clv_warehouse.engines.memory import FORMAT, BackupError, back_up, restore
from clv_warehouse.project.contracts import Column, Table, read_memory
from warehouse import Warehouse

# What models remember, and then what hooks write down of each command.
OF_MODELS = (
    "clv.backtest_predictions",
    "clv.clv_network",
    "clv.first_order_backtest",
    "clv.past_totals",
    "clv.score_history",
    "clv.training_epochs",
    "clv.tuning_trials",
    "features.encoder",
    "features.encoder_backtest",
    "features.head_backtest",
    "marketing.next_best_actions",
    "marketing.planned_assignments",
    "marketing.policies",
    "marketing.policy_effects",
    "marketing.uplift",
    "marketing.uplift_backtest",
    "monitoring.alarm_history",
    "monitoring.expected_errors",
    "monitoring.feed_history",
    "monitoring.loaded_days",
    "monitoring.trained_on",
    "recommendations.recommendation_backtest",
    "recommendations.recommender",
)
MEMORY = tuple(
    sorted((*OF_MODELS, "monitoring.build_commands", "monitoring.build_steps"))
)
PLAN = (
    "code_fingerprints",
    "training_conditions",
    "standing_networks",
    "training_plan",
)


def table(name: str, *columns: str, replaced_by: tuple[str, ...] = ()) -> Table:
    """A table of schema clv; each column is its name and its type."""
    described = tuple(Column(*column.split(), "") for column in columns)
    return Table("clv", name, "", described, (), replaced_by)


SCORES = table("scores", "day date", "customer varchar", replaced_by=("day",))
JUDGED = table("judged", "horizon integer", "error double")
TABLES = (SCORES, JUDGED)


def quiet(_: str) -> None:
    """Report nothing."""


@pytest.fixture
def session() -> duckdb.DuckDBPyConnection:
    """An old warehouse."""
    connection = duckdb.connect()
    connection.execute(
        """
        create schema clv;
        create table clv.scores (day date, customer varchar);
        insert into clv.scores values ('2024-01-01', 'a'), ('2024-01-01', 'b'),
            ('2024-01-02', 'a');
        create table clv.judged (horizon integer, error double);
        insert into clv.judged values (30, 0.5);
        """
    )
    return connection


def rows(session: duckdb.DuckDBPyConnection, name: str) -> list[tuple]:
    return session.sql(f"from clv.{name} order by all").fetchall()


def test_a_new_warehouse_gets_all_rows_and_types(
    session: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    back_up(session, TABLES, tmp_path / "backup.duckdb", quiet)
    with duckdb.connect() as new:
        restore(new, TABLES, tmp_path / "backup.duckdb", quiet)
        for name in ("scores", "judged"):
            assert rows(new, name) == rows(session, name)
            described = f"describe clv.{name}"
            assert new.sql(described).fetchall() == session.sql(described).fetchall()


def test_what_the_warehouse_knows_stands(
    session: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Of scores it knows a day, of judged, which has no key, a row."""
    back_up(session, TABLES, tmp_path / "backup.duckdb", quiet)
    session.execute(
        """
        delete from clv.scores;
        insert into clv.scores values ('2024-01-01', 'new'), ('2024-01-03', 'new');
        update clv.judged set error = 0.1;
        """
    )
    said: list[str] = []
    restore(session, TABLES, tmp_path / "backup.duckdb", said.append)
    assert said == ["clv.scores: 1 rows restored", "clv.judged: 0 rows restored"]
    assert [(f"{day:%d}", customer) for day, customer in rows(session, "scores")] == [
        *(("01", "new"), ("02", "a"), ("03", "new")),
    ]
    assert rows(session, "judged") == [(30, 0.1)]
    restore(session, TABLES, tmp_path / "backup.duckdb", said.append)
    assert len(rows(session, "scores")) == 3


def test_a_backup_of_an_older_version_lacks_columns_and_tables(
    session: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The warehouse's own table may lack the column, too."""
    back_up(session, (SCORES,), tmp_path / "backup.duckdb", quiet)
    session.execute("delete from clv.scores where day = date '2024-01-02'")
    newer = table(
        *("scores", "day date", "customer varchar", "spend double"),
        replaced_by=("day",),
    )
    said: list[str] = []
    restore(session, (newer, JUDGED), tmp_path / "backup.duckdb", said.append)
    assert said == ["clv.scores: 1 rows restored", "clv.judged: not in the backup"]
    assert [spend for *_, spend in rows(session, "scores")] == [None] * 3


def changed(path: Path, change: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as kept; use kept; {change}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (f"update backup.about set format = {FORMAT + 1}", "made by a newer version"),
        (
            "alter table clv.scores add column later integer",
            "knows column later of clv.scores, and this one not",
        ),
        (
            "create table clv.later as select 1 as one",
            "knows column one of clv.later, and this one not",
        ),
        ("drop table backup.about", "is no backup of tables that remember"),
        ("delete from backup.about", "is no backup of tables that remember"),
    ],
)
def test_a_file_that_this_version_cannot_read_is_refused(
    session: duckdb.DuckDBPyConnection, tmp_path: Path, change: str, words: str
) -> None:
    path = tmp_path / "backup.duckdb"
    back_up(session, TABLES, path, quiet)
    changed(path, change)
    written = path.read_bytes()
    with duckdb.connect() as new:
        with pytest.raises(BackupError, match=words):
            restore(new, TABLES, path, quiet)
        assert new.sql("from duckdb_tables()").fetchall() == []
    # Nor is it replaced: it may be somebody's.
    with pytest.raises(BackupError, match=words):
        back_up(session, TABLES, path, quiet)
    assert path.read_bytes() == written


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000])
def test_what_is_no_database_is_no_backup(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "backup.duckdb"
    if content is not None:
        path.write_bytes(content)
    with duckdb.connect() as new, pytest.raises(BackupError, match=r"backup\.duckdb"):
        restore(new, TABLES, path, quiet)


def test_a_warehouse_that_has_forgotten_does_not_replace_its_backup(
    session: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "backup.duckdb"
    back_up(session, TABLES, path, quiet)
    written = path.read_bytes()
    with (
        duckdb.connect() as new,
        pytest.raises(BackupError, match=r"no row of clv\.scores, and .* has 3"),
    ):
        back_up(new, TABLES, path, quiet)
    assert path.read_bytes() == written


def test_a_backup_that_is_cut_short_leaves_the_older_one(
    session: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "backup.duckdb"
    back_up(session, (JUDGED,), path, quiet)
    written = path.read_bytes()
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    code = f"""
import duckdb
from pathlib import Path
from clv_warehouse.engines.memory import back_up
from clv_warehouse.project.contracts import Column, Table

def stop(_):
    {kill}

columns = (Column("horizon", "integer", ""), Column("error", "double", ""))
judged = Table("clv", "judged", "", columns, ())
with duckdb.connect() as session:
    session.execute("create schema clv; create table clv.judged (horizon integer)")
    session.execute("insert into clv.judged values (91)")
    back_up(session, (judged,), Path({str(path)!r}), stop)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == written
    assert [*tmp_path.glob("*.partial*")]
    back_up(session, (JUDGED,), path, quiet)
    assert {found.name for found in tmp_path.iterdir()} == {".lock", "backup.duckdb"}
    with duckdb.connect() as new:
        restore(new, (JUDGED,), path, quiet)
        assert rows(new, "judged") == [(30, 0.5)]


def macros(root: Path, **given: Any) -> Any:
    """The macros as functions, with what dbt would give them."""
    jinja = Environment(extensions=["jinja2.ext.do"])
    text = (root / "macros" / "memory.sql").read_text("utf-8")
    # A macro gives a text here, and '' is the text that is false.
    given |= {"return": lambda value: value or ""}
    return jinja.from_string(text).make_module(given)


def strategy(
    root: Path, key: str | list[str] | None, forgets: dict[str, str] | None
) -> str:
    """The SQL by which a run adds rows of a day and a person to a table."""
    given = macros(
        root,
        config=SimpleNamespace(meta_get={"forgets": forgets}.get),
        setting={"days": 2}.get,
        plus_days="{} + {}".format,
    )
    return given.get_incremental_remember_sql(
        SimpleNamespace(
            target_relation="remembering",
            temp_relation="added",
            unique_key=key,
            dest_columns=[SimpleNamespace(quoted=name) for name in ("day", "who")],
        )
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tags": []}, "does not remember what earlier runs knew"),
        ({"materialized": "table"}, "does not remember what earlier runs knew"),
        ({"columns": {}}, "name its columns with their data_type"),
    ],
)
def test_only_what_remembers_is_read(
    root: Path, changed: dict[str, Any], words: str
) -> None:
    """A model that each run makes anew would forget without a word."""
    node = {"tags": ["memory"], "materialized": "incremental", "columns": {"day": {}}}
    node |= changed

    class CompilerError(Exception):
        pass

    def stop(message: str) -> None:
        raise CompilerError(message)

    found = macros(
        root,
        execute=True,
        graph={"nodes": {"model.p.said": {"config": node, **node}}},
        project_name="p",
        exceptions={"raise_compiler_error": stop},
    )
    with pytest.raises(CompilerError, match=f"Model said .*{words}"):
        found.left_by_earlier_runs("said")


@pytest.mark.parametrize(
    ("key", "left"),
    [
        ("day", [(1, "new"), (2, "old"), (3, "new")]),
        (["day", "who"], [(1, "new"), (1, "old"), (2, "old"), (3, "new")]),
        (None, [(1, "new"), (3, "new")]),
    ],
)
def test_a_run_replaces_the_rows_of_its_keys_or_all(
    root: Path, key: str | list[str] | None, left: list[tuple]
) -> None:
    """The SQL of the incremental strategy; a run without rows changes nothing."""
    sql = strategy(root, key, None)
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table remembering (day integer, who varchar);
            insert into remembering values (1, 'old'), (2, 'old');
            create table added as from remembering limit 0;
            """
        )
        before = connection.sql("from remembering order by all").fetchall()
        connection.execute(sql)
        assert connection.sql("from remembering order by all").fetchall() == before
        # The strategy drops the table of the rows.
        connection.execute(
            "create table added as from (values (1, 'new'), (3, 'new')) as t(day, who)"
        )
        connection.execute(sql)
        assert connection.sql("from remembering order by all").fetchall() == left


def test_a_run_lets_go_of_what_is_too_old(root: Path) -> None:
    sql = strategy(root, "day", {"column": "day", "after": "days"})
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table remembering as select day, 'old' as who from range(6) t(day);
            create table added as select 6 as day, 'new' as who;
            """
        )
        connection.execute(sql)
        assert connection.sql("from remembering order by day").fetchall() == [
            *((4, "old"), (5, "old"), (6, "new")),
        ]


@pytest.fixture(scope="module")
def manifest(parsed: Path) -> dict[str, Any]:
    return json.loads((parsed / "manifest.json").read_text())


def test_the_tables_that_remember_are_never_made_anew(
    parsed: Path, manifest: dict[str, Any]
) -> None:
    found = {each.full_name: each for each in read_memory(parsed / "manifest.json")}
    assert tuple(found) == MEMORY
    assert found["clv.clv_network"].replaced_by == ("network_version",)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            config = node["config"]
            remembers = f"{node['schema']}.{node['alias']}" in MEMORY
            assert (config["full_refresh"] is False) == remembers, node["name"]
            if remembers:
                assert config["materialized"] == "incremental"
                assert config["incremental_strategy"] == "remember"
                assert config["on_schema_change"] == "append_new_columns"


def test_the_types_of_what_is_remembered_are_those_of_the_warehouse(
    sample: duckdb.DuckDBPyConnection, parsed: Path
) -> None:
    for remembering in read_memory(parsed / "manifest.json"):
        described = sample.sql(f"describe {remembering.full_name}").fetchall()
        assert {name: data_type.lower() for name, data_type, *_ in described} == {
            column.name: column.data_type.replace(" ", "")
            for column in remembering.columns
        }


LOOK_UP = re.compile(r"get_relation|load_relation|load_cached_relation|graph\.nodes")
OWN_TABLE = re.compile(r"dbt\.this|\{[{%][^}]*\bthis\b")
# Macros that models call and that look a table up. The first ones look up a ref or a
# source of the model; the last ones what earlier runs left.
LOOKING_UP = {
    *("check_clock", "check_currency", "check_purchases", "feed_columns"),
    *("features_fingerprint", "nobody_pattern", "erased_customers", "watched_features"),
    *("filled_columns", "changed_contracts", "remembering_node", "remembering_table"),
}


def test_only_one_macro_reads_what_earlier_runs_left(manifest: dict[str, Any]) -> None:
    """No model looks a table up, but for the plan, by that macro."""
    models = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model"
    ]
    for node in models:
        assert not LOOK_UP.search(node["raw_code"]), node["name"]
        # Tables are named by ref and source. A name with its schema is a way around.
        assert not re.search(r"\b(from|join)\s+\w+\.\w+\s", node["raw_code"])
    # These say what they warn of, once they are made.
    own = {node["name"] for node in models if OWN_TABLE.search(node["raw_code"])}
    assert own == {"shop_margin", "warnings"}
    reader = "macro.clv_warehouse.left_by_earlier_runs"
    readers = {
        node["name"] for node in models if reader in node["depends_on"]["macros"]
    }
    # The last two have no rows of their own.
    assert readers == {
        *("score_history", "standing_networks", "planned_assignments"),
        *("build_commands", "build_steps", "tuning_trials"),
        *(
            "action_candidates",
            "action_options",
            "action_outcomes",
            "policies",
            "policy_effects",
        ),
        "policy_trial",
        *("alarms", "expected_errors", "trained_on"),
    }
    called: set[str] = set()
    to_visit = [name for node in models for name in node["depends_on"]["macros"]]
    while to_visit:
        name = to_visit.pop()
        if name not in called and name.startswith("macro.clv_warehouse."):
            called.add(name)
            to_visit.extend(manifest["macros"][name]["depends_on"]["macros"])
    looking_up = {
        manifest["macros"][name]["name"]
        for name in called
        if LOOK_UP.search(manifest["macros"][name]["macro_sql"])
    }
    assert looking_up == LOOKING_UP


@pytest.mark.slow
def test_a_lost_warehouse_goes_on_from_its_backup(
    sample: duckdb.DuckDBPyConnection,
    root: Path,
    warehouse: Warehouse,
    parsed: Path,
    tmp_path: Path,
) -> None:
    def memory(command: str, path: Path, *options: str | Path) -> str:
        done = subprocess.run(
            [
                *(sys.executable, root / "scripts" / "memory.py", command),
                *("--target", "shop", "--manifest", parsed / "manifest.json", *options),
            ],
            cwd=tmp_path,
            env=os.environ | {"CLV_WAREHOUSE": str(path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def remembered(path: Path, columns: str = "*") -> list[list[tuple]]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return [
                connection.sql(f"select {columns} from {name} order by all").fetchall()
                for name in OF_MODELS
            ]

    shutil.copyfile(root / "data" / "sample.duckdb", warehouse.path)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(
            "insert into clv.tuning_trials by name "
            "select timestamp '2026-01-01' as started_at, 0 as trial"
        )
        connection.execute(
            "insert into monitoring.alarm_history by name select "
            "'volume' as check_name, 'orders' as subject, 'all' as group_name, "
            "date '2025-11-01' as as_of_date"
        )
        connection.execute(
            "insert into monitoring.loaded_days by name select 1 as load_number, "
            "'orders' as feed, date '2025-11-01' as activity_date, 9 as row_count"
        )
        connection.execute(
            "insert into marketing.planned_assignments by name select 'x' as "
            "experiment_id, 'u' as unit, 'a' as arm, date '2026-01-01' as assigned_date"
        )
        connection.execute(
            "insert into marketing.policy_effects by name select 'p' as policy, "
            "'a' as action, 'new' as segment, 0.5 as effect"
        )
    before = remembered(warehouse.path)
    assert all(before)
    file = tmp_path / "kept.duckdb"
    assert f"{file} is written" in memory("backup", warehouse.path, "--to", file)
    # Into a warehouse that is not there yet.
    new = tmp_path / "new" / "warehouse.duckdb"
    memory("restore", new, "--from", file)
    assert remembered(new) == before
    with duckdb.connect(str(new), read_only=True) as connection:
        ((command, last),) = connection.execute(
            "select max_by(command, number), max_by(is_end, number) "
            "from monitoring.build_commands"
        ).fetchall()
    # The other tables know nothing of it yet.
    assert (command, last) == ("restore", False)
    listed = memory("list", new, "--from", file).splitlines()
    assert listed[1] == (
        f"clv.clv_network: {len(before[1])} rows, {len(before[1])} in the backup"
    )
    # And into one that was loaded first.
    with duckdb.connect(str(warehouse.path)) as connection:
        for name in OF_MODELS:
            connection.execute(f"drop table {name} cascade")
    memory("restore", warehouse.path, "--from", file)
    assert remembered(warehouse.path) == before
    done = warehouse.dbt("run", "--select", *PLAN)
    assert done.returncode == 0, done.stdout
    standing = warehouse.query(
        "select network_version, has_backtest from clv.standing_networks "
        "where model_name = 'clv_network'"
    )
    assert list(standing["network_version"]) == [row[1] for row in before[1]]
    assert list(standing["has_backtest"]) == [True] * len(standing)
    # Neither a full refresh nor a table of an older version, without a column, makes a
    # run forget.
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("update clv.training_plan set is_due = false")
        connection.execute("alter table clv.clv_network drop column data_fingerprint")
    models = (*(name.partition(".")[2] for name in OF_MODELS), "trainings")
    done = warehouse.dbt("run", "--full-refresh", "--select", *models)
    assert done.returncode == 0, done.stdout
    judged, networks, *others = remembered(warehouse.path)
    assert (judged, others) == (before[0], before[2:])
    place = [column.name for column in read_memory(parsed / "manifest.json")[1].columns]
    lacked = place.index("data_fingerprint")
    assert networks == [(*row[:lacked], *row[lacked + 1 :], None) for row in before[1]]
    trained = warehouse.query(
        "select network_version from clv.trainings where model_name = 'clv_network'"
    )
    assert list(trained["network_version"]) == [row[1] for row in before[1]]
    # What the strategy needs for the rows of a run is gone.
    tables = warehouse.query("select table_name from information_schema.tables")
    assert not [name for name in tables["table_name"] if "dbt_tmp" in name]


def test_a_restore_is_done_as_a_whole_or_not_at_all(
    root: Path, parsed: Path, tmp_path: Path
) -> None:
    tables = read_memory(parsed / "manifest.json")
    path, new = tmp_path / "backup.duckdb", tmp_path / "new.duckdb"
    with duckdb.connect() as empty:
        back_up(empty, tables, path, quiet)
    # The second table has a value that is no number of its type.
    changed(
        path,
        """
        insert into clv.backtest_predictions by name select 'a' as customer_key;
        alter table clv.clv_network alter column is_accepted type varchar;
        insert into clv.clv_network by name select 'perhaps' as is_accepted
        """,
    )
    done = subprocess.run(
        [
            *(sys.executable, root / "scripts" / "memory.py", "restore"),
            *("--manifest", parsed / "manifest.json", "--from", path),
        ],
        env=os.environ | {"CLV_WAREHOUSE": str(new)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("memory.py: ") and "perhaps" in done.stderr
    with duckdb.connect(str(new), read_only=True) as connection:
        assert connection.sql("from duckdb_tables()").fetchall() == []
