"""Snapshots and their settings: the Dataset, its files, its loaders, and sampling."""
