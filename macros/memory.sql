{#
  Tables that remember hold what no later run could make again: which networks were
  trained, and how they were judged. dbt_project.yml lists them, with the tag memory. Each
  is incremental: a run adds rows to it, a full refresh leaves it as it is, and a new
  column is added to the table that is there. scripts/memory.py backs them up.
#}

{#
  The rows that earlier runs left in a table that remembers, as a subquery with the
  columns of its YAML. There are none on the first run, and a column that the table does
  not have yet is null. It is read without a ref, because the table comes after the plan
  that reads it.
#}
{% macro left_by_earlier_runs(name) -%}
    {%- set table = remembering_table(name) -%}
    {%- set there = column_names(table) if table else [] -%}
    (
        select
    {%- for column in (remembering_node(name).columns.values() if execute else []) %}
            {{ column.name if column.name in there else typed_null(column.data_type) ~ ' as ' ~ column.name }}
            {{- ',' if not loop.last }}
    {%- endfor %}
        {% if table -%}
        from {{ table }}
        {%- else -%}
        where 1 = 0
        {%- endif %}
    )
{%- endmacro %}

{# The table that earlier runs left; none before the first one. #}
{% macro remembering_table(name) -%}
    {%- if execute -%}
        {%- set node = remembering_node(name) -%}
        {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#
  What dbt knows of the model. Stops the run where the model does not remember: a table
  that each run makes anew would forget without a word.
#}
{% macro remembering_node(name) -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {%- if 'memory' not in node.config.tags or node.config.materialized != 'incremental' -%}
        {{ exceptions.raise_compiler_error(
            "Model " ~ name ~ " does not remember what earlier runs knew. List it with the tables"
            ~ " that do, in dbt_project.yml; a Python model must also say"
            ~ ' dbt.config(materialized="incremental").'
        ) }}
    {%- endif -%}
    {%- if not node.columns -%}
        {{ exceptions.raise_compiler_error(
            "Model " ~ name ~ " remembers: its YAML must name its columns with their data_type."
        ) }}
    {%- endif -%}
    {{ return(node) }}
{%- endmacro %}

{# A null of a type of a contract, on every engine. #}
{% macro typed_null(data_type) -%}
    cast(null as {{ data_type | replace('varchar', 'string') | replace('blob', 'binary') }})
{%- endmacro %}

{#
  How a run adds its rows, in one transaction. With a `unique_key`, they take the place of
  the rows that have one of their keys. Without, they take the place of all rows, if there
  are any: a table that stands until it is made anew.
#}
{% macro get_incremental_remember_sql(arguments) -%}
    {%- set added, key = arguments.temp_relation, arguments.unique_key -%}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments.target_relation }}
    where
        {% if key -%}
        {%- set key = key if key is string else key | join(', ') -%}
        ({{ key }}) in (select ({{ key }}) from {{ added }})
        {%- else -%}
        exists (select 1 from {{ added }})
        {%- endif %};
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ added }};
    {#- dbt-duckdb takes no temporary table for the rows of a Python model. #}
    drop table {{ added }}
{%- endmacro %}
