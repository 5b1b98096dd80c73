-- One row per customer and day on which a campaign reached them: by a message, or, where
-- nobody says which messages were sent, by what an experiment showed them.
with sends as (
    select * from {{ ref('fct_campaign_sends') }}
),

-- Who is a control saw nothing, whatever the feed says.
shown as (
    select
        assignments.customer_key,
        experiments.campaign_id,
        {{ shop_date('assignments.exposed_at') }} as shown_date
    from {{ ref('fct_assignments') }} as assignments
    inner join {{ ref('dim_experiments') }} as experiments
        on assignments.experiment_id = experiments.experiment_id
    left join {{ ref('arm_meanings') }} as arm_meanings
        on assignments.arm = arm_meanings.arm
    where
        assignments.exposed_at is not null
        and experiments.campaign_id is not null
        and arm_meanings.arm is null
),

-- A message of the campaign that came later must not change what was known on the day.
shown_alone as (
    select
        shown.customer_key,
        shown.shown_date
    from shown
    left join sends
        on
            shown.customer_key = sends.customer_key
            and shown.campaign_id = sends.campaign_id
            and shown.shown_date >= sends.sent_date
    where sends.customer_key is null
),

contacts as (
    select
        customer_key,
        sent_date as activity_date
    from sends
    union all
    select
        customer_key,
        shown_date as activity_date
    from shown_alone
)

select
    customer_key,
    activity_date,
    cast(count(*) as integer) as contacts
from contacts
group by customer_key, activity_date
