//! Ctrl-C: a flag that every wait looks at, so that work stops at a clean edge.
