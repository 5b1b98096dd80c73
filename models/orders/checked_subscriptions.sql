-- One row per row of the subscriptions feed, with its rejection reason or null. A newer row
-- without an end says that the subscription goes on.
{%- set said = [
    'subscription_id',
    'customer_key',
    'plan',
    'amount',
    'currency',
    'started_at',
    'renews_every',
    'ended_at',
    'unreadable',
] %}
with keyed as (
    select
        *,
        ended_at is null as goes_on
    from {{ ref('stg_subscriptions') }}
),

marked as (
    {{ mark_duplicates('keyed', said + ['goes_on'], ['subscription_id']) }}
),

renewed as (
    select
        *,
        {{ renewal_days('renews_every') }} as renewal_days,
        {{ renewal_months('renews_every') }} as renewal_months
    from marked
),

shop as (
    {{ shop_currency(ref('checked_orders')) }}
),

judged as (
    select
        renewed.*,
        coalesce(
            case when subscription_id is null then 'missing_key' end,
            duplicate_reason,
            case when customer_key is null then 'missing_customer' end,
            {{ unread_reason(['started_at', 'ended_at']) }},
            {{ date_reason('started_at') }},
            case
                when ended_at < started_at then 'ends_before_start'
                when
                    renews_every is not null
                    and coalesce(renewal_days, renewal_months, 0) = 0
                    then 'unknown_renewal'
                when upper(currency) != shop.currency_of_shop then 'other_currency'
            end
        ) as rejection_reason
    from renewed
    cross join shop
)

select
    subscription_id,
    customer_key,
    plan,
    amount,
    upper(currency) as currency,
    started_at,
    renewal_days,
    renewal_months,
    ended_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
