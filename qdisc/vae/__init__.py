"""The published face: `VAEmodel`, `VAETrainer` and the losses under their published names."""
