//! `json`: `json.encode(value)` and `json.decode(text)`, which return nil and why where they cannot, and `json.null`.
//!
//! A table whose keys are 1 to n is an array; any other is an object, the empty one too.

use mlua::{Error, IntoLua, IntoLuaMulti, Lua, LuaString, MultiValue, Result, Table, Value};
use serde_json::Value as Json;

use crate::limit;

/// Makes the table.
pub(super) fn open(lua: &Lua) -> Result<Table> {
    let json = lua.create_table()?;
    json.raw_set("null", Value::NULL)?;
    json.raw_set("encode", lua.create_function(|lua, value: Value| encoded(lua, &value))?)?;
    json.raw_set("decode", lua.create_function(|lua, text: LuaString| decoded(lua, &text.as_bytes()))?)?;
    Ok(json)
}

fn refused(lua: &Lua, reason: &str) -> Result<MultiValue> {
    (Value::Nil, reason).into_lua_multi(lua)
}

fn encoded(lua: &Lua, value: &Value) -> Result<MultiValue> {
    let mut out = Vec::new();
    match encode(value, limit::KV_SCRIPT_JSON_DEPTH_MAX, &mut out) {
        Ok(()) => lua.create_string(out)?.into_lua_multi(lua),
        Err(Error::RuntimeError(reason)) => refused(lua, &reason),
        Err(error) => Err(error),
    }
}

/// Prints a value.
fn encode(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    // Each value takes a byte at least, so this bounds the time too, however often a table is met.
    if out.len() > limit::KV_SCRIPT_JSON_BYTES_MAX {
        return Err(Error::runtime("the document is longer than 1 MiB"));
    }
    match value {
        Value::Nil => out.extend(b"null"),
        value if value.is_null() => out.extend(b"null"),
        Value::Boolean(flag) => out.extend(flag.to_string().into_bytes()),
        Value::Integer(number) => out.extend(number.to_string().into_bytes()),
        Value::Number(number) if number.is_finite() => out.extend(Json::from(*number).to_string().into_bytes()),
        Value::String(text) => print(text, out)?,
        Value::Table(_) if depth == 0 => {
            return Err(Error::runtime("tables are more than 64 deep, or within themselves"));
        }
        Value::Table(table) => encode_table(table, depth - 1, out)?,
        _ => return Err(Error::runtime("only text, finite numbers, booleans and tables of them are JSON")),
    }
    Ok(())
}

fn print(text: &LuaString, out: &mut Vec<u8>) -> Result<()> {
    let text = text.to_str().map_err(|_| Error::runtime("the text is not UTF-8"))?;
    serde_json::to_writer(out, &*text).map_err(Error::external)
}

fn encode_table(table: &Table, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    let mut pairs = 0;
    table.for_each(|_: Value, _: Value| {
        pairs += 1;
        Ok(())
    })?;
    let is_there = |at| table.raw_get::<Value>(at).is_ok_and(|value| !value.is_nil());
    if pairs > 0 && table.raw_len() == pairs && (1..=pairs).all(is_there) {
        for at in 1..=pairs {
            out.push(if at == 1 { b'[' } else { b',' });
            encode(&table.raw_get::<Value>(at)?, depth, out)?;
        }
        out.push(b']');
        return Ok(());
    }
    let mut before = b'{';
    table.for_each(|key: Value, value: Value| {
        out.push(std::mem::replace(&mut before, b','));
        match &key {
            Value::String(name) => print(name, out)?,
            Value::Integer(number) => out.extend(format!("\"{number}\"").into_bytes()),
            _ => return Err(Error::runtime("the keys of an object are text")),
        }
        out.push(b':');
        encode(&value, depth, out)
    })?;
    if pairs == 0 {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

fn decoded(lua: &Lua, text: &[u8]) -> Result<MultiValue> {
    if text.len() > limit::KV_SCRIPT_JSON_BYTES_MAX {
        return refused(lua, "the document is longer than 1 MiB");
    }
    match serde_json::from_slice::<Json>(text) {
        Ok(document) => value(lua, document)?.into_lua_multi(lua),
        Err(error) => refused(lua, &format!("not JSON: line {}, column {}", error.line(), error.column())),
    }
}

/// It is no deeper than what reads it allows.
fn value(lua: &Lua, document: Json) -> Result<Value> {
    match document {
        Json::Null => Ok(Value::NULL),
        Json::Bool(flag) => Ok(Value::Boolean(flag)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(Value::Integer(number)),
            (None, number) => Ok(number.map_or(Value::Nil, Value::Number)),
        },
        Json::String(text) => text.into_lua(lua),
        Json::Array(list) => {
            let table = lua.create_table_with_capacity(list.len(), 0)?;
            for (at, entry) in list.into_iter().enumerate() {
                table.raw_set(at + 1, value(lua, entry)?)?;
            }
            Ok(Value::Table(table))
        }
        Json::Object(object) => {
            let table = lua.create_table()?;
            for (name, entry) in object {
                table.raw_set(name, value(lua, entry)?)?;
            }
            Ok(Value::Table(table))
        }
    }
}
