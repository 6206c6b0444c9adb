"""Compare runs: match their items, group dependent items into clusters, and test the differences."""
