//! The Lua state of a script: what of Lua it has, and how it ends.

use mlua::chunk::ChunkMode;
use mlua::{Error, HookTriggers, Lua, LuaOptions, Result, StdLib, Value, VmState};

use super::super::frame::{Ending, Task};
use super::host::Host;
use super::{json, kvdb};
use crate::limit;

/// What Lua's own globals would let a script do beyond its state: read files, take compiled code, which Lua does not check,
/// or write to what the worker speaks over.
const WITHHELD: [&str; 7] = ["collectgarbage", "dofile", "load", "loadfile", "print", "require", "warn"];

/// Runs a script to its end, whatever it does within its limits.
pub(super) fn run(host: &Host, task: &Task) -> Ending {
    let ran = state(host, task).and_then(|lua| {
        let ran = execute(&lua, host, task);
        // What is left of the state can have finalizers: they are the script's, and have its time.
        drop(lua);
        ran
    });
    match ran {
        Ok(()) => Ending::Finished(host.take()),
        Err(error) => failed(&task.name, &error),
    }
}

fn execute(lua: &Lua, host: &Host, task: &Task) -> Result<()> {
    let kvdb = kvdb::open(lua, host, task)?;
    let ran = lua.load(&*task.source).set_name(format!("={}", task.name)).set_mode(ChunkMode::Text).exec();
    if ran.is_err() && !host.has_ended() {
        return ran;
    }
    host.begin(&kvdb)
}

fn state(host: &Host, _: &Task) -> Result<Lua> {
    let libraries = StdLib::COROUTINE | StdLib::MATH | StdLib::STRING | StdLib::TABLE | StdLib::UTF8;
    let lua = Lua::new_with(libraries, LuaOptions::default())?;
    let globals = lua.globals();
    for name in WITHHELD {
        globals.raw_set(name, Value::Nil)?;
    }
    globals.raw_get::<mlua::Table>("string")?.raw_set("dump", Value::Nil)?;
    globals.raw_set("json", json::open(&lua)?)?;
    lua.set_memory_limit(limit::KV_SCRIPT_MEMORY_BYTES)?;
    let host = host.clone();
    // Coroutines have it from the state that makes them.
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(limit::KV_SCRIPT_INSTRUCTIONS), move |_, _| {
        host.check();
        Ok(VmState::Continue)
    })?;
    Ok(lua)
}

/// What is told of an error that nobody caught: its first line, with the line of the script that it came from.
fn failed(name: &str, error: &Error) -> Ending {
    let (mut cause, mut place) = (error, None);
    while let Error::CallbackError { traceback, cause: inner } = cause {
        place = place.or_else(|| line(name, traceback));
        cause = inner;
    }
    let message = match cause {
        Error::MemoryError(_) => String::new(),
        Error::RuntimeError(message) | Error::SyntaxError { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let message = message.lines().next().unwrap_or_default();
    if matches!(cause, Error::MemoryError(_)) || message.ends_with("not enough memory") {
        return Ending::Stopped("The script took more than 16 MiB of memory".to_owned());
    }
    let told = match place {
        Some(line) => format!("{name}:{line}: {message}"),
        None => message.to_owned(),
    };
    let printable = told.chars().map(|c| if c.is_control() { ' ' } else { c });
    Ending::Failed(printable.take(limit::KV_SCRIPT_MESSAGE_CHARS_MAX).collect())
}

/// The first line of the script that a traceback names.
fn line(name: &str, traceback: &str) -> Option<u32> {
    let mut places = traceback.lines().filter_map(|text| text.trim().strip_prefix(name)?.strip_prefix(':'));
    places.find_map(|text| text.split(':').next()?.parse().ok())
}
