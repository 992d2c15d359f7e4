//! Evidence bundles: a machine in a folder.
