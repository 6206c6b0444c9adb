"""Make synthetic training data: prompts go to a pool of teachers, and strategies make one answer of theirs."""
