"""What happened: sensors that gather facts for all use cases at once and ask `decisions`.

A sensor starts runs and records events; it does none of the work itself. Every tick recomputes from
the facts, so a lost tick loses nothing. How an asset is made does not belong here.
"""
