{#
  A query of a row per feed and column that shop.yml knows: the rows of the feed, and in
  how many of them the column is filled, before anything is cast. Rows that stay in their
  files are not read for it: there a column is filled where it is there. Columns of names
  and addresses are left out, for a load takes them out of the feed.

  Money rests on a column if it holds amounts, says how many, or which amounts count.
#}
{% macro filled_columns(feeds) -%}
    {%- for feed in feeds -%}
        {%- set relation = feed_relation(feed) -%}
        {%- if execute -%}
            {%- set found = feed_columns(feed, relation) -%}
            {%- set table = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
            {%- set columns = [] -%}
            {%- for column in feed_spec(feed).columns.values()
                if column.config.meta.get('pii') != 'contact' -%}
                {%- do columns.append(column) -%}
            {%- endfor %}
    select
        '{{ feed }}' as feed,
        names.column_name,
        names.is_money,
        counted.row_count,
        case names.column_name
        {%- for column in columns %}
            when '{{ column.name }}' then counted.filled_{{ loop.index }}
        {%- endfor %}
        end as filled_count
    from (
        select
        {%- for column in columns %}
            {%- set raw, value = found.get(column.name), adapter.quote(column.name) %}
            {% if raw is none -%}
            cast(0 as bigint)
            {%- elif table.is_view -%}
            count(*)
            {%- else -%}
            count({{ 'nullif(' ~ value ~ ", '')" if is_text(raw) else value }})
            {%- endif %} as filled_{{ loop.index }},
        {%- endfor %}
            {{ 'count(*)' if found else 'cast(0 as bigint)' }} as row_count
        {%- if found %}
        from {{ relation }}
        {%- endif %}
    ) as counted
    cross join (
        {%- for column in columns %}
        select
            '{{ column.name }}' as column_name,
            {{ (feed in ('orders', 'order_lines', 'refunds') and (
                column.data_type.startswith('decimal') or column.name in ('status', 'currency')
            )) | string | lower }} as is_money
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as names
    {{ 'union all' if not loop.last }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
