//! Fuzzing of what the S3 door reads: heads of requests, documents and sources of copies here; aws-chunked bodies and forms
//! beside their readers. The inputs that are known lie in `gateway/fuzz`.

mod copy;
mod document;
mod head;
#[allow(unreachable_pub, reason = "the tests of the gateway, where it lies, are a crate of their own")]
#[path = "../../../tests/src/fuzz.rs"]
mod search;
mod world;

pub(super) use search::{Target, fuzz};
pub(super) use world::{World, code};
