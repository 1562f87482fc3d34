"""The result file: a tree of groups and variables, written whole, read without qdisc.

`schema` is the tree, `build` makes it from what a run produced, `layout` settles its dimensions,
`writer` publishes it atomically, `reader` reads it lazily, `validate` checks every rule.
"""
