"""The release's own scripts, as they travel in its source: boto3 and the standard library."""
