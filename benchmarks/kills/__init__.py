"""Does the embedded AWS keep what it acknowledged when it is killed? The demo's loop under fire.

``proxy`` stands between the project and the server, ``server`` is the server's life, ``moments``
chooses when it ends, ``ledger`` remembers what was acknowledged, ``facts`` and ``readers`` say what
of it must be found again, ``duplicates`` what must be there once, ``loop`` drives the project.
"""
