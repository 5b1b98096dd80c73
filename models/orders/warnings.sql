{{ config(post_hook="{{ warn_of(this) }}") }}
-- One row per thing that no rule decides for certain, with its orders and their money.
-- The build says each.
with orders as (
    select * from {{ ref('fct_orders') }}
),

statuses as (
    select
        *,
        row_number() over (
            partition by is_described order by abs(amount) desc, status asc
        ) as place
    from {{ ref('statuses') }}
    where orders > 0
),

-- A file with a status of its own for each order would fill the screen.
named_statuses as (
    select * from statuses
    where place <= 20 and (is_doubtful or not is_described)
),

status_warnings as (
    select
        case when is_described then 'doubtful_status' else 'unknown_status' end as kind,
        status as subject,
        orders,
        amount,
        case
            when is_described then 'Shops differ in what they mean by the status '
            else 'Nobody has said what this status means: '
        end
        || status || '. It counts as ' || case meaning
            when 'sale' then 'sold'
            when 'refunded' then 'refunded'
            else 'no sale'
        end
        || ' for ' || {{ counted('orders', 'order') }} || ' of ' || {{ money_text('amount') }}
        || case
            when is_described
                then
                    '. If yours means something else, change its meaning in'
                    || ' seeds/reference/order_statuses.csv; if not, set is_doubtful to'
                    || ' false there.'
            else '. Add it to seeds/reference/order_statuses.csv.'
        end as message
    from named_statuses
),

customers as (
    select
        customer_key,
        count(*) as orders,
        sum(amount) as amount
    from orders
    where customer_key is not null
    group by customer_key
),

all_customers as (
    select
        count(*) as customers,
        sum(orders) as all_orders,
        sum(amount) as all_amount
    from customers
),

improbable as (
    select
        customers.*,
        all_customers.all_orders,
        all_customers.all_amount
    from customers
    cross join all_customers
    where {{ is_improbable_id(
        'customers.orders', 'all_customers.all_orders', 'all_customers.customers'
    ) }}
),

currencies as (
    select
        count(*) as orders,
        count(currency) as named_orders,
        sum(case when currency is null then amount end) as blank_amount,
        max(currency) as currency
    from orders
),

-- What a row passed over would have said, nobody knows.
unordered as (
    select
        count(*) as records,
        count(distinct feed) as feeds,
        sum(amount) as amount
    from {{ ref('rejected_records') }}
    where reason = 'conflicting_record'
),

event_types as (
    select
        event_type,
        count(*) as events,
        row_number() over (order by count(*) desc, event_type asc) as place
    from {{ ref('checked_events') }}
    where rejection_reason = 'unknown_event_type'
    group by event_type
),

campaigns as (
    select campaign_id from {{ ref('dim_campaigns') }}
),

-- A shop that has no list of its campaigns misses none in it.
named_campaigns as (
    {%- for model in ['fct_campaign_sends', 'fct_marketing_spend', 'fct_redemptions'] %}
    select distinct campaign_id from {{ ref(model) }}
    where (select count(*) from campaigns) > 0
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

unknown_campaigns as (
    select
        count(*) as campaigns,
        min(named_campaigns.campaign_id) as example
    from named_campaigns
    left join campaigns on named_campaigns.campaign_id = campaigns.campaign_id
    where named_campaigns.campaign_id is not null and campaigns.campaign_id is null
),

experiments as (
    select experiment_id from {{ ref('dim_experiments') }}
),

unknown_experiments as (
    select
        count(distinct assignments.experiment_id) as experiments,
        min(assignments.experiment_id) as example
    from {{ ref('fct_assignments') }} as assignments
    left join experiments on assignments.experiment_id = experiments.experiment_id
    where
        experiments.experiment_id is null
        and (select count(*) from {{ ref('dim_experiments') }}) > 0
),

-- Var as_of_date says which day is the last.
late_days as (
    select *
    from {{ ref('doubted_days') }}
    where {{ 'false' if setting('as_of_date') else 'true' }}
),

said as (
    select
        kind,
        subject,
        orders,
        amount,
        message
    from status_warnings
    union all
    select
        'improbable_customer' as kind,
        customer_key as subject,
        orders,
        amount,
        'Customer "' || customer_key || '" has ' || cast(orders as string) || ' of '
        || {{ counted('all_orders', 'order') }} || ', and ' || {{ money_text('amount') }}
        || ' of ' || {{ money_text('all_amount') }} || '. If the id stands for guests or'
        || ' for nobody, add it to seeds/reference/nobody_ids.csv.' as message
    from improbable
    union all
    select
        'blank_currency' as kind,
        cast(null as string) as subject,
        orders - named_orders as orders,
        blank_amount as amount,
        'Orders without a currency, beside ' || cast(named_orders as string) || ' in '
        || currency || ': ' || {{ counted('(orders - named_orders)', 'order') }} || ' of '
        || {{ money_text('blank_amount') }} || '. Each counts as ' || currency || '.' as message
    from currencies
    where named_orders > 0 and orders > named_orders
    union all
    select
        'unordered_versions' as kind,
        cast(null as string) as subject,
        records as orders,
        amount,
        'The build passed over ' || {{ counted('records', 'row') }} || ' of '
        || {{ counted('feeds', 'feed') }} || ' for others with the same key, though'
        || ' nothing tells which is newer (conflicting_record in'
        || ' orders.rejected_records). scripts/load.py notes which came last, and a'
        || ' column updated_at of the orders tells it too.' as message
    from unordered
    where records > 0
    union all
    select
        'unknown_event_type' as kind,
        event_type as subject,
        events as orders,
        null as amount,
        'Nobody has said what events of '
        || coalesce('the type ' || event_type, 'no type') || ' mean, so '
        || {{ counted('events', 'row') }} || ' of the feed events '
        || case when events = 1 then 'is' else 'are' end || ' rejected. Add the type to'
        || ' seeds/reference/event_types.csv.' as message
    from event_types
    where place <= 20
    union all
    select
        'unknown_campaign' as kind,
        example as subject,
        campaigns as orders,
        null as amount,
        'Messages, spend or coupons are of ' || {{ counted('campaigns', 'campaign') }}
        || ' that the feed campaigns lacks, such as ' || example || '. They count, but'
        || ' nobody knows their name, channel and time. Add them to the feed.' as message
    from unknown_campaigns
    where campaigns > 0
    union all
    select
        'unknown_experiment' as kind,
        example as subject,
        experiments as orders,
        null as amount,
        'Customers are assigned to ' || {{ counted('experiments', 'experiment') }}
        || ' that the feed experiments lacks, such as ' || example || '. They count, but'
        || ' nobody knows their name and time. Add them to the feed.' as message
    from unknown_experiments
    where experiments > 0
    union all
    select
        'late_day' as kind,
        cast(order_date as string) as subject,
        orders,
        amount,
        'The day ' || cast(order_date as string) || ', with '
        || {{ counted('orders', 'order') }} || ' of ' || {{ money_text('amount') }}
        || ', lies so long after the others that its date may be mistyped. Customers are'
        || ' scored as of the last day before, ' || cast(last_date as string) || '. Mend'
        || ' the date, or set var as_of_date if it is right.' as message
    from late_days
)

select
    kind,
    subject,
    cast(orders as bigint) as orders,
    cast(amount as decimal(38, 4)) as amount,
    message
from said
