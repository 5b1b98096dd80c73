-- One row per treatment, attribute and group of customers: how many of them it reached in
-- the last 90 days, beside the shop, and beside what their value lets expect.
{%- set attributes = ['country', 'acquisition_channel', 'segment', 'customer_age'] %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

contacted as (
    select distinct contacts.customer_key
    from {{ ref('customer_contacts') }} as contacts
    cross join scoring
    where
        contacts.activity_date <= scoring.as_of_date
        and {{ days_between('contacts.activity_date', 'scoring.as_of_date') }} < 90
        and contacts.contacts > 0
),

-- Actions are chosen for the day after the scoring date.
chosen as (
    select distinct actions.customer_key
    from {{ ref('next_best_actions') }} as actions
    cross join scoring
    where
        actions.action <> 'nothing'
        and {{ days_between('actions.action_date', 'scoring.as_of_date') }} between -1 and 88
),

treated as (
    select
        'contacted' as treatment,
        customer_key
    from contacted
    union all
    select
        'offer_planned' as treatment,
        customer_key
    from {{ ref('campaign_plan') }}
    union all
    select
        'action_chosen' as treatment,
        customer_key
    from chosen
),

treatments as (
    select distinct treatment from treated
),

customers as (
    select
        treatments.treatment,
        profiles.customer_key,
        profiles.as_of_date,
        profiles.country,
        profiles.acquisition_channel,
        profiles.segment,
        case
            when profiles.tenure_days < 91 then 'less than 91 days'
            when profiles.tenure_days < 365 then '91 days to a year'
            when profiles.tenure_days < 730 then 'one to two years'
            else 'two years or more'
        end as customer_age,
        cast(floor((profiles.value_decile + 1) / 2e0) as integer) as value_band,
        case when treated.customer_key is null then 0 else 1 end as is_treated
    from {{ ref('customer_profiles') }} as profiles
    cross join treatments
    left join treated
        on
            profiles.customer_key = treated.customer_key
            and treatments.treatment = treated.treatment
),

-- What would be if a treatment asked for nothing but value.
by_value as (
    select
        treatment,
        value_band,
        cast(count(*) as bigint) as customers,
        cast(sum(is_treated) as bigint) as treated
    from customers
    group by treatment, value_band
),

shop as (
    select
        treatment,
        cast(sum(treated) as double) / sum(customers) as shop_share
    from by_value
    group by treatment
),

grouped as (
    {%- for attribute in attributes %}
    select
        treatment,
        '{{ attribute }}' as attribute,
        coalesce({{ attribute }}, 'unknown') as group_name,
        value_band,
        max(as_of_date) as as_of_date,
        cast(count(*) as bigint) as customers,
        cast(sum(is_treated) as bigint) as treated
    from customers
    group by treatment, coalesce({{ attribute }}, 'unknown'), value_band
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

counted as (
    select
        grouped.treatment,
        grouped.attribute,
        grouped.group_name,
        max(grouped.as_of_date) as as_of_date,
        cast(sum(grouped.customers) as bigint) as customers,
        cast(sum(grouped.treated) as bigint) as treated,
        {{ steady_sum(
            'grouped.customers * cast(by_value.treated as double) / by_value.customers',
            'grouped.value_band'
        ) }} as treated_by_value
    from grouped
    inner join by_value
        on
            grouped.treatment = by_value.treatment
            and grouped.value_band = by_value.value_band
    group by grouped.treatment, grouped.attribute, grouped.group_name
),

shares as (
    select
        counted.*,
        shop.shop_share,
        cast(counted.treated as double) / counted.customers as share,
        counted.treated_by_value / counted.customers as share_by_value,
        {{ wilson_end('counted.treated', 'counted.customers', '-') }} as share_low,
        {{ wilson_end('counted.treated', 'counted.customers', '+') }} as share_high,
        counted.customers >= {{ least_group_customers() }} as is_enough,
        count(*) over (partition by counted.treatment, counted.attribute) as groups
    from counted
    inner join shop on counted.treatment = shop.treatment
)

select
    treatment,
    attribute,
    group_name,
    as_of_date,
    customers,
    treated,
    share,
    share_low,
    share_high,
    shop_share,
    share_by_value,
    share / nullif(share_by_value, 0) * shop_share as standardised_share,
    is_enough,
    case
        when not is_enough then 'too few customers to say'
        when shop_share between share_low and share_high then 'as in the shop'
        when share_by_value between share_low and share_high then 'as value lets expect'
        when share > share_by_value then 'more than value lets expect'
        else 'less than value lets expect'
    end as verdict
from shares
where groups > 1 and {{ is_shown_group('customers') }}
