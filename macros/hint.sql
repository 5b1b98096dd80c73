{# Says how to publish after a build that succeeded. Var hints: false turns it off. #}
{% macro hint(results) -%}
    {%- set bad = results | selectattr('status', 'in', ['error', 'fail', 'skipped']) | list -%}
    {%- if execute and setting('hints') and flags.WHICH == 'build' and results and not bad
        and target.type == 'duckdb' -%}
        {%- do log('Publish it: python scripts/publish.py all --target ' ~ target.name, info=true) -%}
    {%- endif -%}
{%- endmacro %}
