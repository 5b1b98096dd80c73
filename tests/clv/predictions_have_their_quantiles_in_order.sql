-- spend_p10 <= spend_p50 <= spend_p90, and none of them is negative.
select *
from {{ ref('clv_predictions') }}
where spend_p10 < 0 or spend_p50 < spend_p10 or spend_p90 < spend_p50
