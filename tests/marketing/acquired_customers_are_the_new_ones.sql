-- Every customer of first_orders was acquired once.
select
    first_orders.customer_key,
    acquired.customer_key as acquired_key
from {{ ref('first_orders') }} as first_orders
full outer join {{ ref('acquired_customers') }} as acquired
    on first_orders.customer_key = acquired.customer_key
where first_orders.customer_key is null or acquired.customer_key is null
