//! What the tests of Windlass stand on: the real binary on a data directory and a port of its own, and a small S3 client
//! that can also say what a well-behaved client never would.
//!
//! Deliberately absent: any crate of the gateway itself (the tests know only what goes over the wire and what is on the
//! disk), and any S3 SDK (an SDK hides the very answers that are tested; SDKs are run from `clients/`).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

pub mod answer;
pub mod client;
pub mod crash;
pub mod digest;
pub mod fault;
pub mod form;
pub mod fuzz;
pub mod history;
pub mod json;
pub mod noise;
pub mod oracle;
pub mod prefix;
pub mod proxy;
pub mod request;
pub mod secure;
pub mod server;
pub mod shape;
pub mod sign;
pub mod source;
pub mod stream;
pub mod time;
pub mod upstream;
pub mod wire;
pub mod xml;
