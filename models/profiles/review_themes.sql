-- One row per kind of rating and word: the words that set the shop's good reviews, and its
-- bad ones, apart from the others.
{%- set most = 20 %}
with words as (
    select distinct
        rating_kind,
        word,
        reviews,
        lift
    from {{ ref('review_words') }}
    where lift > 1 and {{ is_shown_group('reviews') }}
),

placed as (
    select
        *,
        row_number() over (
            partition by rating_kind
            order by lift desc, reviews desc, word asc
        ) as place
    from words
)

select
    rating_kind,
    cast(place as integer) as place,
    word,
    reviews,
    lift
from placed
where place <= {{ most }}
