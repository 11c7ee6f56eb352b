"""Faults on order: a plan makes chosen calls fail as AWS's calls fail. See docs/localaws/faults.md.

What an operation does does not belong here, nor does any service's state.
"""
