"""From runs to a comparison: match their items, join what belongs together, test the differences."""
