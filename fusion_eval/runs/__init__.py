"""Finished runs of the harness, ours or anyone's, read back from their files. Nothing else knows what these look like."""
