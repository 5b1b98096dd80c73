-- What learns from a vector would see the future, if its encoder knew of days after it.
select *
from {{ ref('customer_vectors') }}
where knows_until > as_of_date
