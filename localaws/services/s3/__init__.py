"""S3: what moto performs too leniently, done as AWS does it."""
