"""Data sets of the Hugging Face hub: their names, and how they are loaded with and without a network."""
