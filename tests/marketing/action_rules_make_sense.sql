-- The rules and the beliefs of actions are numbers that can be reckoned with, and every
-- segment of an action is one.
select
    rule as name,
    'horizon_days must be 1 or more' as problem
from {{ ref('action_rules') }}
where rule = 'horizon_days' and coalesce(value < 1, true)

union all

select
    rule as name,
    'a share must be from 0 to 1' as problem
from {{ ref('action_rules') }}
where
    rule in ('explored_share', 'explored_share_at_first')
    and coalesce(value < 0 or value > 1, true)

union all

select
    action as name,
    'expected_orders_error must be above 0, and cost 0 or more' as problem
from {{ ref('actions') }}
where expected_orders_error <= 0 or cost < 0

union all

select
    effects.action as name,
    effects.segment || ' is no lifecycle stage' as problem
from {{ ref('fitted_effects') }} as effects
left join {{ ref('segments_explained') }} as segments
    on effects.segment = segments.segment and segments.segment_kind = 'lifecycle'
where segments.segment is null
