-- One row per group of visits and step: how many visits reached the step and went on.
{%- set steps = ['impression', 'view', 'cart', 'checkout', 'purchase'] %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Without a session, a visit is what a customer did on a day.
events as (
    select
        coalesce(
            events.session_id,
            events.customer_key || ' ' || cast(events.occurred_date as string)
        ) as visit,
        events.customer_key,
        events.product_id,
        case events.event_type
            {%- for step in steps %}
            when '{{ step }}' then {{ loop.index }}
            {%- endfor %}
        end as step
    from {{ ref('fct_events') }} as events
    inner join scoring
        on
            events.occurred_date <= scoring.as_of_date
            and events.occurred_date > {{ plus_days('scoring.as_of_date', -365) }}
),

visits as (
    select
        visit,
        max(customer_key) as customer_key,
        max(case when step = 1 then 1 else 0 end) as lists,
        max(case when step = 4 then 1 else 0 end) as checkouts,
        max(step) as furthest
    from events
    where visit is not null and step is not null
    group by visit
),

known as (
    select
        visits.*,
        coalesce(visits.customer_key, visits.visit) as visitor,
        coalesce(customers.acquisition_channel, 'unknown') as channel,
        coalesce(profiles.segment, 'unknown') as segment
    from visits
    left join {{ ref('dim_customers') }} as customers
        on visits.customer_key = customers.customer_key
    left join {{ ref('customer_profiles') }} as profiles
        on visits.customer_key = profiles.customer_key
),

in_category as (
    select
        events.visit,
        products.category,
        max(case when events.step = 1 then 1 else 0 end) as lists,
        max(events.step) as furthest
    from events
    inner join {{ ref('dim_products') }} as products
        on events.product_id = products.product_id
    where events.step is not null and products.category is not null
    group by events.visit, products.category
),

-- A checkout names no product: it is one of what the visit had put into the cart.
grouped as (
    select
        'all' as dimension,
        'all' as value,
        visitor,
        lists,
        furthest
    from known
    union all
    select
        'channel' as dimension,
        channel as value,
        visitor,
        lists,
        furthest
    from known
    union all
    select
        'segment' as dimension,
        segment as value,
        visitor,
        lists,
        furthest
    from known
    union all
    select
        'category' as dimension,
        in_category.category as value,
        coalesce(visits.customer_key, visits.visit) as visitor,
        in_category.lists,
        case
            when in_category.furthest = 3 and visits.checkouts = 1 then 4
            else in_category.furthest
        end as furthest
    from in_category
    inner join visits on in_category.visit = visits.visit
),

counted as (
    {%- for step in steps %}
    select
        dimension,
        value,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        count(*) as visits,
        {%- if setting('smallest_group') > 1 %}
        count(distinct visitor) as visitors,
        {%- endif %}
        sum(case when furthest > {{ loop.index }} then 1 else 0 end) as went_on
    from grouped
    where {{ 'lists = 1' if loop.first else 'furthest >= ' ~ loop.index }}
    group by dimension, value
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

-- What a group is compared with: all visits, or the visits of all categories.
shop as (
    select
        dimension,
        step_number,
        sum(went_on) / cast(sum(visits) as double) as usual_share
    from counted
    group by dimension, step_number
),

shares as (
    select
        counted.*,
        counted.went_on / cast(counted.visits as double) as share_going_on,
        shop.usual_share
    from counted
    inner join shop
        on
            counted.dimension = shop.dimension
            and counted.step_number = shop.step_number
)

select
    dimension,
    value,
    cast(step_number as integer) as step_number,
    step,
    cast(visits as bigint) as visits,
    case when step <> 'purchase' then cast(went_on as bigint) end as went_on,
    case when step <> 'purchase' then share_going_on end as share_going_on,
    case when step <> 'purchase' then usual_share end as usual_share,
    case when step <> 'purchase' then usual_share * visits - went_on end as visits_lost,
    step <> 'purchase'
    and usual_share - share_going_on
    > 2 * sqrt(usual_share * (1 - usual_share) / cast(visits as double)) as is_break
from shares
{%- if setting('smallest_group') > 1 %}
where dimension = 'all' or {{ is_shown_group('visitors') }}
{%- endif %}
