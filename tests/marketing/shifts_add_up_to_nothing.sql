-- A plan shares the same budget out, and nobody gets less than nothing.
select
    sum(shift) as shift,
    min(recommended_spend) as least
from {{ ref('channel_plan') }}
having abs(sum(shift)) > 0.01 * count(*) or min(recommended_spend) < 0
