-- One row per action and segment: what a contact adds, by the belief and by the log.
select
    effects.action,
    effects.segment,
    effects.basis,
    cast(effects.contacted as bigint) as contacted,
    cast(effects.left_alone as bigint) as left_alone,
    effects.effective_decisions,
    effects.measured_effect,
    effects.measured_error,
    effects.believed_effect,
    effects.believed_error,
    effects.effect,
    effects.effect_error,
    effects.effect - 1.959964e0 * effects.effect_error as effect_low,
    effects.effect + 1.959964e0 * effects.effect_error as effect_high,
    effects.effect * effects.usual_margin as margin_effect,
    (effects.effect - 1.959964e0 * effects.effect_error) * effects.usual_margin
        as margin_effect_low,
    (effects.effect + 1.959964e0 * effects.effect_error) * effects.usual_margin
        as margin_effect_high,
    effects.cost,
    today.as_of_date
from {{ ref('fitted_effects') }} as effects
cross join {{ ref('action_day') }} as today
where
    effects.left_out = 'none'
    and {{ is_shown_group('effects.contacted') }}
    and {{ is_shown_group('effects.left_alone') }}
