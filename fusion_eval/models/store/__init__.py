"""The store of finished generations."""
