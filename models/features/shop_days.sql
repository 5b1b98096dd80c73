-- One row per day on which a known customer bought or returned something: how many
-- bought for the first time, how many bought at all, and for how much. Later events never
-- change a past day, so what was known as of a date is the rows up to it.
select
    activity_date,
    cast(sum(case when is_first_purchase then 1 else 0 end) as bigint) as new_customers,
    cast(sum(case when is_purchase then 1 else 0 end) as bigint) as purchases,
    cast(sum(case when is_purchase then purchase_amount else 0 end) as double)
        as purchase_amount,
    cast(sum(net_amount) as double) as net_amount
from {{ ref('customer_days') }}
group by activity_date
