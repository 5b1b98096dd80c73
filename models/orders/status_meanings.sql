-- One row per status of the orders feed, as the shop writes it, with its meaning. Orders
-- are many and statuses are few, so the patterns are tried on statuses.
with statuses as (
    select distinct status
    from {{ ref('stg_orders') }}
    where status is not null
)

select * from (
    {{ status_meanings('statuses', ref('order_statuses')) }}
) as meanings
