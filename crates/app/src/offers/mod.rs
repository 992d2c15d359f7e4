//! `deskside offers`: what rented accelerators cost, how old that is, and how it is brought up to date.

mod catalogue;
mod own;

pub(crate) use catalogue::{Catalogue, OWN};
