-- One row per budget (a campaign of a channel, or the rest of it): what its money brings, what
-- it should get of today's budget, and the test that would settle it.
with shares as (
    select * from {{ ref('channel_shares') }}
),

countries as (
    select count(distinct country) as countries
    from {{ ref('acquired_customers') }}
    where country <> 'unknown'
)

select
    shares.channel,
    shares.campaign_id,
    'observed' as evidence,
    shares.weeks,
    {%- for column in ['weekly_spend', 'known_spend_low', 'known_spend_high'] %}
    cast({{ rounded('shares.' ~ column, 2) }} as decimal(38, 2)) as {{ column }},
    {%- endfor %}
    shares.weekly_customers,
    shares.brought_customers,
    shares.brought_customers_low,
    shares.brought_customers_high,
    {%- for column in [
        'customer_value',
        'marginal_value', 'marginal_value_low', 'marginal_value_high',
        'recommended_spend',
    ] %}
    cast({{ rounded('shares.' ~ column, 2) }} as decimal(38, 2)) as {{ column }},
    {%- endfor %}
    cast({{ rounded('shares.recommended_spend - shares.weekly_spend', 2) }} as decimal(38, 2))
        as shift,
    {%- for column in [
        'expected_gain', 'expected_gain_low', 'expected_gain_high', 'plan_gain', 'test_spend'
    ] %}
    cast({{ rounded('shares.' ~ column, 2) }} as decimal(38, 2)) as {{ column }},
    {%- endfor %}
    shares.plan_chance,
    case
        when shares.test_weeks is null then null
        when countries.countries > 1 then 'geo_split'
        else 'time_split'
    end as test_kind,
    shares.test_weeks
from shares
cross join countries
