-- One row per row of the reviews feed, with its rejection reason or null.
{%- set said = [
    'review_id',
    'order_id',
    'customer_key',
    'product_id',
    'rating',
    'title',
    'body',
    'written_at',
    'unreadable',
] %}
with marked as (
    {{ mark_duplicates(ref('stg_reviews'), said, ['review_id']) }}
),

judged as (
    select
        *,
        case
            when review_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when {{ date_reason('written_at') }} is not null then {{ date_reason('written_at') }}
            when rating is null then 'unreadable_number'
            when rating not between 1 and 5 then 'rating_out_of_range'
        end as rejection_reason
    from marked
)

select
    review_id,
    order_id,
    customer_key,
    product_id,
    rating,
    title,
    body,
    written_at,
    rejection_reason,
    {{ rejected_row(said | reject('in', ['title', 'body']) | list) }} as record
from judged
