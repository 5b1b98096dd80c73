"""Measures a whole build on Online Retail II: with training, then only scoring.

It fails where training costs too much beside scoring, and where a domain passes its
budget. Seconds of machines differ, so a budget is in units of a fixed piece of work,
which is timed beside each build.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.data import DATA, ONLINE_RETAIL_II, absent
from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.shop import load_shop

SOURCE = DATA / ONLINE_RETAIL_II
CONNECTOR = "online-retail-ii"
# CPU of a build that trains, over that of one that only scores.
MOST_RATIO = 2.5


@dataclass(frozen=True)
class Budget:
    """What a domain's models and tests may take, in units of `reference_work`."""

    training: float
    scoring: float


# By domain: the folder below models/, python_models/, seeds/ and tests/. `dbt` is what
# dbt itself takes to start and end. Each has about twice what a run measured while
# nothing else ran, so that only a change for the worse is found. A new domain needs a
# line here.
BUDGETS = {
    "staging": Budget(training=12, scoring=16),
    "orders": Budget(training=40, scoring=45),
    "features": Budget(training=18, scoring=20),
    "encoder": Budget(training=100, scoring=6),
    "clv": Budget(training=175, scoring=60),
    "profiles": Budget(training=14, scoring=18),
    "recommendations": Budget(training=100, scoring=60),
    "marketing": Budget(training=26, scoring=36),
    "metrics": Budget(training=1, scoring=1),
    "reports": Budget(training=22, scoring=32),
    "monitoring": Budget(training=20, scoring=20),
    "reference": Budget(training=8, scoring=9),
    "engines": Budget(training=4, scoring=4),
    "dbt": Budget(training=22, scoring=22),
}


def benchmark(source: Path = SOURCE, folder: Path = FOLDER) -> Iterator[Row]:
    """Measure two builds, one after another; nothing where the data are absent.

    Raises RuntimeError, once all is measured, if a budget or `MOST_RATIO` is passed.
    """
    if not source.exists():
        print(f"{absent(source)}. There is no build to measure.")
        return
    cpu_seconds, problems = {}, []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        loaded = load_shop(source, dbt.warehouse, CONNECTOR)
        yield Row("load", "clv_warehouse", "process_seconds", loaded.seconds)
        # The first dbt command on a machine reads the whole project, later ones do not:
        # that is no cost of training.
        yield from rows("reading the project", "clv_warehouse", dbt("parse").cost)
        for case in ("training", "scoring"):
            before = call(reference_work).value
            built = dbt("build")
            unit = (before + call(reference_work).value) / 2
            cpu_seconds[case] = built.cpu_seconds
            domains = seconds_by_domain(dbt, built.seconds)
            yield Row(case, "clv_warehouse", "reference_seconds", unit)
            yield from rows(case, "clv_warehouse", built.cost)
            yield from rows(
                case,
                "clv_warehouse",
                {f"seconds of domain {name}": each for name, each in domains.items()},
            )
            yield from rows(case, "clv_warehouse", dbt.slowest_models())
            problems += over_budget(case, domains, unit)
    ratio = cpu_seconds["training"] / cpu_seconds["scoring"]
    yield Row("training", "clv_warehouse", "cpu_ratio_to_scoring", ratio)
    if ratio > MOST_RATIO:
        problems.append(
            f"A build with training takes {ratio:.2f} times the CPU of one that only "
            f"scores; {MOST_RATIO} is allowed."
        )
    if problems:
        raise RuntimeError("\n".join(["The build is too slow.", *problems]))


def reference_work() -> float:
    """Do a fixed piece of SQL and Python, as a build does; return its seconds."""
    started = time.monotonic()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            "select range % 100003 as customer, sum(sqrt(range)), count(*) "
            "from range(12_000_000) group by customer order by customer"
        ).fetchall()
    text = ""
    for number in range(2_000_000):
        text = f"{text[-20:]}{number}"
    return time.monotonic() - started


def seconds_by_domain(dbt: Dbt, process_seconds: float) -> dict[str, float]:
    """Seconds of the last command by folder, tests counted to the folder they stand in.

    Nodes run side by side; `dbt` is what the process took outside of all nodes.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    for path, each in dbt.nodes():
        if len(path.parts) > 2:
            seconds[path.parts[1]] += each
    return dict(sorted(seconds.items())) | {"dbt": process_seconds - dbt.elapsed()}


def over_budget(
    case: str,
    domains: Mapping[str, float],
    unit: float,
    budgets: Mapping[str, Budget] = BUDGETS,
) -> list[str]:
    """Say which domains took longer than their budgets, or have none."""
    problems = []
    for name, seconds in domains.items():
        if name not in budgets:
            problems.append(
                f"Domain {name} has no budget: give it one in benchmarks/build.py, "
                f"BUDGETS. It took {seconds / unit:.1f} units in the build with {case}."
            )
            continue
        allowed = getattr(budgets[name], case)
        if seconds > allowed * unit:
            problems.append(
                f"Domain {name} took {seconds:.1f} s in the build with {case}; "
                f"{allowed:g} units of {unit:.1f} s are allowed (BUDGETS in "
                "benchmarks/build.py)."
            )
    return problems
