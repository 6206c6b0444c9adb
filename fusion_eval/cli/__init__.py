"""The command line: one file for each command, which holds its options and its function."""
