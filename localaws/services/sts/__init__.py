"""STS: temporary credentials for roles that exist, to callers their trust policies name."""
