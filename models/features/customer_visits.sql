-- One row per customer and day with at least one browsing event.
with events as (
    select * from {{ ref('fct_events') }}
    where customer_key is not null
)

select
    customer_key,
    occurred_date as activity_date,
    cast(count(case when event_type = 'view' then 1 end) as integer) as views,
    cast(count(case when event_type = 'cart' then 1 end) as integer) as carts,
    cast(count(distinct session_id) as integer) as sessions
from events
group by customer_key, occurred_date
