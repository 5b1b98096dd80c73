{#
  Whether a forecast was made too long after its as-of date to count as said then: its
  horizon had begun, and the project knew more. True of every build of old data.
#}
{% macro is_replay(said_at, as_of_date) -%}
    ({{ days_between(as_of_date, 'cast(' ~ said_at ~ ' as date)') }} > {{ setting('said_within_days') }})
{%- endmacro %}
