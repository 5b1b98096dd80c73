{{ reloaded('ordered_at', key='order_id') }}
-- One row per row of the orders feed, with its rejection reason or null.
{%- set said = [
    'order_id',
    'customer_key',
    'ordered_at',
    'status',
    'currency',
    'amount',
    'discount_amount',
    'shipping_amount',
    'tax_amount',
    'tip_amount',
    'refunded_amount',
    'updated_at',
    'coupon_code',
    'sales_channel',
    'tags',
    'utm_source',
    'utm_medium',
    'utm_campaign',
    'click_id',
    'unreadable',
] %}
{{ check_currency(ref('stg_orders')) }}
{{ check_clock(ref('stg_orders')) }}
with {{ marked_feed(ref('stg_orders'), said, 'order_id', 'ordered_at') }},

meanings as (
    select * from {{ ref('status_meanings') }}
),

judged as (
    select
        marked.*,
        case
            when order_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when {{ date_reason('ordered_at') }} is not null
                then {{ date_reason('ordered_at') }}
            when unreadable is not null then 'unreadable_number'
            {%- if setting('currency') %}
            when upper(currency) != upper('{{ setting("currency") }}') then 'other_currency'
            {%- endif %}
        end as rejection_reason,
        -- A negative amount is money back itself, whatever its status adds to that.
        case
            when meanings.meaning = 'refunded' and amount < 0 then 'sale'
            else coalesce(meanings.meaning, 'sale')
        end as status_meaning
    from marked
    left join meanings on marked.status = meanings.status
)

select
    order_id,
    customer_key,
    ordered_at,
    lower(status) as status,
    upper(currency) as currency,
    amount,
    discount_amount,
    shipping_amount,
    tax_amount,
    tip_amount,
    refunded_amount,
    updated_at,
    upper(coupon_code) as coupon_code,
    lower(sales_channel) as sales_channel,
    tags,
    lower(utm_source) as utm_source,
    lower(utm_medium) as utm_medium,
    utm_campaign,
    click_id,
    status_meaning,
    status_meaning in ('sale', 'refunded') as is_sale,
    duplicate_reason is null as is_kept,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
