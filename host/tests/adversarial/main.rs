//! What a hostile or broken plugin must not be able to do. Each test is a row
//! of the project's list of attacks, says what it measures, and ends with the
//! next good call, which answers correctly.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bench;
mod boundary;
mod code;
mod crowds;
mod doors;
mod embedders;
mod instances;
mod memory;
mod names;
mod parts;
mod schemas;
mod sessions;
mod shapes;
mod soak;
mod swap;
mod time;
