{#
  The table clv_network as earlier runs left it; none on the first run, on a full
  refresh, and where the backtest that it was accepted by is gone. It is read without a
  ref, for it comes after the plan.
#}
{% macro standing_networks() -%}
    {%- if execute and this.schema and not flags.FULL_REFRESH -%}
        {%- set names = ['backtest_predictions', 'clv_network'] -%}
        {%- set tables = [] -%}
        {%- for name in names -%}
            {%- set table = adapter.get_relation(this.database, this.schema, name) -%}
            {%- if table is not none -%}
                {%- do tables.append(table) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if tables | length == names | length -%}
            {{ return(tables[-1]) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# Differs where a table's columns do, but not where engines name their types differently. #}
{% macro columns_fingerprint(relation) -%}
    {%- set shape = [] -%}
    {%- if execute and relation.schema -%}
        {%- set table = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
        {%- if table is not none -%}
            {%- for column in adapter.get_columns_in_relation(table) -%}
                {%- do shape.append(column.name) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(local_md5(shape | join(', '))) }}
{%- endmacro %}

{# Differs where a setting does that training depends on. #}
{% macro training_fingerprint() -%}
    {{ return(local_md5(training_settings().values() | list | string)) }}
{%- endmacro %}
