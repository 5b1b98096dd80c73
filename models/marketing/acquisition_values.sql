-- One row per cohort and period: what one more customer like those of the cohort is worth by
-- then, and how sure that is. A month in which money was spent and nobody came is a cohort too.
{%- set days_of = {
    'first_day': 0,
    '30_days': 30,
    '90_days': 90,
    '365_days': 365,
    'payback': setting('target_payback_days'),
} %}
{%- set periods = (days_of | list) + ['lifetime'] %}
{%- set alike = 20 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

margins as (
    select margin from {{ ref('shop_margin') }}
),

acquired as (
    select * from {{ ref('acquired_customers') }}
),

spent as (
    select
        {%- for period, days in days_of.items() %}
        sum(
            case
                when
                    {{ days_between('acquired.first_order_date', 'days.activity_date') }}
                    <= {{ days }}
                    then days.net_amount
                else 0
            end
        ) as spend_{{ period }},
        {%- endfor %}
        acquired.customer_key
    from acquired
    inner join {{ ref('customer_days') }} as days
        on acquired.customer_key = days.customer_key
    inner join scoring on days.activity_date <= scoring.as_of_date
    group by acquired.customer_key
),

customers as (
    select
        acquired.channel,
        acquired.campaign_id,
        acquired.country,
        acquired.first_month,
        {%- for period in days_of %}
        cast(
            {{ rounded('cast(spent.spend_' ~ period ~ ' as double) * margins.margin', 2) }}
            as decimal(38, 2)
        ) as value_{{ period }},
        {%- endfor %}
        lifetimes.total_value as value_lifetime
    from acquired
    inner join spent on acquired.customer_key = spent.customer_key
    inner join {{ ref('customer_lifetime_value') }} as lifetimes
        on acquired.customer_key = lifetimes.customer_key
    cross join margins
),

-- Decimals add up to the same in any order. A value above 10^15 counts as 10^15 in its
-- square, as in new_customer_values.
summed as (
    select
        channel,
        campaign_id,
        country,
        first_month,
        {%- for period in periods %}
        sum(value_{{ period }}) as sum_{{ period }},
        sum(
            cast(
                {{ rounded(
                    'power(least(abs(cast(value_' ~ period ~ ' as double)), 1e15), 2)', 4
                ) }} as decimal(38, 4)
            )
        ) as squares_{{ period }},
        {%- endfor %}
        count(*) as customers
    from customers
    group by
        channel,
        campaign_id,
        country,
        first_month
),

grouped as (
    {{ acquisition_groups('summed', [
        'first_month',
        'customers',
        'sum_first_day', 'squares_first_day',
        'sum_30_days', 'squares_30_days',
        'sum_90_days', 'squares_90_days',
        'sum_365_days', 'squares_365_days',
        'sum_payback', 'squares_payback',
        'sum_lifetime', 'squares_lifetime',
    ]) }}
),

cohorts as (
    select
        {{ cohort_columns() }},
        {%- for period in periods %}
        sum(sum_{{ period }}) as sum_{{ period }},
        sum(squares_{{ period }}) as squares_{{ period }},
        {%- endfor %}
        sum(customers) as customers
    from grouped
    group by {{ cohort_columns() }}
),

-- A value is observed once all customers of the cohort are old enough.
measured as (
    {%- for period in periods %}
    select
        {{ cohort_columns('cohorts') }},
        '{{ period }}' as period,
        {{ days_of.get(period, 100000) }} as days,
        {% if period == 'lifetime' -%}
        true as is_observed,
        {%- else -%}
        {{ plus_days(
            last_first_day('cohorts.first_month', 'scoring.as_of_date'), days_of[period]
        ) }} <= scoring.as_of_date as is_observed,
        {%- endif %}
        cast(cohorts.customers as double) as customers,
        cast(cohorts.sum_{{ period }} as double) / cohorts.customers as mean,
        cast(cohorts.squares_{{ period }} as double) as squares
    from cohorts
    cross join scoring
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- What one more customer of a channel brings: the channel's curve, straight between months
-- of age, and the mean of all lifetime values, drawn to the shop's like the curve.
curves as (
    select
        *,
        lag(age_days) over (partition by dimension, channel order by age_months) as from_days,
        lag(value) over (partition by dimension, channel order by age_months) as from_value
    from {{ ref('fitted_curves') }}
),

lifetimes as (
    select
        dimension,
        channel,
        sum(customers) as customers,
        cast(sum(sum_lifetime) as double) as total
    from cohorts
    where dimension in ('all', 'channel')
    group by
        dimension,
        channel
),

whole as (
    select total / customers as mean
    from lifetimes
    where dimension = 'all'
),

pools as (
    {%- for period, days in days_of.items() %}
    select
        dimension,
        channel,
        '{{ period }}' as period,
        customers as customers_behind,
        coalesce(
            cast(from_value as double)
            + cast(value - from_value as double) * ({{ days }} - from_days)
            / (age_days - from_days),
            cast(value as double)
        ) as pool_value
    from curves
    where
        {{ days }} <= age_days
        and ({{ days }} > from_days or from_days is null)
    union all
    {%- endfor %}
    select
        lifetimes.dimension,
        lifetimes.channel,
        'lifetime' as period,
        lifetimes.customers as customers_behind,
        (lifetimes.total + {{ alike }} * whole.mean) / (lifetimes.customers + {{ alike }})
            as pool_value
    from lifetimes
    cross join whole
),

compared as (
    select
        measured.*,
        pools.pool_value,
        measured.mean - pools.pool_value as residual
    from measured
    inner join pools
        on
            measured.channel = pools.channel
            and measured.period = pools.period
            and pools.dimension
            = case when measured.dimension = 'all' then 'all' else 'channel' end
    where measured.is_observed
),

-- How customers of a cohort differ, and what is left of the differences between the cohorts
-- of a channel once chance has had its share.
spreads as (
    select
        dimension,
        period,
        sum(customers) as customers,
        count(*) as cohorts,
        {{ steady_sum('squares - customers * mean * mean', cohort_columns()) }}
        / nullif(sum(customers) - count(*), 0) as within_variance,
        {{ steady_sum('customers * residual * residual', cohort_columns()) }}
            as between_squares,
        sum(customers * customers) as squared_customers
    from compared
    group by
        dimension,
        period
),

variances as (
    select
        dimension,
        period,
        greatest(within_variance, 0) as within_variance,
        greatest(
            0, coalesce(
                (between_squares - cohorts * greatest(within_variance, 0))
                / nullif(customers - squared_customers / customers, 0),
                0
            )
        ) as between_variance
    from spreads
),

-- How much of its difference from the channel a cohort keeps, by the longest period that
-- is observed.
weighed as (
    select
        compared.*,
        case
            when variances.between_variance > 0
                then
                    compared.customers * variances.between_variance
                    / (
                        compared.customers * variances.between_variance
                        + variances.within_variance
                    )
            else 0
        end as own_weight
    from compared
    inner join variances
        on
            compared.dimension = variances.dimension
            and compared.period = variances.period
),

costs as (
    select distinct {{ cohort_columns() }}
    from {{ ref('acquisition_costs') }}
),

wanted as (
    select
        coalesce(cohorts.dimension, costs.dimension) as dimension,
        coalesce(cohorts.channel, costs.channel) as channel,
        coalesce(cohorts.campaign_id, costs.campaign_id) as campaign_id,
        coalesce(cohorts.country, costs.country) as country,
        coalesce(cohorts.first_month, costs.first_month) as first_month,
        coalesce(cohorts.customers, 0) as customers
    from cohorts
    full outer join costs
        on {{ same_cohort('cohorts', 'costs') }}
),

asked as (
    {%- for period in periods %}
    select
        {{ cohort_columns() }},
        customers,
        '{{ period }}' as period,
        {{ days_of.get(period, 100000) }} as days
    from wanted
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- Where nobody of a channel has ever come, the shop's other customers answer for it.
answered as (
    select
        asked.*,
        coalesce(pools.pool_value, shop.pool_value) as pool_value,
        coalesce(pools.customers_behind, 0) as customers_behind,
        shop.customers_behind as shop_customers
    from asked
    left join pools as shop
        on asked.period = shop.period and shop.dimension = 'all'
    left join pools
        on
            asked.channel = pools.channel
            and asked.period = pools.period
            and pools.dimension
            = case when asked.dimension = 'all' then 'all' else 'channel' end
),

ranked as (
    select
        {{ cohort_columns('answered') }},
        answered.period,
        answered.customers,
        answered.pool_value,
        answered.customers_behind,
        answered.shop_customers,
        weighed.residual,
        weighed.own_weight,
        coalesce(weighed.period = answered.period, false) as is_observed,
        weighed.mean,
        row_number() over (
            partition by
                {{ cohort_columns('answered') }},
                answered.period
            order by weighed.days desc nulls last, weighed.period asc
        ) as place
    from answered
    left join weighed
        on
            {{ same_cohort('answered', 'weighed') }}
            and (
                answered.period = weighed.period
                or answered.period <> 'lifetime' and answered.days >= weighed.days
            )
),

estimated as (
    select
        ranked.*,
        ranked.pool_value + coalesce(ranked.own_weight * ranked.residual, 0) as value,
        sqrt(
            (1 - coalesce(ranked.own_weight, 0)) * variances.between_variance
            + variances.within_variance
            / nullif(greatest(ranked.customers_behind, {{ alike }}), 0)
        ) as deviation,
        sqrt(
            variances.between_variance
            + variances.within_variance
            / nullif(greatest(ranked.customers_behind, {{ alike }}), 0)
        ) as channel_deviation
    from ranked
    left join variances
        on
            ranked.dimension = variances.dimension
            and ranked.period = variances.period
    where ranked.place = 1
)

select
    {{ cohort_columns() }},
    period,
    cast(customers as bigint) as customers,
    is_observed,
    case
        when is_observed then cast({{ rounded('mean', 2) }} as decimal(38, 2))
    end as observed_value,
    cast(customers_behind as bigint) as customers_behind,
    coalesce(own_weight, 0) as own_weight,
    cast({{ rounded('value', 2) }} as decimal(38, 2)) as value,
    cast({{ rounded('value - 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_low,
    cast({{ rounded('value + 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_high,
    cast({{ rounded('pool_value', 4) }} as decimal(38, 4)) as channel_value,
    cast({{ rounded('pool_value - 1.2816 * channel_deviation', 4) }} as decimal(38, 4))
        as channel_value_low,
    cast({{ rounded('pool_value + 1.2816 * channel_deviation', 4) }} as decimal(38, 4))
        as channel_value_high
from estimated
