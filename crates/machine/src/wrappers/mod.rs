//! Machines around machines: record, replay, audit, rehearse, fail.
