"""Composition: environments, definitions, commands. It decides nothing itself."""
