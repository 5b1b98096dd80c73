{#
  How chance assigns customers. A customer's sample point never changes, and a new secret
  key leaves it as it is. Hashed with the experiment's id it is the customer's unit in that
  experiment. Units of two experiments are independent.
#}

{# A customer's unit in an experiment, or in a layer, as 64 hex digits. #}
{% macro experiment_unit(name, sample_point) -%}
    {{ sha256_of(
        name ~ " || ':' || cast(cast(" ~ sample_point ~ " * 268435456 as bigint) as string)"
    ) }}
{%- endmacro %}

{# The number from 0 up to 1 that a unit draws. #}
{% macro unit_draw(unit) -%}
    (cast({{ hex_value("substr(" ~ unit ~ ", 1, 7)") }} as double) / 268435456)
{%- endmacro %}
