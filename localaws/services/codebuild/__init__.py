"""Embedded CodeBuild: buildspecs really executed by bash on this machine, never in a container."""
