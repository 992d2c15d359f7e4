//! Rented machines: providers, leases, hand-over to other engines.
//!
//! Nothing is here yet but the crate's place and its edges (`runs`, `track`, `envs`, `machine`).
//!
//! Invariant: no instance is ever rented without a lease that ends it.
