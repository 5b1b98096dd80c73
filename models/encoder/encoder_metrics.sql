-- One row per judged date, model and measure: how well the encoder said what
-- customers did next, beside popularity, and what each modality adds.
with judged as (
    select * from {{ ref('encoder_backtest') }}
),

-- What counts is a customer's loss: of the chance, and of the products of who bought.
losses as (
    select
        *,
        case
            when has_bought then 0e0 - ln(greatest(chance, 1e-9))
            else 0e0 - ln(greatest(1 - chance, 1e-9))
        end as chance_log_loss
    from judged
),

whole as (
    select
        *,
        chance_log_loss + coalesce(product_log_loss, 0e0) as loss
    from losses
),

-- The same customers are judged with a modality and without it.
compared as (
    select
        whole.origin_date,
        whole.model,
        avg(whole.loss - encoders.loss) as gain,
        coalesce(stddev_samp(whole.loss - encoders.loss), 0e0)
        / sqrt(cast(count(*) as double)) as gain_error
    from whole
    inner join whole as encoders
        on
            whole.origin_date = encoders.origin_date
            and whole.customer_key = encoders.customer_key
            and encoders.model = 'encoder'
    group by whole.origin_date, whole.model
),

measured as (
    select
        whole.origin_date,
        whole.horizon_days,
        whole.model,
        avg(whole.product_log_loss) as product_log_loss,
        avg(whole.chance_log_loss) as chance_log_loss,
        avg(whole.chance) - avg(case when whole.has_bought then 1e0 else 0e0 end)
            as chance_error,
        max(compared.gain) as gain,
        max(compared.gain_error) as gain_error,
        count(*) as customers
    from whole
    inner join compared
        on
            whole.origin_date = compared.origin_date
            and whole.model = compared.model
    group by whole.origin_date, whole.horizon_days, whole.model
)

{% for measure in [
    'product_log_loss', 'chance_log_loss', 'chance_error', 'gain', 'gain_error'
] -%}
select
    origin_date,
    horizon_days,
    model,
    '{{ measure }}' as measure,
    {{ measure }} as value,
    cast(customers as bigint) as customers
from measured
where {{ measure }} is not null
{{ "union all" if not loop.last }}
{% endfor %}
