-- One row per customer, product and day on which they looked at it or put it into a cart,
-- up to the scoring date. The newest rows of each customer only.
{%- set most_views = 200 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

views as (
    select
        events.customer_key,
        events.product_id,
        events.occurred_date as view_date
    from {{ ref('fct_events') }} as events
    inner join scoring on events.occurred_date <= scoring.as_of_date
    where
        events.customer_key is not null
        and events.product_id is not null
        and events.event_type in ('view', 'cart')
    group by events.customer_key, events.product_id, events.occurred_date
),

in_order as (
    select
        *,
        row_number() over (
            partition by customer_key order by view_date desc, product_id asc
        ) as place_from_last
    from views
)

select
    customer_key,
    product_id,
    view_date
from in_order
where place_from_last <= {{ most_views }}
