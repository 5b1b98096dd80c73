"""What to spend on whom: the cost of new customers, experiments, effects, budgets."""
