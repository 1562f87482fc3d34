"""Built-in loaders; they register through entry points like everybody else's."""
