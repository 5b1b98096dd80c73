-- One row per kind of segment and segment, at the scoring date.
{%- set kinds = {'lifecycle': 'segment', 'rfm': 'rfm_segment'} %}
{%- set means = [
    'usual_gap_days', 'recency_days', 'discount_share', 'return_share', 'price_level',
    'novelty', 'cart_abandonment', 'rating_mean', 'chance_of_buying', 'churn_risk',
] %}
with profiles as (
    select * from {{ ref('customer_profiles') }}
),

history as (
    select * from {{ ref('segment_history') }}
),

compared as (
    select max(history.on_date) as compared_date
    from history
    cross join (select max(as_of_date) as as_of_date from profiles) as scoring
    where history.is_month_end and history.on_date < scoring.as_of_date
),

before as (
    select
        history.customer_key,
        history.segment,
        history.rfm_segment
    from history
    inner join compared on history.on_date = compared.compared_date
),

members as (
    {%- for kind, column in kinds.items() %}
    select
        '{{ kind }}' as segment_kind,
        profiles.{{ column }} as member_segment,
        before.{{ column }} as segment_before,
        profiles.*
    from profiles
    left join before on profiles.customer_key = before.customer_key
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

categories as (
    select
        members.segment_kind,
        members.member_segment as segment,
        bought.category,
        cast(sum(bought.times) as double) as times
    from members
    inner join {{ ref('bought_categories') }} as bought
        on members.customer_key = bought.customer_key
    group by
        members.segment_kind,
        members.member_segment,
        bought.category
),

-- As in customer_interests, with all purchases of a segment for those of a customer.
lifts as (
    select
        segment_kind,
        segment,
        category,
        (times + 1) / (
            sum(times) over (partition by segment_kind, segment)
            * sum(times) over (partition by segment_kind, category)
            / sum(times) over (partition by segment_kind)
            + 1
        ) as lift
    from categories
),

placed as (
    select
        segment_kind,
        segment,
        category,
        row_number() over (
            partition by segment_kind, segment order by lift desc, category asc
        ) as place
    from lifts
),

sums as (
    select
        segment_kind,
        member_segment as segment,
        count(*) as customers,
        sum(orders) as orders,
        sum(past_spend) as past_spend,
        sum(spend_365d) as spend_365d,
        sum(predicted_spend) as predicted_spend,
        sum(lifetime_value) as lifetime_value,
        sum(average_order_value * orders) as sold_amount,
        {%- for column in means %}
        {{ steady_mean('cast(' ~ column ~ ' as double)', 'customer_key') }} as {{ column }},
        {%- endfor %}
        count(
            case when segment_before is null or segment_before <> member_segment then 1 end
        ) as came
    from members
    group by
        segment_kind,
        member_segment
),

leaving as (
    select
        segment_kind,
        segment_before as segment,
        count(*) as customers_before,
        count(case when member_segment <> segment_before then 1 end) as left_it
    from members
    where segment_before is not null
    group by
        segment_kind,
        segment_before
),

totals as (
    select
        count(*) as customers,
        cast(sum(lifetime_value) as double) as lifetime_value
    from profiles
)

select
    segments.segment_kind,
    segments.segment,
    segments.label,
    segments.meaning,
    segments.next_step,
    cast(coalesce(sums.customers, 0) as bigint) as customers,
    coalesce(sums.customers, 0) / nullif(cast(totals.customers as double), 0) as customers_share,
    cast(coalesce(sums.orders, 0) as bigint) as orders,
    cast(coalesce(sums.past_spend, 0) as decimal(38, 2)) as past_spend,
    cast(coalesce(sums.spend_365d, 0) as decimal(38, 2)) as spend_365d,
    cast(coalesce(sums.predicted_spend, 0) as decimal(38, 2)) as predicted_spend,
    cast(coalesce(sums.lifetime_value, 0) as decimal(38, 2)) as lifetime_value,
    cast(coalesce(sums.lifetime_value, 0) as double) / nullif(totals.lifetime_value, 0)
        as value_share,
    sums.orders / cast(sums.customers as double) as orders_per_customer,
    cast(sums.sold_amount as double) / nullif(cast(sums.orders as double), 0)
        as average_order_value,
    {%- for column in means %}
    sums.{{ column }},
    {%- endfor %}
    placed.category as top_category,
    compared.compared_date,
    case
        when compared.compared_date is not null
            then cast(coalesce(leaving.customers_before, 0) as bigint)
    end as customers_before,
    case
        when compared.compared_date is not null then cast(coalesce(sums.came, 0) as bigint)
    end as came,
    case
        when compared.compared_date is not null then cast(coalesce(leaving.left_it, 0) as bigint)
    end as left_it
from {{ ref('segments_explained') }} as segments
cross join totals
cross join compared
left join sums
    on
        segments.segment_kind = sums.segment_kind
        and segments.segment = sums.segment
left join leaving
    on
        segments.segment_kind = leaving.segment_kind
        and segments.segment = leaving.segment
left join placed
    on
        segments.segment_kind = placed.segment_kind
        and segments.segment = placed.segment
        and placed.place = 1
where {{ is_shown_group('coalesce(sums.customers, 0)') }}
