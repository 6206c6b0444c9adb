"""Reward models as doors: the prompt is a conversation that ends with the response, the reply is its score as text."""
