"""The observables that come with qdisc: one pure function of snapshots each."""
