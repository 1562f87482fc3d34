"""The built-in models, each a plugin: `spec`, `Config`, `build(data_spec, config)`."""
