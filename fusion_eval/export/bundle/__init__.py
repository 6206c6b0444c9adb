"""All of a result in one archive, and every number in it computed again."""
