{#
  Places of rows by a value, counted from the middle; tied rows share the mean of their
  places. They sum to zero, so sums of products with them are covariances.
#}
{% macro centred_rank(value, within) -%}
    (
        rank() over (partition by {{ within }} order by {{ value }})
        - rank() over (partition by {{ within }} order by {{ value }} desc)
    ) / 2
{%- endmacro %}

{#
  The area between the curve of cumulative spend and the diagonal is the covariance of
  spend and rank, up to a factor that cancels here.
#}
{% macro normalised_gini(spend, predicted_rank, actual_rank, by) -%}
    {{ steady_sum(spend ~ ' * ' ~ predicted_rank, by) }}
    / nullif({{ steady_sum(spend ~ ' * ' ~ actual_rank, by) }}, 0)
{%- endmacro %}
