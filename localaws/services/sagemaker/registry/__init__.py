"""The Model Registry: groups, their policies, versioned packages."""
