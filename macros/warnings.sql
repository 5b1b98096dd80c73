{#
  Warns of each row of a table that has a column `message`, once per build. dbt shows it
  as a warning, or as an error with --warn-error; --quiet would hide it, so that it is
  printed then.
#}
{% macro warn_of(relation) -%}
    {%- if execute -%}
        {%- for row in run_query('select message from ' ~ relation ~ ' where message is not null order by message').rows -%}
            {%- if flags.QUIET -%}
                {%- do print(row[0]) -%}
            {%- endif -%}
            {%- do exceptions.warn(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# Some money as text with cents. #}
{% macro money_text(amount) -%}
    cast(cast({{ amount }} as decimal(38, 2)) as string)
{%- endmacro %}

{# Some things as text: `1 order`, `2 orders`. #}
{% macro counted(number, thing) -%}
    cast({{ number }} as string) || case when {{ number }} = 1 then ' {{ thing }}' else ' {{ thing }}s' end
{%- endmacro %}

{# A share as text, in whole percent: 0.254 is `25 %`. #}
{% macro percent_text(share) -%}
    cast(cast(round(100 * ({{ share }})) as integer) as string) || ' %'
{%- endmacro %}
