"""Customer lifetime value: forecasts of each customer's spend, judged and explained."""
