{#
  How chance chooses among actions: by a hash, so that a day that is built again draws the
  same numbers. The policies that are judged by the log are learned from one half of the
  customers and judged on the other.
#}

{# A number between 0 and 1, evenly spread over texts, and neither of the two. #}
{% macro text_draw(text) -%}
    ({{ unit_draw(sha256_of(text)) }} + 0.5e0 / 268435456)
{%- endmacro %}

{# In which half of the customers a customer is: a or b, for good. #}
{% macro judged_half(customer_key) -%}
    case when {{ text_draw("'half ' || " ~ customer_key) }} < 0.5e0 then 'a' else 'b' end
{%- endmacro %}

{#
  The option that a policy chooses: the one of the largest gain, as a rank of 1 among the
  options of a decision. Nothing gains 0, and of equals the first in place is chosen.
#}
{% macro gain_rank(decision, gain, place) -%}
    row_number() over (partition by {{ decision }} order by {{ gain }} desc, {{ place }} asc)
{%- endmacro %}

{# A query of the policy that stands, the one that was decided last; no row before the first. #}
{% macro standing_policy(policies) -%}
    select
        policy,
        decided_date
    from (
        select
            policy,
            decided_date,
            row_number() over (order by decided_date desc) as age
        from {{ policies }} as decided
    ) as aged
    where age = 1
{%- endmacro %}

{# A query of the effects by which the policy that stands chooses: none of `nothing`. #}
{% macro standing_effects(policies, effects) -%}
    select
        effects.action,
        effects.segment,
        effects.effect
    from {{ effects }} as effects
    inner join ({{ standing_policy(policies) }}) as standing
        on effects.policy = standing.policy
{%- endmacro %}

{# Orders that a contact adds as text: 0.01234 is `0.0123`. #}
{% macro effect_text(effect) -%}
    cast(cast({{ rounded(effect, 4) }} as decimal(38, 4)) as string)
{%- endmacro %}
