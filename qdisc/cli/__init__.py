"""The command line. Modules here start no jax: a command imports what it needs when it runs."""
