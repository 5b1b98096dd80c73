-- The plan costs no more than its budget and than campaign_limits and offer_costs allow.
with spent as (
    select
        'budget' as what,
        'all' as name,
        sum(cost) as cost,
        count(*) as customers
    from {{ ref('campaign_plan') }}
    union all
    select
        'offer' as what,
        offer as name,
        sum(cost) as cost,
        count(*) as customers
    from {{ ref('campaign_plan') }}
    group by offer
    union all
    select
        'channel' as what,
        channel as name,
        sum(cost) as cost,
        count(*) as customers
    from {{ ref('campaign_plan') }}
    group by channel
    union all
    select
        'segment' as what,
        segment as name,
        sum(cost) as cost,
        count(*) as customers
    from {{ ref('campaign_plan') }}
    group by segment
),

limits as (
    select
        'budget' as what,
        'all' as name,
        budget as most_cost,
        cast(null as bigint) as most_customers
    from {{ ref('campaign_frontier') }}
    where is_planned and policy = 'plan'
    union all
    select
        'offer' as what,
        offer as name,
        cast(null as decimal(18, 4)) as most_cost,
        most_customers
    from {{ ref('offers') }}
    union all
    select
        kind as what,
        name,
        most_cost,
        most_customers
    from {{ ref('campaign_limits') }}
)

select
    spent.*,
    limits.most_cost,
    limits.most_customers
from spent
inner join limits on spent.what = limits.what and spent.name = limits.name
where spent.cost > limits.most_cost or spent.customers > limits.most_customers
