"""Losses: likelihoods, Kullback-Leibler divergence, total correlation and their sum.

Pure jax functions on arrays, in nats. Functions of a batch return one value per row; weighted means
over rows are taken in `elbo` and in the published names.
"""
