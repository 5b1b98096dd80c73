-- One row per customer, dimension and group that their first order puts them in.
{%- set fewest = 20 %}
{%- set most_groups = 50 %}
{%- set told = {
    'channel': 'acquisition_channel',
    'country': 'country',
    'first_category': 'first_category',
    'first_product': 'first_product',
} %}
{%- set listed = {'coupon': 'coupon_code', 'tag': 'tags'} %}
with first_orders as (
    select
        *,
        cast(date_trunc('month', first_order_date) as date) as first_month
    from {{ ref('first_orders') }}
),

listed as (
    {%- for dimension, column in listed.items() %}
    select
        customer_key,
        first_month,
        '{{ dimension }}' as dimension,
        {{ each_part('coalesce(' ~ column ~ ", 'none')", ',') }} as part
    from first_orders
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

members as (
    {%- for dimension, column in told.items() %}
    select
        customer_key,
        first_month,
        '{{ dimension }}' as dimension,
        {{ column }} as group_name
    from first_orders
    union all
    {%- endfor %}
    select distinct
        customer_key,
        first_month,
        dimension,
        coalesce(nullif(trim(part), ''), 'none') as group_name
    from listed
),

sizes as (
    select
        dimension,
        group_name,
        count(*) as customers
    from members
    group by dimension, group_name
),

-- A dimension that puts all customers into one group says nothing.
placed as (
    select
        *,
        count(*) over (partition by dimension) as all_groups,
        row_number() over (
            partition by dimension order by customers desc, group_name asc
        ) as place
    from sizes
),

named as (
    select
        dimension,
        group_name,
        case
            when customers < {{ fewest }} or place > {{ most_groups }} then 'other'
            else group_name
        end as shown_name
    from placed
    where all_groups > 1
)

select
    customer_key,
    first_month,
    'all' as dimension,
    'all' as group_name
from first_orders
union all
select
    customer_key,
    first_month,
    'month' as dimension,
    cast(first_month as string) as group_name
from first_orders
union all
select distinct
    members.customer_key,
    members.first_month,
    members.dimension,
    named.shown_name as group_name
from members
inner join named
    on
        members.dimension = named.dimension
        and members.group_name = named.group_name
