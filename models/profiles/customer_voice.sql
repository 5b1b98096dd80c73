-- One row per customer who reviewed a product up to the scoring date: which categories they
-- praise and blame, and the words that say why.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

reviews as (
    select
        reviews.customer_key,
        products.category,
        reviews.rating
    from {{ ref('fct_reviews') }} as reviews
    inner join scoring on reviews.written_date <= scoring.as_of_date
    left join {{ ref('dim_products') }} as products on reviews.product_id = products.product_id
    where reviews.customer_key is not null
),

categories as (
    select
        customer_key,
        category,
        count(case when rating >= 4 then 1 end) as good,
        count(case when rating <= 2 then 1 end) as bad
    from reviews
    group by customer_key, category
),

placed_categories as (
    select
        *,
        row_number() over (
            partition by customer_key order by good - bad desc, good desc, category asc
        ) as place,
        row_number() over (
            partition by customer_key order by bad - good desc, bad desc, category asc
        ) as place_from_last
    from categories
    where category is not null
),

-- Each word once, from the review in which it was said last.
words as (
    select
        customer_key,
        word,
        max(lift) as lift,
        max(written_at) as written_at
    from {{ ref('review_words') }}
    where lift > 1
    group by customer_key, word
),

placed_words as (
    select
        customer_key,
        word,
        row_number() over (
            partition by customer_key order by lift desc, written_at desc, word asc
        ) as place
    from words
),

told as (
    select
        customer_key,
        max(case when place = 1 then word end)
        || coalesce(', ' || max(case when place = 2 then word end), '')
        || coalesce(', ' || max(case when place = 3 then word end), '') as review_words
    from placed_words
    where place <= 3
    group by customer_key
),

felt as (
    select
        customer_key,
        max(case when place = 1 and good > bad then category end) as praised_category,
        max(case when place_from_last = 1 and bad > good then category end)
            as blamed_category
    from placed_categories
    group by customer_key
),

customers as (
    select distinct customer_key from reviews
)

select
    customers.customer_key,
    felt.praised_category,
    felt.blamed_category,
    told.review_words
from customers
left join felt on customers.customer_key = felt.customer_key
left join told on customers.customer_key = told.customer_key
