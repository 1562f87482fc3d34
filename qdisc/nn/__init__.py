"""Flax modules: variational autoencoders with autoregressive decoders, and how to sample them."""
