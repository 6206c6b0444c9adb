"""Read and write the files of finished runs. No other room knows what these files look like."""
