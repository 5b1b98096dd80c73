-- Every planned offer may be given, pays for itself with care, and goes to nobody held out.
select
    planned.customer_key,
    planned.offer
from {{ ref('campaign_plan') }} as planned
left join {{ ref('plannable_offers') }} as offers
    on planned.customer_key = offers.customer_key and planned.offer = offers.offer
left join {{ ref('experiment_assignments') }} as assignments
    on
        planned.customer_key = assignments.customer_key
        and assignments.is_held_out
        and assignments.ended_date is null
where
    offers.customer_key is null
    or assignments.customer_key is not null
    or planned.cautious_effect <= planned.cost
