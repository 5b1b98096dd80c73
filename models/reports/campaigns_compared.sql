-- One row per campaign of which messages were sent, the newest twenty.
with ranked as (
    select
        *,
        row_number() over (order by last_sent_date desc, campaign_id asc) as place
    from {{ ref('campaigns_sent') }}
)

select
    cast(place as integer) as place,
    campaign_id,
    coalesce(campaign_name, campaign_id) as campaign_name,
    channel,
    evidence,
    experiment_id,
    first_sent_date,
    last_sent_date,
    messages,
    customers,
    drawn_customers,
    opened_customers,
    clicked_customers,
    bought_customers,
    is_over,
    cost
from ranked
where place <= 20
