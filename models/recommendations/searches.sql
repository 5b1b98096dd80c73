-- One row per term that two visitors or more searched for: what they found and bought.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

events as (
    select
        events.event_id,
        events.session_id,
        events.customer_key,
        coalesce(events.customer_key, events.session_id) as visitor,
        events.event_type,
        events.product_id,
        events.occurred_at,
        events.occurred_date,
        lower(trim(events.query)) as term
    from {{ ref('fct_events') }} as events
    inner join scoring
        on
            events.occurred_date <= scoring.as_of_date
            and events.occurred_date > {{ plus_days('scoring.as_of_date', -365) }}
),

told as (
    select
        *,
        lead(occurred_at) over (
            partition by coalesce(session_id, event_id) order by occurred_at, event_id
        ) as next_search_at
    from events
    where event_type = 'search' and term <> ''
),

-- What one visitor alone typed may name a person.
terms as (
    select
        term,
        count(*) as searches,
        count(distinct visitor) as visitors
    from told
    group by term
    having count(distinct visitor) >= {{ [2, setting('smallest_group')] | max }}
),

common as (
    select
        *,
        row_number() over (order by searches desc, term asc) as search_rank
    from terms
),

listed as (
    select * from common
    where search_rank <= 1000
),

searches as (
    select told.*
    from told
    inner join listed on told.term = listed.term
),

-- What is looked at before the next search of the visit is what was found.
clicks as (
    select
        searches.event_id,
        searches.term,
        views.product_id
    from searches
    inner join events as views
        on
            searches.session_id = views.session_id
            and searches.occurred_at <= views.occurred_at
            and (searches.next_search_at is null or searches.next_search_at > views.occurred_at)
    where views.event_type = 'view' and views.product_id is not null
),

clicked as (
    select
        term,
        count(distinct event_id) as searches
    from clicks
    group by term
),

click_ranks as (
    select
        term,
        product_id,
        row_number() over (
            partition by term order by count(distinct event_id) desc, product_id asc
        ) as place
    from clicks
    group by term, product_id
),

products as (
    select
        product_id,
        is_offered,
        lower(coalesce(product_name, '') || ' ' || coalesce(category, '')) as words
    from {{ ref('offered_products') }}
),

matching as (
    select
        listed.term,
        products.product_id,
        products.is_offered
    from listed
    inner join products on position(listed.term in products.words) > 0
),

matches as (
    select
        term,
        sum(case when is_offered then 1 else 0 end) as products
    from matching
    group by term
),

bought as (
    select
        searches.event_id,
        searches.term,
        purchases.product_id,
        matching.product_id is not null as is_match
    from searches
    inner join {{ ref('product_purchases') }} as purchases
        on
            searches.customer_key = purchases.customer_key
            and searches.occurred_date <= purchases.purchase_date
            and {{ plus_days('searches.occurred_date', 7) }} >= purchases.purchase_date
    left join matching
        on
            searches.term = matching.term
            and purchases.product_id = matching.product_id
),

followed as (
    select
        term,
        count(distinct case when is_match then event_id end) as searches_bought,
        count(distinct event_id) as searches_with_purchase
    from bought
    group by term
),

instead as (
    select
        term,
        product_id,
        row_number() over (
            partition by term order by count(distinct event_id) desc, product_id asc
        ) as place
    from bought
    where not is_match
    group by term, product_id
)

select
    cast(listed.search_rank as integer) as search_rank,
    listed.term,
    cast(listed.searches as bigint) as searches,
    cast(listed.visitors as bigint) as visitors,
    cast(coalesce(matches.products, 0) as bigint) as products_found,
    coalesce(clicked.searches, 0) / cast(listed.searches as double) as click_share,
    click_ranks.product_id as clicked_product_id,
    cast(coalesce(followed.searches_bought, 0) as bigint) as searches_bought,
    cast(coalesce(followed.searches_with_purchase, 0) as bigint) as searches_with_purchase,
    instead.product_id as bought_instead_product_id
from listed
left join matches on listed.term = matches.term
left join clicked on listed.term = clicked.term
left join click_ranks on listed.term = click_ranks.term and click_ranks.place = 1
left join followed on listed.term = followed.term
left join instead on listed.term = instead.term and instead.place = 1
