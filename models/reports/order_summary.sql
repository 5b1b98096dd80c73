-- One row per group of orders that a shop should know of: those that count, those that
-- their status leaves out, and those that are in doubt. A table has the largest 30
-- statuses, so that it stays short however a shop writes them.
{%- set most_statuses = 30 %}
with orders as (
    select * from {{ ref('fct_orders') }}
    where is_sale
),

statuses as (
    select
        *,
        row_number() over (order by abs(amount) desc, status asc) as place
    from {{ ref('statuses') }}
    where orders > 0
),

named as (
    select * from statuses
    where place <= {{ most_statuses }}
),

counted as (
    select
        'counted' as kind,
        case when customer_key is null then 'guests' else 'customers' end as name,
        case
            when customer_key is null
                then 'They name no customer: they are revenue, and nobody is scored for them.'
            else 'Orders of the customers who are scored.'
        end as explanation,
        count(*) as orders,
        sum(net_amount) as amount
    from orders
    group by customer_key is null
),

left_out as (
    select
        'left_out' as kind,
        status as name,
        case meaning
            when 'not_yet' then 'Not paid or not confirmed yet: no sale so far.'
            when 'never' then 'Came to nothing: no sale.'
            when 'test' then 'Tried out the shop: no sale.'
        end as explanation,
        orders,
        amount
    from named
    where meaning in ('not_yet', 'never', 'test')
),

unclear as (
    select
        'in_doubt' as kind,
        kind || coalesce(': ' || subject, '') as name,
        message as explanation,
        orders,
        amount
    from {{ ref('warnings') }}
),

checked as (
    select
        cause,
        count(*) as orders,
        sum(abs(coalesce(difference, amount))) as amount
    from {{ ref('money_checks') }}
    group by cause
),

differing as (
    select
        'in_doubt' as kind,
        checked.cause as name,
        causes.explanation,
        checked.orders,
        checked.amount
    from checked
    inner join {{ ref('money_check_causes') }} as causes on checked.cause = causes.cause
),

groups as (
    select * from counted
    union all
    select * from left_out
    union all
    select * from unclear
    union all
    select * from differing
)

select
    kind,
    name,
    explanation,
    cast(orders as bigint) as orders,
    cast(amount as decimal(38, 4)) as amount
from groups
