"""IAM's policy language: documents read, requests judged. Pure: no I/O, no service, no clock.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Where policies come from, and what a request needs, does not belong here (core.authorization).
"""
