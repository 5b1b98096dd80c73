-- One row per training of a search for better settings. scripts/tune.py writes them; a
-- run adds none.
select * from {{ left_by_earlier_runs('tuning_trials') }} as written
where 1 = 0
