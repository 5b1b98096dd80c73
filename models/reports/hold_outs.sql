-- One row per hold-out, arm that may be contacted, and measure: what all marketing together
-- has earned, and whether the hold-out was kept.
select
    report.experiment_id,
    coalesce(experiments.experiment_name, report.experiment_id) as experiment_name,
    report.arm,
    report.metric,
    report.started_date,
    report.last_date,
    report.customers,
    report.held_out_customers,
    report.messages,
    report.message_cost,
    report.messages_to_held_out,
    report.total_effect,
    report.total_low,
    report.total_high,
    report.verdict,
    results.verdict_text
from {{ ref('hold_out_report') }} as report
inner join {{ ref('experiments') }} as experiments
    on report.experiment_id = experiments.experiment_id
inner join {{ ref('experiment_results') }} as results
    on
        report.experiment_id = results.experiment_id
        and report.arm = results.arm
        and report.metric = results.metric
        and results.segment_kind = 'all'
where report.metric in ('conversion', 'orders', 'spend', 'margin')
