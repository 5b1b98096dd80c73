-- Customers and their money are the same for all and added up over the segments, and
-- the whole shop's revenue is that of all orders, guests' included.
{{ config(enabled=setting('smallest_group') == 1) }}
with shown as (
    select
        metric,
        sum(case when segment = 'all' then value end) as of_all,
        sum(case when segment <> 'all' then value end) as of_segments
    from {{ ref('metric_values') }}
    where
        country = 'all'
        and acquisition_channel = 'all'
        and metric in ('customers', 'past_spend', 'lifetime_value', 'revenue')
    group by metric
),

orders as (
    select sum(net_amount) as revenue from {{ ref('fct_orders') }}
)

select
    shown.metric,
    shown.of_all,
    case
        when shown.metric = 'revenue' then cast(orders.revenue as double)
        else shown.of_segments
    end as added_up
from shown
cross join orders
where not abs(
    shown.of_all
    - case
        when shown.metric = 'revenue' then cast(orders.revenue as double)
        else shown.of_segments
    end
) <= 1e-9 * abs(shown.of_all)
