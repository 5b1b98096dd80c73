-- One row per offer: what an arm of experiments gave, and what one costs. An experiment's
-- control arm and lasting hold-outs are no offers.
with arms as (
    select
        assignments.experiment_id,
        assignments.arm,
        count(*) as customers
    from {{ ref('experiment_assignments') }} as assignments
    inner join {{ ref('experiments') }} as experiments
        on assignments.experiment_id = experiments.experiment_id
    where not assignments.is_control and not experiments.is_hold_out
    group by assignments.experiment_id, assignments.arm
),

costs as (
    select
        campaign_id,
        sum(cost) / count(cost) as cost
    from {{ ref('fct_campaign_sends') }}
    where cost is not null
    group by campaign_id
),

-- An arm that several experiments tried is one offer. What it costs and how it reaches
-- people is what the dearest of their campaigns says.
tried as (
    select
        arms.arm as offer,
        max(campaigns.channel) as channel,
        max(costs.cost) as cost,
        count(*) as experiments,
        sum(arms.customers) as customers
    from arms
    inner join {{ ref('experiments') }} as experiments
        on arms.experiment_id = experiments.experiment_id
    left join {{ ref('dim_campaigns') }} as campaigns
        on experiments.campaign_id = campaigns.campaign_id
    left join costs on experiments.campaign_id = costs.campaign_id
    group by arms.arm
)

select
    coalesce(told.offer, tried.offer) as offer,
    coalesce(told.channel, tried.channel) as channel,
    told.purpose,
    cast(coalesce(told.cost, {{ rounded('cast(tried.cost as double)', 4) }}) as decimal(18, 4))
        as cost,
    cast(told.most_customers as bigint) as most_customers,
    coalesce(told.is_offered, false) and coalesce(told.cost, tried.cost) is not null
        as is_offered,
    cast(coalesce(tried.experiments, 0) as bigint) as experiments,
    cast(coalesce(tried.customers, 0) as bigint) as customers
from tried
full outer join {{ ref('offer_costs') }} as told on tried.offer = lower(told.offer)
