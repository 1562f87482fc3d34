"""Snapshots from the files that physicists already have: one loader per format."""
