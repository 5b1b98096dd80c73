{#
  How texts of exports are read: ids, statuses, words for nobody. scripts/load.py and
  staging both use these macros.
#}
