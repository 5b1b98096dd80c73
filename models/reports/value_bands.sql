-- One row per band of value rank, segment, country and channel: how many customers are
-- in it and what they are worth. The best tenth is cut into eight bands, every other
-- tenth is one. A band means the same for every choice of customers, so bands added up
-- over groups are exact points of those customers' own concentration curve.
{%- set cuts = [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1] %}
with profiles as (
    select
        *,
        1e0 * value_rank / count(*) over () as rank_share
    from {{ ref('customer_profiles') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

banded as (
    select
        *,
        case
            when value_decile > 1 then {{ cuts | length - 1 }} + value_decile
            {%- for cut in cuts[:-1] %}
            when rank_share <= {{ cut }} then {{ loop.index }}
            {%- endfor %}
            else {{ cuts | length }}
        end as band
    from profiles
),

value_bands as (
    select
        cast(banded.band as integer) as band,
        banded.value_decile,
        customer_groups.segment,
        customer_groups.country,
        customer_groups.acquisition_channel,
        cast(
            case banded.band
                {%- for cut in cuts %}
                when {{ loop.index }} then {{ cut }}
                {%- endfor %}
                else banded.value_decile / 10e0
            end as double
        ) as best_share,
        count(*) as customers,
        cast(sum(banded.past_spend) as decimal(38, 2)) as past_spend,
        cast(sum(banded.predicted_spend) as decimal(38, 2)) as predicted_spend,
        cast(sum(banded.lifetime_value) as decimal(38, 2)) as lifetime_value
    from banded
    inner join customer_groups on banded.customer_key = customer_groups.customer_key
    group by
        banded.band,
        banded.value_decile,
        customer_groups.segment,
        customer_groups.country,
        customer_groups.acquisition_channel
)

select * from value_bands
where {{ is_shown_group('customers') }}
