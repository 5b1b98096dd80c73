{# The tables with a contract that are there, each with the list of its text columns. #}
{% macro published_texts() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.config.get('contract', {}).enforced -%}
            {%- set relation = adapter.get_relation(
                node.database, node.schema, node.alias or node.name
            ) -%}
            {#- A table that an older version built may lack a column until it is built. -#}
            {%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list
                if relation is not none else [] -%}
            {%- set texts = [] -%}
            {%- for name, column in node.columns.items()
                if name in there and column.data_type | lower in ('varchar', 'string') -%}
                {%- do texts.append(name) -%}
            {%- endfor -%}
            {%- if relation is not none and texts -%}
                {%- do found.append((relation, texts)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
