-- One row per review of a good or a bad rating and word in it that at least five customers
-- wrote, or as many as a shown group has: how much more often such ratings hold the word
-- than ratings as a whole do.
{%- set fewest = [5, setting('smallest_group')] | max %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

reviews as (
    select
        reviews.review_id,
        reviews.customer_key,
        reviews.written_at,
        case
            when reviews.rating <= 2 then 'bad'
            when reviews.rating >= 4 then 'good'
            else 'middling'
        end as rating_kind,
        lower(coalesce(reviews.title, '') || ' ' || coalesce(reviews.body, '')) as review_text
    from {{ ref('review_texts') }} as reviews
    inner join scoring on reviews.written_date <= scoring.as_of_date
    where
        reviews.customer_key is not null
        and coalesce(reviews.title, reviews.body) is not null
),

split as (
    select
        review_id,
        {{ each_part(regexp_replaced('review_text', '[^\\p{L}]+', ' '), ' ') }} as word
    from reviews
),

words as (
    select distinct
        review_id,
        word
    from split
    where length(word) >= 4
),

written as (
    select
        reviews.review_id,
        reviews.customer_key,
        reviews.written_at,
        reviews.rating_kind,
        words.word
    from reviews
    inner join words on reviews.review_id = words.review_id
),

counts as (
    select
        word,
        count(*) as reviews,
        count(case when rating_kind = 'good' then 1 end) as good_reviews,
        count(case when rating_kind = 'bad' then 1 end) as bad_reviews
    from written
    group by word
    having count(distinct customer_key) >= {{ fewest }}
),

shop as (
    select
        count(case when rating_kind = 'good' then 1 end) / cast(count(*) as double) as good_share,
        count(case when rating_kind = 'bad' then 1 end) / cast(count(*) as double) as bad_share
    from reviews
),

-- Drawn towards 1 as if one review that has the word were expected and found.
lifts as (
    select
        counts.word,
        counts.good_reviews,
        counts.bad_reviews,
        (counts.good_reviews + 1) / (counts.reviews * shop.good_share + 1) as good_lift,
        (counts.bad_reviews + 1) / (counts.reviews * shop.bad_share + 1) as bad_lift
    from counts
    cross join shop
)

select
    written.review_id,
    written.customer_key,
    written.written_at,
    written.rating_kind,
    written.word,
    cast(
        case written.rating_kind
            when 'good' then lifts.good_reviews
            else lifts.bad_reviews
        end as integer
    ) as reviews,
    case written.rating_kind when 'good' then lifts.good_lift else lifts.bad_lift end as lift
from written
inner join lifts on written.word = lifts.word
where written.rating_kind <> 'middling'
