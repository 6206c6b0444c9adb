"""Draw results for people at a terminal: at most 100 columns wide, and in colour where colour can be seen."""
