-- The ten most valuable customers of the shop are among the best of their groups.
select profiles.customer_key
from {{ ref('customer_profiles') }} as profiles
left join {{ ref('top_customers') }} as top_customers
    on profiles.customer_key = top_customers.customer_key
where
    profiles.value_rank <= 10
    and top_customers.customer_key is null
