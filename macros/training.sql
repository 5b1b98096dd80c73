{% macro learned_models() -%}
    {{ return(project_vars()['learned_models']) }}
{%- endmacro %}

{% macro column_names(relation) -%}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}
{%- endmacro %}

{#
  Differs where a table's columns do, and where its YAML says that a feature is read in
  another way: its type, and whether it may be null. Reasons and labels only explain, and
  engines name the types of a table differently.
#}
{% macro features_fingerprint(name) -%}
    {%- set relation = ref(name) -%}
    {%- set shape = [] -%}
    {%- if execute and relation.schema -%}
        {%- set table = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
        {%- if table is not none -%}
            {%- do shape.extend(column_names(table)) -%}
        {%- endif -%}
        {%- for column in graph.nodes['model.' ~ project_name ~ '.' ~ name].columns.values() -%}
            {%- set meta = column.config.meta -%}
            {%- if meta.reason -%}
                {%- do shape.append([
                    column.name, column.data_type, meta.nullable | default(false), meta.null_with | default('')
                ] | join(' ')) -%}
            {%- endif -%}
        {%- endfor -%}
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
