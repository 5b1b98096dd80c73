-- One row per status of the orders feed, as the shop writes it, with its meaning. Orders
-- are many and statuses are few, so the patterns are tried on statuses. DuckDB leaves the
-- join of the customers' keys out of an aggregate, and not out of a distinct.
with statuses as (
    select status
    from {{ ref('stg_orders') }}
    where status is not null
    group by status
)

select * from (
    {{ status_meanings('statuses', ref('order_statuses')) }}
) as meanings
