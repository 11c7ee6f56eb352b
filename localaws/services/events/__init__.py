"""EventBridge: buses, rules, and delivery to SQS, SNS and other buses."""
