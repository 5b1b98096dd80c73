-- One row per customer at the scoring date: the segment, country and channel that
-- reports count the customer in. Only the largest countries and channels are told
-- apart, so that a report has a bounded number of rows however large the shop.
{%- set most_countries = 8 %}
{%- set most_channels = 6 %}
with profiles as (
    select
        customer_key,
        segment,
        coalesce(nullif(trim(country), ''), 'unknown') as country,
        acquisition_channel
    from {{ ref('customer_profiles') }}
),

countries as (
    select
        country,
        count(*) as customers
    from profiles
    where country <> 'unknown'
    group by country
),

largest_countries as (
    select country
    from countries
    order by customers desc, country asc
    limit {{ most_countries }}
),

channels as (
    select
        acquisition_channel,
        count(*) as customers
    from profiles
    where acquisition_channel <> 'unknown'
    group by acquisition_channel
),

largest_channels as (
    select acquisition_channel
    from channels
    order by customers desc, acquisition_channel asc
    limit {{ most_channels }}
),

folded as (
    select
        profiles.customer_key,
        profiles.segment,
        case
            when profiles.country = 'unknown' then 'unknown'
            else coalesce(largest_countries.country, 'other')
        end as country,
        case
            when profiles.acquisition_channel = 'unknown' then 'unknown'
            else coalesce(largest_channels.acquisition_channel, 'other')
        end as acquisition_channel
    from profiles
    left join largest_countries on profiles.country = largest_countries.country
    left join largest_channels
        on profiles.acquisition_channel = largest_channels.acquisition_channel
)

select * from folded
