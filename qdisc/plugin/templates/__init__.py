"""Text of the packages that `qdisc plugins new` writes; `${...}` are filled in by `scaffold`."""
