-- Every raw row is one fact or one rejected record, feed by feed.
with counted as (
    {%- for feed, model, condition in facts_of_feeds() %}
    select
        '{{ feed }}' as feed,
        {{ raw_rows(feed) }} as rows_in,
        count(*) as facts
    from {{ ref(model) }}
    {% if condition %}where {{ condition }}{% endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

rejected as (
    select
        feed,
        count(*) as rejected
    from {{ ref('rejected_records') }}
    group by feed
)

select
    counted.feed,
    counted.rows_in,
    counted.facts,
    coalesce(rejected.rejected, 0) as rejected
from counted
left join rejected on counted.feed = rejected.feed
where counted.rows_in != counted.facts + coalesce(rejected.rejected, 0)
