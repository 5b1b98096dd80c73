-- One row per origin, horizon, model, fifth of the customers and quantile: how many
-- customers should have spent no more than their quantile, and how many did. Models
-- without quantiles or chances have no rows.
{%- set backtest = 'origin_date, horizon_days, model' %}
with predictions as (
    select * from {{ ref('backtest_predictions') }}
),

-- Equal predictions are put in order as in backtest_deciles.
ordered as (
    select
        *,
        ntile(5) over (
            partition by {{ backtest }}
            order by predicted_spend desc, md5(customer_key) asc
        ) as fifth
    from predictions
    where chance_of_buying is not null
),

quantiles as (
    {%- for percent in [10, 50, 90] %}
    select
        {{ backtest }},
        customer_key,
        fifth,
        {{ percent / 100 }}e0 as quantile,
        1 - chance_of_buying as chance_of_nothing,
        case when actual_spend <= spend_p{{ percent }} then 1 else 0 end as is_within
    from ordered
    where spend_p{{ percent }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Who buys nothing with a chance of 95 % has 0 as each quantile, and spends no more than
-- it with a chance of 95 %.
coverage as (
    select
        {{ backtest }},
        cast(fifth as integer) as fifth,
        quantile,
        cast(count(*) as bigint) as customers,
        {{ steady_mean('greatest(quantile, chance_of_nothing)', 'customer_key') }}
            as stated_share,
        cast(avg(is_within) as double) as actual_share
    from quantiles
    group by {{ backtest }}, fifth, quantile
)

select * from coverage
