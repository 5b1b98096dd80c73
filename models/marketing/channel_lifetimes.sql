-- One row per channel: what one more customer of the newest month is worth over a lifetime.
with ranked as (
    select
        channel,
        value,
        value_low,
        value_high,
        row_number() over (
            partition by channel
            order by first_month desc
        ) as place
    from {{ ref('acquisition_values') }}
    where dimension = 'channel' and period = 'lifetime'
)

select
    channel,
    value,
    value_low,
    value_high
from ranked
where place = 1
