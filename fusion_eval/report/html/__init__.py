"""The report of runs as one web page that needs no network."""
