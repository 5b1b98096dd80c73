-- One row per metric of models/metrics/metrics.yml, segment, country and channel. Each
-- of the three is 'all' where the row does not tell customers apart by it. A quotient
-- cannot be added up over groups, so every choice has a value of its own. The whole
-- shop's orders include those of guests; any other choice has customers' orders only.
{%- set groups = 'group_segment, group_country, group_channel' %}
{%- set tables = {
    'customers': metrics_over('customer_profiles'),
    'orders': metrics_over('fct_orders'),
} %}
with customer_groups as (
    select
        customer_key,
        segment as group_segment,
        country as group_country,
        acquisition_channel as group_channel
    from {{ ref('customer_groups') }}
),

customers as (
    select
        profiles.*,
        customer_groups.group_segment,
        customer_groups.group_country,
        customer_groups.group_channel
    from {{ ref('customer_profiles') }} as profiles
    inner join customer_groups on profiles.customer_key = customer_groups.customer_key
),

orders as (
    select
        orders.*,
        coalesce(customer_groups.group_segment, 'guest') as group_segment,
        coalesce(customer_groups.group_country, 'guest') as group_country,
        coalesce(customer_groups.group_channel, 'guest') as group_channel
    from {{ ref('fct_orders') }} as orders
    left join customer_groups on orders.customer_key = customer_groups.customer_key
),

{%- for table, metrics in tables.items() %}

{{ table }}_measured as (
    select
        {%- for name, expression in metrics.items() %}
        cast({{ expression }} as double) as {{ name }},
        {%- endfor %}
        {{ 'count(*) as group_customers,' if table == 'customers' }}
        case when grouping(group_segment) = 1 then 'all' else group_segment end
            as segment,
        case when grouping(group_country) = 1 then 'all' else group_country end
            as country,
        case when grouping(group_channel) = 1 then 'all' else group_channel end
            as acquisition_channel
    from {{ table }}
    group by cube(group_segment, group_country, group_channel)
),
{%- endfor %}

metric_values as (
    {%- for table, metrics in tables.items() %}
    {%- set last_table = loop.last %}
    {%- for name in metrics %}
    select
        '{{ name }}' as metric,
        segment,
        country,
        acquisition_channel,
        {{ name }} as value
    from {{ table }}_measured
    {%- if not (loop.last and last_table) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
)

select metric_values.*
from metric_values
left join customers_measured as sizes
    on
        metric_values.segment = sizes.segment
        and metric_values.country = sizes.country
        and metric_values.acquisition_channel = sizes.acquisition_channel
where
    metric_values.segment <> 'guest'
    and metric_values.country <> 'guest'
    and metric_values.acquisition_channel <> 'guest'
    and (
        (
            metric_values.segment = 'all'
            and metric_values.country = 'all'
            and metric_values.acquisition_channel = 'all'
        )
        or {{ is_shown_group('coalesce(sizes.group_customers, 0)') }}
    )
