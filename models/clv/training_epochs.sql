-- One row per training and epoch: how the loss fell, on what was learned from and on later
-- data. A run gives the trainings of its own: the network's, and those of the networks
-- that were trained at past dates to judge it.
with newest as (
    select
        networks.network_version,
        networks.as_of_date,
        networks.history,
        row_number() over (
            order by
                coalesce(networks.training_number, 0) desc,
                networks.network_version desc
        ) as place
    from {{ ref('clv_network') }} as networks
    inner join {{ ref('training_plan') }} as plan on networks.as_of_date = plan.as_of_date
    where plan.model_name = 'clv_network' and plan.is_due
),

trained as (
    select
        network_version,
        as_of_date,
        as_of_date as origin_date,
        cast(null as integer) as horizon_days,
        history
    from newest
    where place = 1
    union all
    select
        newest.network_version,
        newest.as_of_date,
        judged.origin_date,
        judged.horizon_days,
        judged.history
    from {{ ref('backtest_predictions') }} as judged
    cross join newest
    where newest.place = 1 and judged.history is not null
),

epochs as (
    select
        network_version,
        as_of_date,
        origin_date,
        horizon_days,
        {{ each_part('history', '; ') }} as told
    from trained
    where history <> ''
)

select
    network_version,
    as_of_date,
    origin_date,
    horizon_days,
    cast(split_part(told, ' ', 1) as integer) as member,
    cast(split_part(told, ' ', 2) as integer) as epoch,
    cast(split_part(told, ' ', 3) as double) as loss,
    cast(nullif(split_part(told, ' ', 4), '') as double) as later_loss
from epochs
