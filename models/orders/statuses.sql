-- One row per status of the orders, in lower case, with what it means and the orders and
-- money that have it.
with orders as (
    select
        status,
        count(*) as orders,
        sum(amount) as amount
    from {{ ref('fct_orders') }}
    where status is not null
    group by status
),

-- Spellings that differ in upper and lower case only.
meanings as (
    select
        lower(status) as status,
        max(described_as) as described_as,
        max(meaning) as meaning,
        max(case when is_doubtful then 1 else 0 end) = 1 as is_doubtful
    from {{ ref('status_meanings') }}
    group by lower(status)
)

select
    meanings.status,
    coalesce(meanings.meaning, 'sale') as meaning,
    meanings.described_as,
    meanings.described_as is not null as is_described,
    meanings.is_doubtful,
    cast(coalesce(orders.orders, 0) as bigint) as orders,
    cast(coalesce(orders.amount, 0) as decimal(38, 4)) as amount
from meanings
left join orders on meanings.status = orders.status
