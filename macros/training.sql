{% macro learned_models() -%}
    {{ return(project_vars()['learned_models']) }}
{%- endmacro %}

{#
  The table of a model as an earlier run left it; none if there was none. It is read
  without a ref where a model reads what comes after it.
#}
{% macro left_by_earlier_runs(name) -%}
    {%- if execute -%}
        {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
        {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro column_names(relation) -%}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}
{%- endmacro %}

{# Differs where a table's columns do, but not where engines name their types differently. #}
{% macro columns_fingerprint(relation) -%}
    {%- set shape = [] -%}
    {%- if execute and relation.schema -%}
        {%- set table = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
        {%- if table is not none -%}
            {%- do shape.extend(column_names(table)) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(local_md5(shape | join(', '))) }}
{%- endmacro %}

{% macro training_settings(model_name) -%}
    {%- set values = {} -%}
    {%- for name in learned_models()[model_name].settings -%}
        {%- do values.update({name: setting(name)}) -%}
    {%- endfor -%}
    {{ return(values) }}
{%- endmacro %}

{# A unit test can say that it is one. #}
{% macro is_full_refresh() -%}
    {{ return(flags.FULL_REFRESH | as_bool) }}
{%- endmacro %}
