-- One row per horizon, attribute and group of customers: what the model of today's scores
-- forecast for the group at the newest date that the backtest judged, and what came.
{%- set attributes = ['country', 'acquisition_channel', 'cohort', 'segment', 'value_band'] %}
{%- set keys = 'horizon_days, attribute, group_name' %}
{%- set by = 'customer_key' %}
{#- Other attributes are made of what the cells are made of. #}
{%- set left_out = "'country', 'acquisition_channel'" %}
{%- set recency = days_between('histories.last_purchase_date', 'judged.origin_date') %}
with scoring as (
    select
        case when max(scored_by) = 'network' then 'clv_network' else 'prior' end as model
    from {{ ref('clv_predictions') }}
),

predictions as (
    select
        backtest.*,
        max(backtest.origin_date) over (partition by backtest.horizon_days)
            as newest_origin_date
    from {{ ref('backtest_predictions') }} as backtest
    inner join scoring on backtest.model = scoring.model
),

newest as (
    select
        *,
        ntile(5) over (
            partition by horizon_days
            order by predicted_spend desc, md5(customer_key) asc
        ) as fifth
    from predictions
    where origin_date = newest_origin_date
),

-- The last date whose horizon was over by the newest one: from what came of it a forecast
-- for the newest date could have been made without any model.
level_dates as (
    select
        newest_dates.horizon_days,
        max(known_dates.as_of_date) as as_of_date
    from (select distinct horizon_days, origin_date from newest) as newest_dates
    inner join (
        select distinct horizon_days, as_of_date from {{ ref('customer_targets') }}
    ) as known_dates on newest_dates.horizon_days = known_dates.horizon_days
    where
        {{ plus_days('known_dates.as_of_date', 'known_dates.horizon_days') }}
        <= newest_dates.origin_date
    group by newest_dates.horizon_days
),

judged as (
    select
        horizon_days,
        origin_date,
        model,
        customer_key,
        cast(predicted_spend as double) as predicted_spend,
        cast(actual_spend as double) as actual_spend,
        actual_purchases,
        fifth,
        true as is_newest
    from newest
    union all
    select
        targets.horizon_days,
        targets.as_of_date as origin_date,
        cast(null as string) as model,
        targets.customer_key,
        cast(null as double) as predicted_spend,
        targets.spend as actual_spend,
        targets.purchases as actual_purchases,
        cast(null as integer) as fifth,
        false as is_newest
    from {{ ref('customer_targets') }} as targets
    inner join level_dates
        on
            targets.horizon_days = level_dates.horizon_days
            and targets.as_of_date = level_dates.as_of_date
),

customer_origins as (
    select distinct
        customer_key,
        origin_date
    from judged
),

-- As of the forecast: what a customer did later makes no group.
histories as (
    select
        customer_origins.customer_key,
        customer_origins.origin_date,
        min(days.activity_date) as first_purchase_date,
        max(days.activity_date) as last_purchase_date,
        count(*) as frequency
    from customer_origins
    inner join {{ ref('customer_days') }} as days
        on
            customer_origins.customer_key = days.customer_key
            and customer_origins.origin_date >= days.activity_date
    where days.is_purchase
    group by customer_origins.customer_key, customer_origins.origin_date
),

described as (
    select
        judged.horizon_days,
        judged.origin_date,
        judged.model,
        judged.customer_key,
        judged.predicted_spend,
        judged.actual_spend,
        judged.is_newest,
        case
            when histories.frequency >= 8 then 40
            when histories.frequency >= 4 then 30
            when histories.frequency >= 2 then 20
            when histories.frequency = 1 then 10
            else 0
        end
        + case
            when {{ recency }} <= 30 then 1
            when {{ recency }} <= 91 then 2
            when {{ recency }} <= 182 then 3
            when {{ recency }} <= 365 then 4
            else 5
        end as cell,
        case when judged.actual_purchases > 0 then 1 else 0 end as has_bought,
        coalesce(first_orders.country, 'unknown') as country,
        coalesce(
            nullif(first_orders.acquisition_channel, 'unknown'),
            first_orders.sales_channel,
            'unknown'
        ) as acquisition_channel,
        coalesce(
            substring(cast(histories.first_purchase_date as string), 1, 4), 'unknown'
        ) as cohort,
        coalesce({{ segment(
            'histories.first_purchase_date',
            'histories.last_purchase_date',
            'histories.frequency',
            'judged.origin_date',
        ) }}, 'unknown') as segment,
        case judged.fifth
            when 1 then '1 (highest)'
            when 5 then '5 (lowest)'
            else cast(judged.fifth as string)
        end as value_band
    from judged
    left join histories
        on
            judged.customer_key = histories.customer_key
            and judged.origin_date = histories.origin_date
    left join {{ ref('first_orders') }} as first_orders
        on judged.customer_key = first_orders.customer_key
),

grouped as (
    select
        *,
        'shop' as attribute,
        'all' as group_name
    from described
    {%- for attribute in attributes %}
    union all
    select
        *,
        '{{ attribute }}' as attribute,
        {{ attribute }} as group_name
    from described
    {%- endfor %}
),

-- What customers of the other groups spent, by how often they had bought and how long ago:
-- a forecast for a group that the shop has never seen.
cells as (
    select
        {{ keys }},
        cell,
        sum(case when is_newest then 1 else 0 end) as customers,
        sum(case when is_newest then 0 else 1 end) as level_customers,
        {{ steady_sum('case when is_newest then 0 else actual_spend end', by) }}
            as level_amount
    from grouped
    where attribute in ({{ left_out }})
    group by {{ keys }}, cell
),

-- In cents, whose sum does not depend on the order.
cells_in_cents as (
    select
        *,
        cast({{ rounded('level_amount', 2) }} as decimal(38, 2)) as level_spend
    from cells
),

with_others as (
    select
        *,
        sum(level_customers) over (
            partition by horizon_days, attribute, cell
        ) as all_customers,
        sum(level_spend) over (partition by horizon_days, attribute, cell) as all_spend
    from cells_in_cents
),

levels as (
    select
        {{ keys }},
        -- Who is in a cell of which nothing is known spends as the group's others do.
        {{ steady_sum(
            'customers * cast(all_spend as double) / nullif(all_customers, 0)', 'cell'
        ) }}
        * sum(customers)
        / nullif(sum(case when all_customers > 0 then customers else 0 end), 0)
            as level_spend,
        {{ steady_sum(
            'customers * cast(all_spend - level_spend as double)'
            ~ ' / nullif(all_customers - level_customers, 0)', 'cell'
        ) }}
        * sum(customers)
        / nullif(
            sum(case when all_customers > level_customers then customers else 0 end), 0
        ) as left_out_spend
    from with_others
    group by {{ keys }}
),

ranked as (
    select
        *,
        {{ centred_rank('predicted_spend', keys) }} as predicted_rank,
        {{ centred_rank('actual_spend', keys) }} as actual_rank
    from grouped
    where is_newest
),

measured as (
    select
        {{ keys }},
        max(origin_date) as origin_date,
        max(model) as model,
        count(*) as customers,
        sum(has_bought) as buyers,
        {{ steady_sum('predicted_spend', by) }} as predicted_spend,
        {{ steady_sum('actual_spend', by) }} as actual_spend,
        {{ steady_sum('predicted_spend * predicted_spend', by) }} as predicted_squares,
        {{ steady_sum('actual_spend * actual_spend', by) }} as actual_squares,
        {{ steady_sum('predicted_spend * actual_spend', by) }} as products,
        {{ steady_sum('abs(predicted_spend - actual_spend)', by) }} as absolute_error,
        {{ normalised_gini('actual_spend', 'predicted_rank', 'actual_rank', by) }}
            as normalised_gini
    from ranked
    group by {{ keys }}
),

-- An attribute of one group says what the row of the shop says.
compared as (
    select
        measured.*,
        shop.absolute_error / shop.customers as shop_mae,
        shop.absolute_error / nullif(shop.actual_spend, 0) as shop_wape,
        shop.normalised_gini as shop_normalised_gini,
        shop.predicted_spend / nullif(shop.actual_spend, 0) - 1 as shop_total_error,
        coalesce(shop.actual_spend / nullif(shop.predicted_spend, 0), 1) as shop_factor,
        count(*) over (partition by measured.horizon_days, measured.attribute) as groups
    from measured
    inner join measured as shop
        on measured.horizon_days = shop.horizon_days and shop.attribute = 'shop'
),

in_errors as (
    select
        *,
        -- Of the forecast as it was, and of the forecast brought to the shop's total.
        {{ total_error_of('1') }} as standard_error,
        {{ total_error_of('shop_factor') }} as standard_error_beyond,
        predicted_spend / nullif(actual_spend, 0) - 1 as total_error,
        shop_factor * predicted_spend / nullif(actual_spend, 0) - 1 as error_beyond_shop,
        customers >= {{ least_group_customers() }}
        and buyers >= {{ least_group_buyers() }}
        and actual_spend > 0 as is_enough
    from compared
    where groups > 1 or attribute = 'shop'
),

judged_groups as (
    select
        *,
        is_enough
        and abs(actual_spend - shop_factor * predicted_spend) > 3 * standard_error_beyond
        and abs(error_beyond_shop) >= 0.1e0 as is_off_alone,
        is_enough
        and abs(actual_spend - predicted_spend) > 3 * standard_error
        and abs(total_error) >= 0.1e0 as is_off
    from in_errors
),

with_levels as (
    select
        judged_groups.*,
        levels.level_spend,
        levels.left_out_spend
    from judged_groups
    left join levels
        on
            judged_groups.horizon_days = levels.horizon_days
            and judged_groups.attribute = levels.attribute
            and judged_groups.group_name = levels.group_name
)

select
    cast(horizon_days as integer) as horizon_days,
    attribute,
    group_name,
    origin_date,
    model,
    cast(customers as bigint) as customers,
    cast(buyers as bigint) as buyers,
    cast({{ rounded('predicted_spend', 2) }} as decimal(38, 2)) as predicted_spend,
    cast({{ rounded('actual_spend', 2) }} as decimal(38, 2)) as actual_spend,
    total_error,
    total_error - 1.95996398454e0 * standard_error / nullif(actual_spend, 0) as error_low,
    total_error + 1.95996398454e0 * standard_error / nullif(actual_spend, 0) as error_high,
    shop_total_error,
    error_beyond_shop,
    level_spend / nullif(actual_spend, 0) - 1 as level_error,
    left_out_spend / nullif(actual_spend, 0) - 1 as left_out_error,
    absolute_error / customers as mae,
    shop_mae,
    absolute_error / nullif(actual_spend, 0) as wape,
    shop_wape,
    normalised_gini,
    shop_normalised_gini,
    is_enough,
    case
        when not is_enough then 'too few customers to say'
        when is_off_alone and error_beyond_shop > 0 then 'too high here'
        when is_off_alone then 'too low here'
        when is_off and total_error > 0 then 'too high, perhaps with the whole shop'
        when is_off then 'too low, perhaps with the whole shop'
        else 'no error beyond chance'
    end as verdict
from with_levels
where {{ is_shown_group('customers') }}
