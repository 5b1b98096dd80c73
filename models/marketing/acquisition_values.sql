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

channel_pools as (
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

-- Cohorts differ in proportion to what their channels bring: a good month of a dear channel
-- brings more on top than a good month of a cheap one. So differences count in parts of the
-- channel's value, and of a tenth of the shop's where that is more.
pools as (
    select
        channel_pools.*,
        case
            when shop.pool_value > 0
                then greatest(channel_pools.pool_value, 0.1e0 * shop.pool_value)
            else 1e0
        end as scale
    from channel_pools
    inner join channel_pools as shop
        on channel_pools.period = shop.period and shop.dimension = 'all'
),

compared as (
    select
        measured.*,
        pools.scale,
        (measured.mean - pools.pool_value) / pools.scale as residual
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
        count(distinct channel) as channels,
        {{ steady_sum(
            '(squares - customers * mean * mean) / (scale * scale)', cohort_columns()
        ) }}
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
        customers,
        cohorts - channels as free_cohorts,
        squared_customers,
        customers - squared_customers / customers as divisor,
        greatest(within_variance, 0) as within_variance,
        greatest(
            0, coalesce(
                (between_squares - (cohorts - channels) * greatest(within_variance, 0))
                / nullif(customers - squared_customers / customers, 0),
                0
            )
        ) as between_variance
    from spreads
),

-- Of few cohorts it is not known how much they differ, and 0 may be said by chance. A range
-- goes by more: by the variance and the mean of what it may be above 0.
likely as (
    select
        *,
        (
            between_variance
            + sqrt(power(between_variance, 2) + 4 * 0.64e0 * coalesce(squared_error, 0))
        ) / 2 as likely_variance
    from (
        select
            *,
            2 * (
                free_cohorts * power(within_variance, 2)
                + 2 * customers * within_variance * between_variance
                + squared_customers * power(between_variance, 2)
            ) / nullif(power(divisor, 2), 0) as squared_error
        from variances
    ) as with_error
),

-- How much of its difference from the channel a cohort keeps, by the longest period that
-- is observed.
weighed as (
    select
        compared.*,
        variances.within_variance as own_variance,
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
        coalesce(pools.scale, shop.scale) as scale,
        coalesce(pools.customers_behind, 0) as customers_behind,
        shop.pool_value as shop_value
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
        answered.scale,
        answered.customers_behind,
        answered.shop_value,
        weighed.residual,
        weighed.own_weight,
        weighed.own_variance / weighed.customers as own_error,
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

-- A cohort that is too young keeps its difference as it is, in parts of the channel's value.
-- That value is off by chance, and by as much as it was drawn to the shop's.
kept as (
    select
        ranked.*,
        coalesce(ranked.own_weight, 0) as weight,
        coalesce(ranked.own_error, 0) as weighed_error,
        likely.likely_variance,
        likely.within_variance / greatest(ranked.customers_behind, {{ alike }})
        + power(
            {{ alike }} * (ranked.pool_value - ranked.shop_value)
            / (ranked.scale * greatest(ranked.customers_behind, {{ alike }})),
            2
        ) as channel_error
    from ranked
    left join likely
        on
            ranked.dimension = likely.dimension
            and ranked.period = likely.period
    where ranked.place = 1
),

estimated as (
    select
        *,
        pool_value + scale * weight * coalesce(residual, 0) as value,
        scale * sqrt(
            power(1 - weight, 2) * likely_variance
            + power(weight, 2) * weighed_error
            + channel_error
        ) as deviation,
        scale * sqrt(likely_variance + channel_error) as channel_deviation
    from kept
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
    weight as own_weight,
    cast({{ rounded('value', 2) }} as decimal(38, 2)) as value,
    cast({{ rounded('value - 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_low,
    cast({{ rounded('value + 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_high,
    cast({{ rounded('pool_value', 4) }} as decimal(38, 4)) as channel_value,
    cast({{ rounded('pool_value - 1.2816 * channel_deviation', 4) }} as decimal(38, 4))
        as channel_value_low,
    cast({{ rounded('pool_value + 1.2816 * channel_deviation', 4) }} as decimal(38, 4))
        as channel_value_high
from estimated
