"""An embedded AWS: moto for what it does for real, our own providers for what must really happen.

It imports nothing of the project and shares nothing with it but AWS's API.
"""
