"""Print the most valuable customers of a built warehouse, and what to do next."""

import argparse

from clv_warehouse.project.builds import complete_build
from clv_warehouse.project.command import run_main
from clv_warehouse.project.opening import opened
from clv_warehouse.project.places import WAREHOUSES, warehouse_of

CUSTOMERS = """
    select
        value_rank as "rank",
        customer_key as customer,
        frequency as purchases,
        past_spend,
        predicted_spend,
        chance_of_buying as chance,
        lifetime_value
    from clv.customer_lifetime_value
    order by value_rank
    limit 5
"""

DECILES = """
    select
        value_decile as decile,
        count(*) as customers,
        round(avg(past_spend), 2) as past_spend,
        round(avg(predicted_spend), 2) as predicted_spend,
        round(avg(lifetime_value), 2) as lifetime_value
    from clv.customer_lifetime_value
    group by value_decile
    order by value_decile
"""

BACKTEST = """
    select horizon_days, model, round(value, 3) as normalised_gini
    from clv.backtest_metrics
    where measure = 'normalised_gini'
    qualify row_number() over (
        partition by horizon_days order by value desc, model
    ) <= 3
    order by horizon_days, value desc, model
"""

NEXT = """Next:
  python scripts/publish.py all --target {target}         to DuckDB, Parquet, PostgreSQL
  dbt docs generate --target {target} && dbt docs serve    every table, described
{own}
Plain commands need the environment: source .venv/bin/activate"""

OWN = {
    "sample": f"  {'make shop DIR=exports/':<52}a shop of your own",
    "shop": f"  {'make shop DIR=exports/':<52}again, with newer files",
}


def main() -> int:
    """Show the warehouse; return the exit code."""
    parser = argparse.ArgumentParser(prog="show.py", description=__doc__)
    parser.add_argument("--target", choices=sorted(WAREHOUSES), default="sample")
    target = parser.parse_args().target
    path = warehouse_of(target)
    with opened(path) as warehouse:
        complete_build(warehouse)
        print("\nclv.customer_lifetime_value: the most valuable customers")
        warehouse.sql(CUSTOMERS).show()
        print("By tenth of all customers, the best first")
        warehouse.sql(DECILES).show()
        print("clv.backtest_metrics: the best models, judged forward in time")
        warehouse.sql(BACKTEST).show(max_rows=40)
    print(f"{path} is built.\n{NEXT.format(target=target, own=OWN[target])}")
    return 0


if __name__ == "__main__":
    run_main(main)
