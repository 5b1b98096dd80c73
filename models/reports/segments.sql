-- One row per segment, segment before, country and channel: how many customers are in
-- it, what they have spent and what is expected of them.
with profiles as (
    select * from {{ ref('customer_profiles') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

segments as (
    select
        customer_groups.segment,
        coalesce(profiles.previous_segment, 'none') as previous_segment,
        customer_groups.country,
        customer_groups.acquisition_channel,
        count(*) as customers,
        cast(sum(profiles.past_spend) as decimal(38, 2)) as past_spend,
        cast(sum(profiles.predicted_spend) as decimal(38, 2)) as predicted_spend,
        cast(sum(profiles.lifetime_value) as decimal(38, 2)) as lifetime_value
    from profiles
    inner join customer_groups on profiles.customer_key = customer_groups.customer_key
    group by
        customer_groups.segment,
        coalesce(profiles.previous_segment, 'none'),
        customer_groups.country,
        customer_groups.acquisition_channel
)

select * from segments
where {{ is_shown_group('customers') }}
