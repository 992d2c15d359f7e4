//! Python: interpreters, environments and the frameworks in them, without starting or importing anything.

pub(crate) mod environments;
pub(crate) mod interpreters;
mod metadata;
