//! `kvdb`: what a script is told, what it answers, and what it does in its bucket.

use mlua::{Error, Function, IntoLua, IntoLuaMulti, Lua, MultiValue, Result, Table, Value, Variadic};
use windlass_store::kv::Number;

use super::super::frame::{Listing, Operation, Replied, Reply, Setting, Step, Task};
use super::host::Host;
use crate::limit;

/// Largest whole number of which a float tells all digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Makes the table, and gives it to scripts.
pub(super) fn open(lua: &Lua, host: &Host, task: &Task) -> Result<Table> {
    let (kvdb, var, header) = (lua.create_table()?, lua.create_table()?, lua.create_table()?);
    for (name, value) in &task.vars {
        var.raw_set(lua.create_string(name)?, lua.create_string(value)?)?;
    }
    kvdb.raw_set("var", var)?;
    kvdb.raw_set("header", header)?;
    answering(lua, host, &kvdb)?;
    asking(lua, host, &kvdb)?;
    lua.globals().raw_set("kvdb", &kvdb)?;
    Ok(kvdb)
}

/// What makes the answer.
fn answering(lua: &Lua, host: &Host, kvdb: &Table) -> Result<()> {
    let tostring: Function = lua.globals().raw_get("tostring")?;
    for (name, behind) in [("print", &b""[..]), ("say", b"\n")] {
        let (host, held, tostring) = (host.clone(), kvdb.clone(), tostring.clone());
        let print = move |_: &Lua, values: Variadic<Value>| {
            host.check();
            for value in values {
                let text: mlua::LuaString = tostring.call(value)?;
                host.print(&held, &text.as_bytes())?;
            }
            host.print(&held, behind)
        };
        kvdb.raw_set(name, lua.create_function(print)?)?;
    }
    let (to, held) = (host.clone(), kvdb.clone());
    let exit = move |_: &Lua, code: Option<u16>| -> Result<()> {
        to.check();
        Err(to.end(&held, code, None))
    };
    kvdb.raw_set("exit", lua.create_function(exit)?)?;
    let (to, held) = (host.clone(), kvdb.clone());
    let redirect = move |_: &Lua, (url, code): (mlua::LuaString, Option<u16>)| -> Result<()> {
        to.check();
        let code = code.unwrap_or(302);
        if ![301, 302, 303, 307, 308].contains(&code) {
            return Err(Error::runtime("a redirect is 301, 302, 303, 307 or 308"));
        }
        if url.as_bytes().len() > limit::KV_SCRIPT_LOCATION_BYTES_MAX {
            return Err(Error::runtime("a redirect has at most 2048 bytes"));
        }
        Err(to.end(&held, Some(code), Some(url.as_bytes().to_vec())))
    };
    kvdb.raw_set("redirect", lua.create_function(redirect)?)
}

/// What asks the gateway.
fn asking(lua: &Lua, host: &Host, kvdb: &Table) -> Result<()> {
    let add = |name, read: fn(Arguments) -> Result<Operation>| {
        let host = host.clone();
        let ask = move |lua: &Lua, arguments: MultiValue| {
            let operation = read(Arguments(arguments))?;
            told(lua, host.ask(operation))
        };
        kvdb.raw_set(name, lua.create_function(ask)?)
    };
    add("get", |given| Ok(Operation::Get(given.text(0, "key")?)))?;
    add("delete", |given| Ok(Operation::Delete(given.text(0, "key")?)))?;
    add("set", |given| {
        let (key, value) = (given.text(0, "key")?, given.text(1, "value")?);
        Ok(Operation::Set(Setting { key, value, ttl: given.options(2)?.whole("ttl")? }))
    })?;
    add("incr", |given| {
        let by = match given.0.get(1) {
            None | Some(Value::Nil) => "1".to_owned(),
            Some(value @ (Value::Integer(_) | Value::Number(_))) => {
                let text = text(value).unwrap_or_default();
                String::from_utf8(text).unwrap_or_default()
            }
            Some(_) => return Err(Error::runtime("what is added must be a number")),
        };
        Ok(Operation::Add { key: given.text(0, "key")?, by, ttl: given.options(2)?.whole("ttl")? })
    })?;
    add("list", |given| {
        let options = given.options(0)?;
        Ok(Operation::List(Listing {
            prefix: options.text("prefix")?,
            after: options.text("after")?,
            skip: options.whole("skip")?.unwrap_or_default(),
            limit: options.whole("limit")?,
            reverse: options.flag("reverse")?,
            values: options.flag("values")?,
        }))
    })?;
    add("txn", |given| steps(&given).map(Operation::Transact))?;
    add("access_token", |given| {
        let options = given.options(0)?;
        let mut permissions = Vec::new();
        if let Some(Value::Table(list)) = options.get("permissions")? {
            for at in 1..=list.raw_len().min(16) {
                permissions.push(list.raw_get::<String>(at)?);
            }
        }
        let prefix = options.text("prefix")?.unwrap_or_default();
        Ok(Operation::Token { prefix, permissions, ttl: options.whole("ttl")? })
    })
}

fn steps(given: &Arguments) -> Result<Vec<Step>> {
    let Some(Value::Table(list)) = given.0.front() else {
        return Err(Error::runtime("a transaction is a table of tables"));
    };
    let (mut steps, mut bytes) = (Vec::new(), 0);
    for at in 1..=list.raw_len() {
        let entry = Options(Some(list.raw_get::<Table>(at)?));
        let value = entry.text("value")?;
        bytes += value.as_ref().map_or(0, Vec::len);
        if at > windlass_store::limit::KV_TRANSACTION_STEPS_MAX || bytes > limit::KV_SCRIPT_SAID_BYTES_MAX / 2 {
            return Err(Error::runtime("a transaction has at most 1000 entries and 1 MiB of values"));
        }
        steps.push(match (entry.text("set")?, entry.text("delete")?, entry.text("check")?, value) {
            (Some(key), None, None, Some(value)) => Step::Set(Setting { key, value, ttl: entry.whole("ttl")? }),
            (None, Some(key), None, None) => Step::Delete(key),
            (None, None, Some(key), value) => Step::Check(key, value),
            _ => return Err(Error::runtime(format!("entry {at} must set a value, delete or check one"))),
        });
    }
    Ok(steps)
}

/// What a script gets for an operation: a value, or nil and why.
fn told(lua: &Lua, reply: Replied) -> Result<MultiValue> {
    let value = match reply {
        Err(reason) => return (Value::Nil, reason).into_lua_multi(lua),
        Ok(Reply::Done) => Value::Boolean(true),
        Ok(Reply::Text(text)) => lua.create_string(text)?.into_lua(lua)?,
        Ok(Reply::Number(text)) => match Number::parse(text.as_bytes()) {
            Some(Number::Int(number)) => Value::Integer(number),
            Some(Number::Float(number)) => Value::Number(number),
            None => Value::Nil,
        },
        Ok(Reply::Keys(keys)) => {
            let list = lua.create_table_with_capacity(keys.len(), 0)?;
            for (at, (key, value)) in keys.into_iter().enumerate() {
                let key = lua.create_string(key)?;
                match value {
                    None => list.raw_set(at + 1, key)?,
                    Some(value) => list.raw_set(at + 1, [key, lua.create_string(value)?])?,
                }
            }
            Value::Table(list)
        }
    };
    value.into_lua_multi(lua)
}

/// A text, or a number as a counter keeps it.
fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(number) => Some(Number::Int(*number).to_string().into_bytes()),
        Value::Number(number) => Some(Number::Float(*number).to_string().into_bytes()),
        _ => None,
    }
}

/// What a function was called with.
struct Arguments(MultiValue);

impl Arguments {
    fn text(&self, at: usize, name: &str) -> Result<Vec<u8>> {
        let text = self.0.get(at).and_then(text);
        text.ok_or_else(|| Error::runtime(format!("{name} must be a string or a number")))
    }

    fn options(&self, at: usize) -> Result<Options> {
        match self.0.get(at) {
            None | Some(Value::Nil) => Ok(Options(None)),
            Some(Value::Table(table)) => Ok(Options(Some(table.clone()))),
            Some(_) => Err(Error::runtime("options are a table")),
        }
    }
}

/// A table of options; metatables count for nothing.
struct Options(Option<Table>);

impl Options {
    fn get(&self, name: &str) -> Result<Option<Value>> {
        let Some(table) = &self.0 else { return Ok(None) };
        Ok(Some(table.raw_get::<Value>(name)?).filter(|value| !value.is_nil()))
    }

    fn text(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let wrong = || Error::runtime(format!("{name} must be a string or a number"));
        self.get(name)?.map(|value| text(&value).ok_or_else(wrong)).transpose()
    }

    fn whole(&self, name: &str) -> Result<Option<u64>> {
        let wrong = || Error::runtime(format!("{name} must be a whole number"));
        let number = |value| match value {
            Value::Integer(number) => u64::try_from(number).ok(),
            Value::Number(number) if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) => Some(number as u64),
            _ => None,
        };
        self.get(name)?.map(|value| number(value).ok_or_else(wrong)).transpose()
    }

    fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(_) => Err(Error::runtime(format!("{name} must be true or false"))),
        }
    }
}
