"""CloudWatch: metrics with their statistics, and alarms that are evaluated and act."""
