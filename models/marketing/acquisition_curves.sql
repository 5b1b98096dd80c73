-- One row per channel, and for the whole shop, and month of age: the margin that one more
-- customer has brought by then.
select * from {{ ref('fitted_curves') }}
where dimension = 'all' or {{ is_shown_group('customers') }}
