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
            {{ column.name if column.name in there else null_of(column.data_type) ~ ' as ' ~ column.name }}
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

{#
  How a run adds its rows: the incremental strategy `remember`. With a `unique_key`, they
  take the place of the rows that have one of their keys. Without, they take the place of
  all rows: such a table stands until it is made anew. Where the YAML says
  `meta: {forgets: {column: ..., after: ...}}`, rows go that are older by so many days, a
  var, than the newest one that is added. A run without rows changes nothing.
#}
{% macro get_incremental_remember_sql(arguments) -%}
    {%- set table, added = arguments.target_relation, arguments.temp_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') -%}
    {%- set keys = key_columns(arguments.unique_key) -%}
    {#- All of this is one transaction. -#}
    delete from {{ table }}
    where
        {% if keys -%}
        ({{ keys }}) in (select ({{ keys }}) from {{ added }})
        {%- else -%}
        exists (select 1 from {{ added }})
        {%- endif %};
    {%- if forgotten_before(added) %}
    delete from {{ table }}
    where {{ forgotten_before(added) }};
    {%- endif %}
    insert into {{ table }} ({{ columns }})
    select {{ columns }} from {{ added }};
    {#- dbt-duckdb takes no temporary table for the rows of a Python model. #}
    drop table {{ added }}
{%- endmacro %}

{#
  The same for SQL models on Spark, where rows cannot be deleted without Delta or Iceberg.
  So all rows that stay are put aside with the new ones, and then take the table's place.
  If a run is cut short between the two, NAME__dbt_kept still has them all. It takes the
  place of dbt-spark's macro of that name.
#}
{% macro dbt_spark_get_incremental_sql(
    strategy, source, target, existing, unique_key, incremental_predicates
) -%}
    {%- if not run_query('select 1 from ' ~ source ~ ' limit 1').rows | length -%}
        {{ return('select 1') }}
    {%- endif -%}
    {%- set columns = column_names(target) | join(', ') -%}
    {%- set keys, old = key_columns(unique_key), forgotten_before(source) -%}
    {%- set kept = target ~ '__dbt_kept' -%}
    {%- call statement() -%}
        drop table if exists {{ kept }}
    {%- endcall -%}
    {%- call statement() -%}
        create table {{ kept }} as
        select {{ columns }} from {{ source }}
        {%- if keys %}
        union all
        select {{ columns }}
        from {{ target }}
        left anti join (select {{ keys }} from {{ source }}) as added using ({{ keys }})
        {%- if old %}
        where not {{ old }}
        {%- endif %}
        {%- endif %}
    {%- endcall -%}
    {%- call statement() -%}
        insert overwrite table {{ target }} select {{ columns }} from {{ kept }}
    {%- endcall -%}
    {{ return('drop table ' ~ kept) }}
{%- endmacro %}

{# dbt-spark knows its own strategies only. #}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) -%}
    {%- if raw_strategy != 'remember' -%}
        {{ exceptions.raise_compiler_error(
            "The incremental strategy " ~ raw_strategy ~ " has no version for Spark. Use"
            ~ " remember (macros/memory.sql)."
        ) }}
    {%- endif -%}
    {{ return(raw_strategy) }}
{%- endmacro %}

{# The columns of a unique_key, which may be one name, a list or none. #}
{% macro key_columns(unique_key) -%}
    {{ return(unique_key if unique_key is string else unique_key | join(', ') if unique_key) }}
{%- endmacro %}

{# Which rows are old enough to go, as a condition; none where the table keeps all. #}
{% macro forgotten_before(added) -%}
    {%- set forgets = config.meta_get('forgets') -%}
    {%- if forgets -%}
        {%- set newest = 'max(' ~ forgets.column ~ ')' -%}
        {{ return(
            forgets.column ~ ' < (select ' ~ plus_days(newest, -setting(forgets.after))
            ~ ' from ' ~ added ~ ')'
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
