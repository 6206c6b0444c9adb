"""Bundles: all files of a result in one archive, and a verification that computes every number again."""
