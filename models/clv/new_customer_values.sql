-- One row per group of customers and period after their first order: what a new customer of
-- the group is worth by then.
{%- set fewest = 20 %}
{%- set days_of = {'30_days': 30, '90_days': 90, '365_days': 365} %}
{%- set periods = (days_of | list) + ['lifetime'] %}
{%- set dimensions = {
    'channel': 'acquisition_channel',
    'country': 'country',
    'first_category': 'first_category',
    'first_product': 'first_product',
} %}
with lifetime_values as (
    select
        customer_key,
        as_of_date,
        first_purchase_date,
        total_value
    from {{ ref('customer_lifetime_value') }}
),

margins as (
    select margin from {{ ref('shop_margin') }}
),

first_days as (
    select
        lifetime_values.customer_key,
        days.net_amount,
        {{ days_between('lifetime_values.first_purchase_date', 'days.activity_date') }}
            as days_after
    from lifetime_values
    inner join {{ ref('customer_days') }} as days
        on
            lifetime_values.customer_key = days.customer_key
            and lifetime_values.as_of_date >= days.activity_date
),

earned as (
    select
        {%- for period, days in days_of.items() %}
        sum(case when days_after <= {{ days }} then net_amount else 0 end)
            as spend_{{ period }},
        {%- endfor %}
        customer_key
    from first_days
    group by customer_key
),

aged as (
    select
        *,
        {{ days_between('first_purchase_date', 'as_of_date') }} as age_days
    from lifetime_values
),

-- A value counts once a customer is old enough.
customers as (
    select
        aged.customer_key,
        first_orders.acquisition_channel,
        first_orders.country,
        first_orders.first_category,
        first_orders.first_product,
        {%- for period, days in days_of.items() %}
        case
            when aged.age_days >= {{ days }}
                then
                    cast(
                        {{ rounded(
                            'cast(earned.spend_' ~ period ~ ' as double) * margins.margin', 2
                        ) }} as decimal(38, 2)
                    )
        end as value_{{ period }},
        {%- endfor %}
        aged.total_value as value_lifetime
    from aged
    cross join margins
    left join earned on aged.customer_key = earned.customer_key
    inner join {{ ref('first_orders') }} as first_orders
        on aged.customer_key = first_orders.customer_key
),

members as (
    select
        'all' as dimension,
        'all' as group_name,
        *
    from customers
    {%- for dimension, column in dimensions.items() %}
    union all
    select
        '{{ dimension }}' as dimension,
        {{ column }} as group_name,
        *
    from customers
    {%- endfor %}
),

-- Decimals add up to the same in any order. A value above 10^15 counts as 10^15 in its
-- square, as in purchase_features. `least` would make 10^15 of what is not known, too.
sums as (
    select
        dimension,
        group_name,
        {%- for period in periods %}
        count(value_{{ period }}) as count_{{ period }},
        sum(value_{{ period }}) as sum_{{ period }},
        sum(
            case
                when value_{{ period }} is not null
                    then
                        cast(
                            {{ rounded(
                                'power(least(abs(cast(value_' ~ period
                                ~ ' as double)), 1e15), 2)', 4
                            ) }} as decimal(38, 4)
                        )
            end
        ) as squares_{{ period }},
        {%- endfor %}
        count(*) as customers
    from members
    group by
        dimension,
        group_name
),

named as (
    select
        *,
        case
            when customers < {{ fewest }} and dimension <> 'all' then 'other'
            else group_name
        end as shown_name
    from sums
),

folded as (
    select
        dimension,
        shown_name as group_name,
        {%- for period in periods %}
        sum(count_{{ period }}) as count_{{ period }},
        sum(sum_{{ period }}) as sum_{{ period }},
        sum(squares_{{ period }}) as squares_{{ period }},
        {%- endfor %}
        sum(customers) as customers
    from named
    group by
        dimension,
        shown_name
),

measured as (
    {%- for period in periods %}
    select
        dimension,
        group_name,
        '{{ period }}' as period,
        cast(customers as bigint) as customers,
        cast(count_{{ period }} as double) as observed,
        cast(sum_{{ period }} as double) / nullif(count_{{ period }}, 0) as mean,
        cast(sum_{{ period }} as double) as total,
        cast(squares_{{ period }} as double) as squares
    from folded
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

shop as (
    select
        period,
        mean as shop_mean
    from measured
    where dimension = 'all'
),

-- How values differ within groups, and what is left of the differences between the means of
-- groups once chance has had its share.
spreads as (
    select
        measured.dimension,
        measured.period,
        count(*) as all_groups,
        {{ steady_sum('measured.observed', 'measured.group_name') }} as customers,
        {{ steady_sum(
            'measured.squares - measured.total * measured.mean', 'measured.group_name'
        ) }}
        / nullif(
            {{ steady_sum('measured.observed', 'measured.group_name') }}
            - count(measured.mean), 0
        ) as within_variance,
        count(measured.mean) - 1 as others,
        {{ steady_sum(
            'measured.observed * power(measured.mean - shop.shop_mean, 2)',
            'measured.group_name',
        ) }} as between_squares,
        {{ steady_sum('measured.observed * measured.observed', 'measured.group_name') }}
            as squared_customers
    from measured
    inner join shop on measured.period = shop.period
    group by
        measured.dimension,
        measured.period
),

variances as (
    select
        dimension,
        period,
        all_groups,
        customers,
        greatest(coalesce(within_variance, 0), 0) as within_variance,
        case
            when others > 0
                then
                    greatest(
                        0,
                        (between_squares - others * coalesce(within_variance, 0))
                        / (customers - squared_customers / customers)
                    )
            else 0
        end as between_variance
    from spreads
),

weighed as (
    select
        measured.*,
        shop.shop_mean,
        variances.customers as shop_customers,
        variances.within_variance,
        variances.between_variance,
        case
            when measured.dimension = 'all' then 1
            when measured.observed * variances.between_variance = 0 then 0
            else
                measured.observed * variances.between_variance
                / (
                    measured.observed * variances.between_variance
                    + variances.within_variance
                )
        end as own_weight
    from measured
    inner join shop on measured.period = shop.period
    inner join variances
        on
            measured.dimension = variances.dimension
            and measured.period = variances.period
    where measured.dimension = 'all' or variances.all_groups > 1
),

-- What is not known of a group's value: its own part and the shop's mean.
estimated as (
    select
        *,
        own_weight * coalesce(mean, 0) + (1 - own_weight) * shop_mean as value,
        sqrt(
            case
                when dimension = 'all' then within_variance / nullif(observed, 0)
                else
                    (1 - own_weight) * between_variance
                    + (1 - own_weight) * (1 - own_weight)
                    * within_variance / nullif(shop_customers, 0)
            end
        ) as deviation
    from weighed
)

select
    dimension,
    group_name,
    period,
    customers,
    cast(observed as bigint) as observed_customers,
    case
        when observed >= {{ fewest }}
            then cast({{ rounded('mean', 2) }} as decimal(38, 2))
    end as observed_value,
    cast({{ rounded('value', 2) }} as decimal(38, 2)) as value,
    cast({{ rounded('value - 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_low,
    cast({{ rounded('value + 1.2816 * deviation', 2) }} as decimal(38, 2)) as value_high
from estimated
where
    dimension = 'all'
    or ({{ is_shown_group('customers') }} and {{ is_shown_group('observed') }})
