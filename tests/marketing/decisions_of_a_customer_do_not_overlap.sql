-- A customer has no second decision before the horizon of the first one is over.
select
    one.customer_key,
    one.action_date,
    other.action_date as other_action_date
from {{ ref('next_best_actions') }} as one
inner join {{ ref('next_best_actions') }} as other
    on
        one.customer_key = other.customer_key
        and one.action_date < other.action_date
        and one.counted_until >= other.action_date
