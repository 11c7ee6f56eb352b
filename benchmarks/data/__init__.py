"""Measures of datasets, features and training sets, beside the field's own tools."""
