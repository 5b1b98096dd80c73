-- One row per feed: how many of its rows became facts and how many were rejected.
with rejected as (
    select
        feed,
        count(*) as rejected
    from {{ ref('rejected_records') }}
    group by feed
),

facts as (
    {%- for feed, model, condition in facts_of_feeds() %}
    select
        {{ loop.index }} as position,
        '{{ feed }}' as feed,
        count(*) as facts
    from {{ ref(model) }}
    {% if condition %}where {{ condition }}{% endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

feeds as (
    select
        facts.feed,
        facts.position,
        facts.facts,
        coalesce(rejected.rejected, 0) as rejected
    from facts
    left join rejected on facts.feed = rejected.feed
)

select * from feeds
