//! A worker: a process of its own that runs scripts, one after the other, each in a Lua state that is made for it.
//!
//! Lua can count its instructions, but a single one can take minutes: putting a key into a table that was filled for it, a
//! pattern, a long comparison. Nothing within a process can end that safely, so the process is what is ended: by the
//! kernel, when it has used more than its time, or by the gateway, when the client has gone. Whatever a script finds in
//! Lua to break, it has broken a process that holds nothing, can open no file, and does what it does at a low priority.

mod confine;
mod host;
mod json;
mod kvdb;
mod lua;

use std::io;

use self::host::Host;
use super::frame::{FromWorker, ToWorker, receive, send};
use crate::limit;

/// Runs the scripts that come over standard input, until it ends. Errors are those of standard input and output, and of
/// what the process could not take from itself.
pub(in crate::kv) fn work() -> io::Result<()> {
    confine::process()?;
    loop {
        let task = match receive(&mut io::stdin(), limit::KV_SCRIPT_TASK_BYTES_MAX) {
            Ok(ToWorker::Run(task)) => task,
            Ok(ToWorker::Reply(_)) => return Err(io::Error::other("a reply that nobody asked for")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        confine::time()?;
        let ending = lua::run(&Host::new(Box::new(io::stdin()), Box::new(io::stdout())), &task);
        send(&mut io::stdout(), &FromWorker::End(ending))?;
    }
}
