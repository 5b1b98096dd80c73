{#
  Rows of a CTE with `duplicate_reason`: null for the one row kept per key, else
  repeated_record (it says what the kept row says) or conflicting_record. Kept is the
  first by order_by, then by content. Rows with a null in their key are all kept. Keys
  that may repeat are found by their hash, and only their rows are sorted, so clean
  data costs one aggregation.
#}
{% macro mark_duplicates(rows, content_columns, key, order_by) -%}
    {%- set content = row_json(content_columns) -%}
    {%- set same_key -%}
    over (partition by {{ key | join(', ') }} order by {{ order_by }}, {{ content }})
    {%- endset -%}
    {%- set repeated_keys -%}
    select {{ key_hash(key) }} as key_hash
        from {{ rows }}
        where {{ key | join(' is not null and ') }} is not null
        group by {{ key_hash(key) }}
        having count(*) > 1
    {%- endset -%}
    select
        {{ rows }}.*,
        cast(null as varchar) as duplicate_reason
    from {{ rows }}
    where not exists (
        select 1 from ({{ repeated_keys }}) as repeated_keys
        where repeated_keys.key_hash = {{ key_hash(key) }}
    )
    union all
    select
        {{ rows }}.*,
        case
            when row_number() {{ same_key }} = 1 then null
            when {{ content }} = first_value({{ content }}) {{ same_key }}
                then 'repeated_record'
            else 'conflicting_record'
        end as duplicate_reason
    from {{ rows }}
    inner join ({{ repeated_keys }}) as repeated_keys
        on repeated_keys.key_hash = {{ key_hash(key) }}
{%- endmacro %}

{# Some of a row's columns as JSON. #}
{% macro row_json(columns) -%}
    {%- set named = {} -%}
    {%- for column in columns -%}
        {%- do named.update({column: column}) -%}
    {%- endfor -%}
    {{ json_object(named) }}
{%- endmacro %}
