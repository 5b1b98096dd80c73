-- One row per judged date, head, group of customers and measure: what the encoder adds to
-- a rule, and whether it may.
{%- set errors = 2 %}
with judged as (
    select * from {{ ref('head_backtest') }}
),

grouped as (
    select
        *,
        'all' as customer_group
    from judged
    union all
    select
        *,
        case
            when purchase_days = 0 then 'no_purchase'
            when purchase_days = 1 then 'one_purchase'
            else 'many_purchases'
        end as customer_group
    from judged
),

{% set columns = {'log_loss': ('rule_loss', 'head_loss', -1),
                  'recall': ('rule_recall', 'head_recall', 1)} -%}
measured as (
    {%- for measure, (rule, head, sign) in columns.items() %}
    select
        origin_date,
        horizon_days,
        head,
        customer_group,
        '{{ measure }}' as measure,
        avg({{ rule }}) as without_encoder,
        avg({{ head }}) as with_encoder,
        avg({{ '%s - %s' % ((head, rule) if sign > 0 else (rule, head)) }}) as gain,
        coalesce(stddev_samp({{ head }} - {{ rule }}), 0e0)
        / sqrt(cast(count(*) as double)) as gain_error,
        count(*) as customers
    from grouped
    where {{ rule }} is not null
    group by origin_date, horizon_days, head, customer_group
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

-- Several heads are judged at each training: one error would let one in six pass by luck.
verdicts as (
    select
        origin_date,
        horizon_days,
        head,
        gain > {{ errors }} * gain_error as is_accepted
    from measured
    where measure = 'log_loss' and customer_group = 'all'
)

select
    measured.origin_date,
    measured.horizon_days,
    measured.head,
    measured.customer_group,
    measured.measure,
    measured.without_encoder,
    measured.with_encoder,
    measured.gain,
    measured.gain_error,
    cast(measured.customers as bigint) as customers,
    verdicts.is_accepted
from measured
inner join verdicts
    on
        measured.origin_date = verdicts.origin_date
        and measured.horizon_days = verdicts.horizon_days
        and measured.head = verdicts.head
where measured.customer_group = 'all' or {{ is_shown_group('measured.customers') }}
