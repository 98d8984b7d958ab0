//! Fuzzing of what the store reads: rows and keys here, policies beside their parser. The inputs that are known lie in
//! `store/fuzz`.

mod codec;
#[allow(unreachable_pub, reason = "the tests of the gateway, where it lies, are a crate of their own")]
#[path = "../../tests/src/fuzz.rs"]
mod search;

pub(crate) use search::{Target, fuzz};
