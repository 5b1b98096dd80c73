-- One row per judged date, model, list, group of customers and measure.
with judged as (
    select * from {{ ref('recommendation_backtest') }}
),

-- With a purchase on five days or more a customer's habits can be told.
grouped as (
    select
        *,
        'all' as customer_group
    from judged
    union all
    select
        *,
        case when purchase_days < 5 then 'few_purchases' else 'many_purchases' end
            as customer_group
    from judged
),

gains as (
    select
        origin_date,
        rank,
        sum(1e0 / log2(rank + 1e0)) over (
            partition by origin_date order by rank
        ) as best_gain
    from (select distinct origin_date, rank from judged) as ranks
),

longest as (
    select
        origin_date,
        max(rank) as longest_list
    from judged
    group by origin_date
),

customers as (
    select
        origin_date,
        horizon_days,
        model,
        list,
        customer_group,
        customer_key,
        max(bought_products) as bought_products,
        sum(case when is_bought then 1 else 0 end) as hits,
        sum(case when is_bought then 1e0 / log2(rank + 1e0) else 0e0 end) as gain
    from grouped
    group by origin_date, horizon_days, model, list, customer_group, customer_key
),

-- Who bought nothing of a list's kind cannot judge it.
by_customer as (
    select
        customers.origin_date,
        customers.horizon_days,
        customers.model,
        customers.list,
        customers.customer_group,
        count(*) as customers,
        avg(customers.hits / cast(customers.bought_products as double)) as recall,
        avg(customers.gain / gains.best_gain) as ndcg,
        avg(case when customers.hits > 0 then 1e0 else 0e0 end) as hit_rate
    from customers
    inner join longest on customers.origin_date = longest.origin_date
    inner join gains
        on
            customers.origin_date = gains.origin_date
            and gains.rank = least(customers.bought_products, longest.longest_list)
    where customers.bought_products > 0
    group by
        customers.origin_date,
        customers.horizon_days,
        customers.model,
        customers.list,
        customers.customer_group
),

by_row as (
    select
        origin_date,
        horizon_days,
        model,
        list,
        customer_group,
        cast(count(distinct product_id) as double) as coverage,
        avg(0e0 - log2(greatest(buyers_share, 1e-9))) as novelty,
        avg(case when is_new then 1e0 else 0e0 end) as new_share
    from grouped
    group by origin_date, horizon_days, model, list, customer_group
),

measured as (
    select
        by_customer.*,
        by_row.coverage,
        by_row.novelty,
        by_row.new_share
    from by_customer
    inner join by_row
        on
            by_customer.origin_date = by_row.origin_date
            and by_customer.model = by_row.model
            and by_customer.list = by_row.list
            and by_customer.customer_group = by_row.customer_group
)

{% for measure in ['recall', 'ndcg', 'hit_rate', 'coverage', 'novelty', 'new_share'] -%}
select
    origin_date,
    cast(horizon_days as integer) as horizon_days,
    model,
    list,
    customer_group,
    '{{ measure }}' as measure,
    {{ measure }} as value,
    cast(customers as bigint) as customers
from measured
where customer_group = 'all' or {{ is_shown_group('customers') }}
{{ "union all" if not loop.last }}
{% endfor %}
