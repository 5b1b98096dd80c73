{#
  The rows of a table with a duplicate_reason. It is null for the one row kept of a key,
  and for all rows with a null in their key. Which row is kept:
  1. not one that only continues another, as Shopify's further rows of an order do: it
     says nothing that a row before it does not say, and leaves out what that row says;
  2. the one with the newest updated_at;
  3. the one that was loaded last;
  4. the first by content.
  Of the others, repeated_record is one that says nothing beyond the kept row, superseded
  one that time or loading passed over, and conflicting_record one that only rule 4 did.

  Only rows whose key has a repeated hash are sorted, so clean data cost one aggregation.
#}
{% macro mark_duplicates(relation, content_columns, key) -%}
    {%- set told = content_columns | reject('in', key) | list -%}
    {%- set same_key = 'partition by ' ~ key | join(', ') -%}
    {%- set earlier_rows -%}
    {{ same_key }} order by loaded_order asc nulls last, told_columns desc, content asc
    rows between unbounded preceding and 1 preceding
    {%- endset -%}
    {%- set best_first -%}
    {{ same_key }}
    order by
        is_continued asc,
        {% if 'updated_at' in told %}updated_at desc nulls last,{% endif %}
        loaded_order desc nulls last,
        content asc
    {%- endset -%}
    with repeated_keys as (
        select {{ key_hash(key) }} as repeated_hash
        from {{ relation }}
        group by {{ key_hash(key) }}
        having count(*) > 1
    ),

    repeated_rows as (
        select
            {{ content_columns | join(', ') }},
            loaded_order,
            {{ row_json(content_columns) }} as content,
            {% for column in told -%}
            case when {{ column }} is null then 0 else 1 end
            {%- if not loop.last %} + {% endif %}
            {%- endfor %} as told_columns
        from {{ relation }}
        inner join repeated_keys on {{ key_hash(key) }} = repeated_keys.repeated_hash
        where {{ key | join(' is not null and ') }} is not null
    ),

    told_before as (
        select
            *,
            {% for column in told -%}
            {{ last_told(column, earlier_rows) }} as before_{{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from repeated_rows
    ),

    continued_rows as (
        select
            *,
            ({% for column in told -%}
            case when {{ column }} is null or {{ column }} = before_{{ column }} then 0 else 1 end
            {%- if not loop.last %} + {% endif %}
            {%- endfor %}) = 0
            and ({% for column in told -%}
            case when {{ column }} is null and before_{{ column }} is not null then 1 else 0 end
            {%- if not loop.last %} + {% endif %}
            {%- endfor %}) > 0 as is_continued
        from told_before
    ),

    compared_rows as (
        select
            *,
            row_number() over ({{ best_first }}) as place,
            {% for column in told -%}
            first_value({{ column }}) over ({{ best_first }}) as kept_{{ column }},
            {% endfor -%}
            first_value(loaded_order) over ({{ best_first }}) as kept_loaded_order
        from continued_rows
    ),

    marked_rows as (
        select
            {{ content_columns | join(', ') }},
            cast(null as string) as duplicate_reason
        from {{ relation }}
        left join repeated_keys on {{ key_hash(key) }} = repeated_keys.repeated_hash
        where
            repeated_keys.repeated_hash is null
            {%- for column in key %}
            or {{ column }} is null
            {%- endfor %}
        union all
        select
            {{ content_columns | join(', ') }},
            case
                when place = 1 then null
                when ({% for column in told -%}
                case when {{ column }} is null or {{ column }} = kept_{{ column }} then 0 else 1 end
                {%- if not loop.last %} + {% endif %}
                {%- endfor %}) = 0 then 'repeated_record'
                {% if 'updated_at' in told -%}
                when (updated_at is distinct from kept_updated_at) then 'superseded'
                {% endif -%}
                when (loaded_order is distinct from kept_loaded_order) then 'superseded'
                else 'conflicting_record'
            end as duplicate_reason
        from compared_rows
    )

    select * from marked_rows
{%- endmacro %}

{# Some columns of a row as one JSON object. #}
{% macro row_json(columns) -%}
    {%- set named = {} -%}
    {%- for column in columns -%}
        {%- do named.update({column: column}) -%}
    {%- endfor -%}
    {{ json_object(named) }}
{%- endmacro %}

{# What rejected_records keeps of a row: the row as it was read, as JSON, if it is rejected. #}
{% macro rejected_row(columns) -%}
    case
        when rejection_reason is not null
            then {{ row_json(columns) }}
    end
{%- endmacro %}
