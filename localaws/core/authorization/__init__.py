"""Who may do what: requests judged by IAM's rules before anybody performs them.

The rules are core.policy's, what an operation needs is core.actions'. Here policies are fetched,
through AWS's own API, and kept until something changes them.
"""
