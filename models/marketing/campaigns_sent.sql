-- One row per campaign of which messages were sent: to whom, what it cost, how many opened,
-- clicked and bought, and whether chance decided who got it.
{%- set days = 28 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

recipients as (
    select
        sends.campaign_id,
        sends.customer_key,
        min(sends.sent_date) as first_sent_date,
        max(sends.sent_date) as last_sent_date,
        count(*) as messages,
        count(sends.opened_at) as opened,
        count(sends.clicked_at) as clicked,
        count(sends.cost) as priced_messages,
        sum(sends.cost) as cost
    from {{ ref('fct_campaign_sends') }} as sends
    cross join scoring
    where sends.sent_date <= scoring.as_of_date
    group by
        sends.campaign_id,
        sends.customer_key
),

-- An experiment of the campaign whose customers chance parted into two arms or more.
compared as (
    select
        experiments.campaign_id,
        experiments.experiment_id
    from {{ ref('experiments') }} as experiments
    inner join {{ ref('experiment_assignments') }} as assignments
        on experiments.experiment_id = assignments.experiment_id
    where experiments.campaign_id is not null
    group by
        experiments.campaign_id,
        experiments.experiment_id
    having count(distinct assignments.arm) >= 2
),

drawn as (
    select
        compared.campaign_id,
        assignments.customer_key,
        max(compared.experiment_id) as experiment_id
    from compared
    inner join {{ ref('experiment_assignments') }} as assignments
        on compared.experiment_id = assignments.experiment_id
    group by
        compared.campaign_id,
        assignments.customer_key
),

bought as (
    select distinct
        recipients.campaign_id,
        recipients.customer_key
    from recipients
    inner join {{ ref('customer_days') }} as days
        on
            recipients.customer_key = days.customer_key
            and recipients.first_sent_date <= days.activity_date
            and {{ plus_days('recipients.first_sent_date', days) }} >= days.activity_date
    cross join scoring
    where days.is_purchase and days.activity_date <= scoring.as_of_date
),

summed as (
    select
        recipients.campaign_id,
        min(recipients.first_sent_date) as first_sent_date,
        max(recipients.last_sent_date) as last_sent_date,
        sum(recipients.messages) as messages,
        count(*) as customers,
        count(drawn.customer_key) as drawn_customers,
        max(drawn.experiment_id) as experiment_id,
        sum(case when recipients.opened > 0 then 1 else 0 end) as opened_customers,
        sum(case when recipients.clicked > 0 then 1 else 0 end) as clicked_customers,
        count(bought.customer_key) as bought_customers,
        case when sum(recipients.priced_messages) > 0 then sum(recipients.cost) end as cost
    from recipients
    left join drawn
        on
            recipients.campaign_id = drawn.campaign_id
            and recipients.customer_key = drawn.customer_key
    left join bought
        on
            recipients.campaign_id = bought.campaign_id
            and recipients.customer_key = bought.customer_key
    group by recipients.campaign_id
)

select
    summed.campaign_id,
    campaigns.campaign_name,
    campaigns.channel,
    case
        when summed.drawn_customers = 0 then 'observed'
        when summed.drawn_customers < summed.customers then 'partly randomised'
        else 'randomised'
    end as evidence,
    summed.experiment_id,
    summed.first_sent_date,
    summed.last_sent_date,
    cast(summed.messages as bigint) as messages,
    cast(summed.customers as bigint) as customers,
    cast(summed.drawn_customers as bigint) as drawn_customers,
    cast(summed.opened_customers as bigint) as opened_customers,
    cast(summed.clicked_customers as bigint) as clicked_customers,
    cast(summed.bought_customers as bigint) as bought_customers,
    {{ plus_days('summed.last_sent_date', days) }} <= scoring.as_of_date as is_over,
    cast(summed.cost as decimal(38, 4)) as cost
from summed
cross join scoring
left join {{ ref('dim_campaigns') }} as campaigns
    on summed.campaign_id = campaigns.campaign_id
where {{ is_shown_group('summed.customers') }}
