{#
  How new customers and what they cost are put into groups, and at which ages what they
  bring is added up. models/marketing/acquisition_economics.yml says what the groups are.
#}
{% macro acquisition_groups(relation, columns, dimensions=['all', 'channel', 'campaign', 'country']) -%}
    {%- for dimension in dimensions %}
    select
        '{{ dimension }}' as dimension,
        {{ "'all'" if dimension == 'all' else 'channel' }} as channel,
        {{ "coalesce(campaign_id, 'none')" if dimension == 'campaign' else "'all'" }}
            as campaign_id,
        {{ 'country' if dimension == 'country' else "'all'" }} as country,
        {{ columns | join(', ') }}
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Months of age up to which cohorts are followed. #}
{% macro acquisition_ages() -%}
    {{ return(range(25)) }}
{%- endmacro %}

{# The last day of a month of age: 0, 30, 60 ... 330, 365, 395 ... 730. #}
{% macro age_end(age_months) -%}
    (30 * {{ age_months }} + 5 * cast(floor({{ age_months }} / 12e0) as integer))
{%- endmacro %}

{# The month of age in which a day after the first order lies; the first day is month 0. #}
{% macro age_of_day(days_after) -%}
    case
        when {{ days_after }} <= 0 then 0
        else
            12 * cast(floor(({{ days_after }} - 1) / 365e0) as integer)
            + least(12, 1 + cast(floor((({{ days_after }} - 1) % 365) / 30e0) as integer))
    end
{%- endmacro %}

{# The last day of a month on which one of its new customers can have come so far. #}
{% macro last_first_day(first_month, as_of_date) -%}
    least({{ as_of_date }}, {{ plus_days(months_after(first_month, 1), -1) }})
{%- endmacro %}

{# What names a cohort: the columns of a relation, or of the select's own. #}
{% macro cohort_columns(relation=none) -%}
    {%- for column in ['dimension', 'channel', 'campaign_id', 'country', 'first_month'] -%}
        {{ relation ~ '.' if relation }}{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Whether two relations' rows are of the same cohort. #}
{% macro same_cohort(one, other) -%}
    {%- for column in ['dimension', 'channel', 'campaign_id', 'country', 'first_month'] -%}
        {{ one }}.{{ column }} = {{ other }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
