"""Strategies as models of an OpenAI-compatible server, and as a provider of litellm."""
