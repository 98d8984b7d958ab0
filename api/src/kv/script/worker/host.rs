//! What a script has beside Lua: the line to the gateway, what it has printed, and its time.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::Duration;

use mlua::{Error, Result, Table, Value};
use windlass_store::clock;
use windlass_store::limit::KV_CONTENT_TYPE_BYTES_MAX;

use super::super::frame::{Ending, FromWorker, Operation, Output, Replied, ToWorker, pack, receive, send, write};
use crate::limit;

/// It is shared by all that Lua can call.
#[derive(Clone)]
pub(super) struct Host(Rc<Inner>);

struct Inner {
    input: RefCell<Box<dyn Read>>,
    output: RefCell<Box<dyn Write>>,
    /// CPU time at which the script has had what it may have.
    until: Duration,
    answer: RefCell<Output>,
    begun: Cell<bool>,
    /// Whether the script has said that it ends. An error takes it from where it is to its end; one that is caught changes
    /// nothing of that.
    ended: Cell<bool>,
}

impl Host {
    pub(super) fn new(input: Box<dyn Read>, output: Box<dyn Write>) -> Self {
        Self(Rc::new(Inner {
            input: RefCell::new(input),
            output: RefCell::new(output),
            until: clock::cpu_time() + limit::KV_SCRIPT_CPU,
            answer: RefCell::default(),
            begun: Cell::new(false),
            ended: Cell::new(false),
        }))
    }

    /// Whether the script may go on: asked every so many instructions, and by everything that it can call.
    pub(super) fn check(&self) {
        if self.0.ended.get() {
            self.leave(Ending::Finished(self.take()));
        }
        if clock::cpu_time() >= self.0.until {
            self.leave(Ending::Stopped(limit::KV_SCRIPT_CPU_REASON.to_owned()));
        }
    }

    /// Ends the worker, since nothing else is sure to end the script: it could catch any error.
    fn leave(&self, ending: Ending) -> ! {
        // If nobody reads it any more, there is nobody to tell.
        let _ = send(&mut **self.0.output.borrow_mut(), &FromWorker::Last(ending));
        std::process::exit(0)
    }

    /// Has the gateway do something; why it was not done is told to the script.
    pub(super) fn ask(&self, operation: Operation) -> Replied {
        self.check();
        let frame = pack(&FromWorker::Ask(operation)).map_err(|error| error.to_string())?;
        if frame.len() > limit::KV_SCRIPT_SAID_BYTES_MAX {
            return Err("That is more than 2 MiB at once".to_owned());
        }
        let sent = write(&mut **self.0.output.borrow_mut(), &frame);
        let max = limit::KV_SCRIPT_REPLY_BYTES_MAX;
        match sent.and_then(|()| receive(&mut **self.0.input.borrow_mut(), max)) {
            Ok(ToWorker::Reply(reply)) => reply,
            // The gateway has gone.
            Ok(ToWorker::Run(_)) | Err(_) => std::process::exit(1),
        }
    }

    /// Adds to what the script answers.
    pub(super) fn print(&self, kvdb: &Table, bytes: &[u8]) -> Result<()> {
        self.begin(kvdb)?;
        let mut answer = self.0.answer.borrow_mut();
        if answer.body.len() + bytes.len() > limit::KV_SCRIPT_OUTPUT_BYTES_MAX {
            drop(answer);
            self.leave(Ending::Stopped("The script printed more than 1 MiB".to_owned()));
        }
        answer.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Fixes the status and the content type as they are now: nothing changes them once something was printed.
    pub(super) fn begin(&self, kvdb: &Table) -> Result<()> {
        if self.0.begun.get() {
            return Ok(());
        }
        let status = match kvdb.raw_get::<Value>("status")? {
            Value::Nil => Some(200),
            Value::Integer(status) => u16::try_from(status).ok().filter(|status| (200..600).contains(status)),
            _ => None,
        };
        let status = status.ok_or_else(|| Error::runtime("kvdb.status must be a whole number from 200 to 599"))?;
        let content_type = match kvdb.raw_get::<Value>("header")? {
            Value::Table(header) => match header.raw_get::<Value>("content-type")? {
                Value::String(text) => Some(text.as_bytes().to_vec()),
                _ => None,
            },
            _ => None,
        };
        if content_type.as_ref().is_some_and(|said| said.len() > KV_CONTENT_TYPE_BYTES_MAX) {
            return Err(Error::runtime("a content type is at most 256 bytes"));
        }
        self.0.begun.set(true);
        let mut answer = self.0.answer.borrow_mut();
        (answer.status, answer.content_type) = (status, content_type);
        Ok(())
    }

    /// Ends the script where it is; what it has printed is its answer. With a code, its status is that if nothing was
    /// printed.
    pub(super) fn end(&self, kvdb: &Table, code: Option<u16>, location: Option<Vec<u8>>) -> Error {
        if let (Some(code), false) = (code, self.0.begun.get())
            && let Err(error) = kvdb.raw_set("status", code)
        {
            return error;
        }
        if let Err(error) = self.begin(kvdb) {
            return error;
        }
        if location.is_some() {
            self.0.answer.borrow_mut().location = location;
        }
        self.0.ended.set(true);
        Error::runtime("the script has ended")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.ended.get()
    }

    /// What the script answers.
    pub(super) fn take(&self) -> Output {
        self.0.answer.take()
    }
}
