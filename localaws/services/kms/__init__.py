"""KMS: what moto performs too leniently or otherwise than the standards, done as AWS does it."""
