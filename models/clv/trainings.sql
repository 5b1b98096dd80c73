-- One row per network that was trained, of every model: when it was, and whether it was
-- accepted.
{% for name in learned_models() -%}
select
    '{{ name }}' as model_name,
    network_version,
    training_number,
    trained_at,
    as_of_date,
    is_accepted,
    coalesce(verdict, case when is_accepted then 'accepted' else 'rejected' end)
        as verdict,
    decision
from {{ ref(name) }}
{{ "union all" if not loop.last }}
{% endfor %}
