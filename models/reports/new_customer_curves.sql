-- One row per channel of new_customers, and for the whole shop, and month of age: the margin
-- that one more customer has brought by then.
select
    channels.is_shop,
    channels.channel,
    curves.age_months,
    curves.age_days,
    curves.customers,
    curves.value
from {{ ref('new_customers') }} as channels
inner join {{ ref('acquisition_curves') }} as curves
    on
        channels.channel = curves.channel
        and channels.is_shop = (curves.dimension = 'all')
