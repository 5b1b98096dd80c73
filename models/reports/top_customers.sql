-- One row per customer who is among the ten most valuable of their segment, country and
-- channel. So the ten best customers of any choice of the three are in the table.
{%- set most_customers = 10 %}
with profiles as (
    select * from {{ ref('customer_profiles') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

ranked as (
    select
        profiles.customer_key,
        customer_groups.segment,
        customer_groups.country,
        customer_groups.acquisition_channel,
        profiles.value_rank,
        cast(
            row_number() over (
                partition by
                    customer_groups.segment,
                    customer_groups.country,
                    customer_groups.acquisition_channel
                order by profiles.value_rank
            ) as integer
        ) as group_rank,
        profiles.frequency,
        profiles.last_purchase_date,
        profiles.past_spend,
        profiles.predicted_spend,
        profiles.spend_p10,
        profiles.spend_p90,
        profiles.chance_of_buying,
        profiles.lifetime_value
    from profiles
    inner join customer_groups on profiles.customer_key = customer_groups.customer_key
)

select * from ranked
where group_rank <= {{ most_customers }}
