"""HTTP requests whose responses are read to their end within bounds, directly or through a proxy."""
