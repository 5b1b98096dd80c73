{#
  Whether a group of so many customers is shown. A published table of groups leaves out the
  rows of smaller ones; a row of nobody says nothing of anyone. Tables that decide and sums
  of the whole shop do not ask this.
#}
{% macro is_shown_group(customers) -%}
    ({{ customers }} = 0 or {{ customers }} >= {{ setting('smallest_group') }})
{%- endmacro %}
