-- One row per check, subject, group and window of four weeks, 0 the newest: how many of
-- the subject's rows are in the group, are missing, rejected or in doubt, and how many
-- values they have; 0 too.
{%- set groups = {
    'sales_channel': ['orders', 'sales_channel'],
    'utm_source': ['orders', 'utm_source'],
    'country': ['orders', 'country'],
    'acquisition_channel': ['accounts', 'acquisition_channel'],
    'event_type': ['events', 'event_type'],
} -%}
{%- set missing = {
    'orders': ['customer_key', 'status', 'currency', 'sales_channel', 'country'],
    'lines': ['product_id', 'unit_price'],
    'events': ['customer_key', 'product_id', 'session_id'],
    'accounts': ['country', 'acquisition_channel'],
} -%}
{%- set distinct = {
    'orders': ['customer_key'],
    'lines': ['product_id'],
    'events': ['session_id'],
} -%}
{%- set feeds = {
    'orders': ['checked_orders', 'ordered_at'],
    'events': ['checked_events', 'occurred_at'],
    'reviews': ['checked_reviews', 'written_at'],
} -%}
{%- set names = {'lines': 'order_lines', 'accounts': 'customers'} %}
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- An order that came twice under two ids has the customer, the time and the money of
-- another one.
numbered as (
    select
        orders.*,
        customers.country,
        row_number() over (
            partition by orders.customer_key, orders.ordered_at, orders.total_amount
            order by orders.order_id
        ) as place
    from {{ ref('fct_orders') }} as orders
    left join {{ ref('dim_customers') }} as customers
        on orders.customer_key = customers.customer_key
),

{% for name, model, day in [
    ('orders', 'numbered', 'ordered_date'),
    ('lines', ref('fct_order_lines'), 'ordered_date'),
    ('events', ref('fct_events'), 'occurred_date'),
    ('accounts', ref('dim_customers'), shop_date('signed_up_at')),
] -%}
{{ name }} as (
    select
        rows_of.*,
        {{ window_number(day, 'scoring.as_of_date') }} as window_number
    from {{ model }} as rows_of
    cross join scoring
    where
        {{ day }} <= scoring.as_of_date
        and {{ day }} > {{ plus_days('scoring.as_of_date', '-1148') }}
),

{% endfor %}
counted as (
    {%- for subject, (name, column) in groups.items() %}
    select
        'groups' as check_name,
        '{{ names.get(name, name) }}.{{ column }}' as subject,
        coalesce({{ column }}, 'none') as group_name,
        window_number,
        count(*) as part
    from {{ name }}
    group by coalesce({{ column }}, 'none'), window_number
    union all
    {%- endfor %}
    select
        'statuses' as check_name,
        'orders.status' as subject,
        coalesce(status, 'none') as group_name,
        window_number,
        count(*) as part
    from orders
    group by coalesce(status, 'none'), window_number
    {%- for name, columns in missing.items() %}
    {%- for column in columns %}
    union all
    select
        'missing_values' as check_name,
        '{{ names.get(name, name) }}.{{ column }}' as subject,
        'missing' as group_name,
        window_number,
        sum(case when {{ column }} is null then 1 else 0 end) as part
    from {{ name }}
    group by window_number
    {%- endfor %}
    {%- endfor %}
    {%- for name, columns in distinct.items() %}
    {%- for column in columns %}
    union all
    select
        'distinct_values' as check_name,
        '{{ names.get(name, name) }}.{{ column }}' as subject,
        'distinct' as group_name,
        window_number,
        count(distinct {{ column }}) as part
    from {{ name }}
    group by window_number
    {%- endfor %}
    {%- endfor %}
    union all
    select
        'repeats' as check_name,
        'orders' as subject,
        'repeated' as group_name,
        window_number,
        sum(case when place > 1 then 1 else 0 end) as part
    from orders
    group by window_number
    union all
    select
        'money' as check_name,
        'orders' as subject,
        checks.cause as group_name,
        orders.window_number,
        count(*) as part
    from {{ ref('money_checks') }} as checks
    inner join orders on checks.order_id = orders.order_id
    group by checks.cause, orders.window_number
    {%- for feed, (model, at) in feeds.items() %}
    {%- set day = shop_date('checked.' ~ at) %}
    union all
    select
        'rejected' as check_name,
        '{{ feed }}' as subject,
        checked.rejection_reason as group_name,
        {{ window_number(day, 'scoring.as_of_date') }} as window_number,
        count(*) as part
    from {{ ref(model) }} as checked
    cross join scoring
    where
        checked.rejection_reason not in ('superseded', 'order_rejected')
        and {{ day }} <= scoring.as_of_date
        and {{ day }} > {{ plus_days('scoring.as_of_date', '-1148') }}
    group by checked.rejection_reason, {{ window_number(day, 'scoring.as_of_date') }}
    {%- endfor %}
),

subjects as (
    select
        check_name,
        subject,
        group_name,
        case
            when subject like '%.%' then split_part(subject, '.', 1)
            else subject
        end as feed
    from counted
    group by check_name, subject, group_name
),

-- The rows of a feed by whole windows.
wholes as (
    select
        feed,
        window_number,
        cast(sum(row_count) as bigint) as facts,
        count(*) as days
    from {{ ref('watched_days') }}
    group by feed, window_number
),

parts as (
    select
        subjects.check_name,
        subjects.subject,
        subjects.group_name,
        wholes.window_number,
        cast(coalesce(counted.part, 0) as bigint) as part,
        wholes.facts
    from subjects
    inner join wholes on subjects.feed = wholes.feed and wholes.days = 28
    left join counted
        on
            subjects.check_name = counted.check_name
            and subjects.subject = counted.subject
            and subjects.group_name = counted.group_name
            and wholes.window_number = counted.window_number
)

select
    check_name,
    subject,
    group_name,
    window_number,
    part,
    cast(case when check_name = 'rejected' then facts + part else facts end as bigint) as whole
from parts
where facts > 0
