"""Simpler ways to phases: what the latents of a trained model are to be compared with."""
