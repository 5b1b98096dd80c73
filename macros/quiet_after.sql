{#
  Minus the logarithm of the chance that no order has come after so many days, given its
  values at the horizons, `quiet_0`, `quiet_30` and so on. It rises evenly between two
  horizons and goes on so after the longest: each day takes the same share off the chance.
#}
{% macro quiet_after(days) -%}
    {%- set horizons = [0] + (setting('horizons') | sort) -%}
    {%- for end in horizons[1:] -%}
        {%- set start = horizons[loop.index0] -%}
        {%- set passed = '(' ~ days ~ ' - ' ~ start ~ ') / ' ~ (end - start) ~ 'e0' -%}
        {{ ' + ' if not loop.first -}}
        (quiet_{{ end }} - quiet_{{ start }})
        * greatest(0e0, {{ passed if loop.last else 'least(1e0, ' ~ passed ~ ')' }})
    {%- endfor -%}
{%- endmacro %}
