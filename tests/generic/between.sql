{# Every value that is not null lies between the two bounds, or is one of them. #}
{% test between(model, column_name, minimum, maximum=none) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} is not null
    and not (
        {{ column_name }} >= {{ minimum }}
        {%- if maximum is not none %} and {{ column_name }} <= {{ maximum }}{% endif %}
    )
{% endtest %}
