-- One row per group of customers and age in months: how many of them order at that age, and
-- what a customer has brought by then, where their month is over and where it is forecast.
{%- set most_months = 24 %}
{%- set alike = 20 %}
{%- set median_customers = 50000 %}
{%- set horizons = [0] + (setting('horizons') | sort) %}
{%- set reached = [2, 3, 5] %}
with scoring as (
    select
        as_of_date,
        {{ plus_days('as_of_date', 1) }} as next_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

members as (
    select * from {{ ref('cohort_members') }}
),

months as (
    select * from {{ ref('customer_months') }}
),

predictions as (
    select
        {%- for horizon in horizons[1:] %}
        max(case when horizon_days = {{ horizon }} then predicted_spend end)
            as spend_{{ horizon }},
        {%- endfor %}
        customer_key
    from {{ ref('clv_predictions') }}
    group by customer_key
),

-- Groups are added up month of first order by month of first order, because all customers
-- of such a month have a month of their age at the same time.
cohorts as (
    select
        members.dimension,
        members.group_name,
        members.first_month,
        {%- for horizon in horizons[1:] %}
        sum(predictions.spend_{{ horizon }}) as spend_{{ horizon }},
        {%- endfor %}
        cast(0 as decimal(38, 2)) as spend_0,
        count(*) as customers
    from members
    inner join predictions on members.customer_key = predictions.customer_key
    group by
        members.dimension,
        members.group_name,
        members.first_month
),

activity as (
    select
        members.dimension,
        members.group_name,
        members.first_month,
        months.age_months,
        count(case when months.orders > 0 then 1 end) as buyers,
        sum(months.orders) as orders,
        {%- for number in reached %}
        count(case when months.has_reached_{{ number }} then 1 end) as reached_{{ number }},
        {%- endfor %}
        sum(months.net_sales) as net_sales,
        sum(months.margin_amount) as margin_amount
    from members
    inner join months on members.customer_key = months.customer_key
    group by
        members.dimension,
        members.group_name,
        members.first_month,
        months.age_months
),

ages as (
    {%- for age in range(most_months + 1) %}
    select {{ age }} as age_months
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

-- A month of an age is over, or ends so many days ahead.
cells as (
    select
        cohorts.*,
        ages.age_months,
        ages.age_months < {{ months_between('cohorts.first_month', 'scoring.next_date') }}
            as is_over,
        greatest(
            0,
            {{ days_between(
                'scoring.next_date',
                months_after('cohorts.first_month', 'ages.age_months + 1'),
            ) }}
        ) as days_ahead
    from cohorts
    cross join ages
    cross join scoring
),

-- In a month that is not over yet all that has come so far counts, later months are empty.
filled as (
    select
        cells.*,
        coalesce(activity.buyers, 0) as buyers,
        coalesce(activity.orders, 0) as orders,
        coalesce(activity.net_sales, 0) as net_sales,
        coalesce(activity.margin_amount, 0) as margin_amount,
        {%- for number in reached %}
        coalesce(sum(activity.reached_{{ number }}) over so_far, 0) as reached_{{ number }},
        {%- endfor %}
        coalesce(sum(activity.net_sales) over so_far, 0) as sales_so_far,
        coalesce(sum(activity.margin_amount) over so_far, 0) as margin_so_far,
        (
            {%- for end in horizons[1:] %}
            {%- set start = horizons[loop.index0] %}
            {{ '+ ' if not loop.first -}}
            cast(cells.spend_{{ end }} - cells.spend_{{ start }} as double)
            * least(1e0, greatest(0e0, (cells.days_ahead - {{ start }}) / {{ end - start }}e0))
            {%- endfor %}
        ) as spend_ahead
    from cells
    left join activity
        on
            cells.dimension = activity.dimension
            and cells.group_name = activity.group_name
            and cells.first_month = activity.first_month
            and cells.age_months = activity.age_months
    window so_far as (
        partition by cells.dimension, cells.group_name, cells.first_month
        order by cells.age_months
        rows between unbounded preceding and current row
    )
),

groups as (
    select
        filled.dimension,
        filled.group_name,
        filled.age_months,
        sum(filled.customers) as customers,
        sum(case when filled.is_over then filled.customers else 0 end) as observed_customers,
        sum(case when filled.is_over then filled.buyers else 0 end) as buyers,
        sum(case when filled.is_over then filled.orders else 0 end) as orders,
        sum(case when filled.is_over then filled.net_sales else 0 end) as net_sales,
        sum(case when filled.is_over then filled.margin_amount else 0 end) as margin_amount,
        {%- for number in reached %}
        sum(case when filled.is_over then filled.reached_{{ number }} else 0 end)
            as reached_{{ number }},
        {%- endfor %}
        sum(case when filled.is_over then filled.sales_so_far else 0 end) as sales_so_far,
        sum(case when filled.is_over then filled.margin_so_far else 0 end) as margin_so_far,
        max(filled.days_ahead) as days_ahead,
        sum(
            filled.margin_so_far + case
                when filled.is_over then 0
                else
                    cast(
                        {{ rounded('filled.spend_ahead * shop_margin.margin', 4) }}
                        as decimal(38, 4)
                    )
            end
        ) as expected_margin
    from filled
    cross join {{ ref('shop_margin') }} as shop_margin
    group by
        filled.dimension,
        filled.group_name,
        filled.age_months
),

shop_size as (
    select cast(count(*) as double) as customers
    from members
    where dimension = 'all'
),

-- A median needs each customer at each age. A large shop's are those of a fixed sample.
sampled as (
    select
        members.dimension,
        members.group_name,
        members.customer_key,
        members.first_month
    from members
    cross join shop_size
    inner join {{ ref('stg_sample_points') }} as points
        on members.customer_key = points.customer_key
    where points.sample_point * shop_size.customers < {{ median_customers }}
),

sampled_customers as (
    select distinct
        customer_key,
        first_month
    from sampled
),

customer_ages as (
    select
        sampled_customers.customer_key,
        ages.age_months,
        sum(months.margin_amount) over so_far as margin_so_far,
        min(case when months.has_reached_2 then 1 end) over so_far as has_reached_2
    from sampled_customers
    cross join ages
    cross join scoring
    left join months
        on
            sampled_customers.customer_key = months.customer_key
            and ages.age_months = months.age_months
    where
        ages.age_months
        < {{ months_between('sampled_customers.first_month', 'scoring.next_date') }}
    window so_far as (
        partition by sampled_customers.customer_key
        order by ages.age_months
        rows between unbounded preceding and current row
    )
),

second_orders as (
    select
        orders.customer_key,
        orders.days_since_previous_order
    from {{ ref('fct_orders') }} as orders
    inner join scoring on orders.ordered_date <= scoring.as_of_date
    where orders.order_number = 2
),

medians as (
    select
        sampled.dimension,
        sampled.group_name,
        customer_ages.age_months,
        median(cast(customer_ages.margin_so_far as double)) as median_value,
        median(
            case
                when customer_ages.has_reached_2 = 1
                    then cast(second_orders.days_since_previous_order as double)
            end
        ) as median_days
    from sampled
    inner join customer_ages on sampled.customer_key = customer_ages.customer_key
    left join second_orders on sampled.customer_key = second_orders.customer_key
    group by
        sampled.dimension,
        sampled.group_name,
        customer_ages.age_months
),

valued as (
    select
        groups.*,
        cast(groups.margin_so_far as double) / nullif(groups.observed_customers, 0) as value,
        max(
            case
                when groups.dimension = 'all'
                    then
                        cast(groups.margin_so_far as double)
                        / nullif(groups.observed_customers, 0)
            end
        ) over (partition by groups.age_months) as shop_value
    from groups
)

select
    valued.dimension,
    valued.group_name,
    cast(valued.age_months as integer) as age_months,
    cast(valued.customers as bigint) as customers,
    cast(valued.observed_customers as bigint) as observed_customers,
    valued.observed_customers = valued.customers as is_complete,
    cast(valued.buyers as bigint) as buyers,
    cast(valued.orders as bigint) as orders,
    cast(valued.net_sales as decimal(38, 2)) as net_sales,
    cast(valued.margin_amount as decimal(38, 2)) as margin_amount,
    {%- for number in reached %}
    cast(valued.reached_{{ number }} as double) / nullif(valued.observed_customers, 0)
        as reached_{{ number }}_share,
    {%- endfor %}
    medians.median_days as median_days_to_second_order,
    cast(
        {{ rounded(
            'cast(valued.sales_so_far as double) / nullif(valued.observed_customers, 0)', 2
        ) }} as decimal(38, 2)
    ) as sales_per_customer,
    cast({{ rounded('valued.value', 2) }} as decimal(38, 2)) as value_per_customer,
    cast({{ rounded('medians.median_value', 2) }} as decimal(38, 2))
        as median_value_per_customer,
    cast(
        {{ rounded(
            '(cast(valued.margin_so_far as double) + ' ~ alike ~ ' * valued.shop_value)'
            ~ ' / (valued.observed_customers + ' ~ alike ~ ')', 2
        ) }} as decimal(38, 2)
    ) as drawn_value_per_customer,
    case
        when valued.days_ahead <= {{ horizons[-1] }}
            then
                cast(
                    {{ rounded(
                        'cast(valued.expected_margin as double) / valued.customers', 2
                    ) }} as decimal(38, 2)
                )
    end as expected_value_per_customer
from valued
left join medians
    on
        valued.dimension = medians.dimension
        and valued.group_name = medians.group_name
        and valued.age_months = medians.age_months
where
    (valued.observed_customers > 0 or valued.days_ahead <= {{ horizons[-1] }})
    and (valued.dimension = 'all' or {{ is_shown_group('valued.customers') }})
