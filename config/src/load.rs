//! Reads settings from their sources, in order, and gathers every fault on the way.

mod items;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use self::items::{Item, ItemVariables, LISTS};
use crate::fault::{Fault, Faults};
use crate::field::From;
use crate::kind::Raw;
use crate::near::nearest;
use crate::settings::{Entry, Settings, entries};

/// The variable that names the file.
const FILE_VARIABLE: &str = "WINDLASS_CONFIG";
/// Largest settings file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Where settings come from, besides their defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file named by a flag; the one that `WINDLASS_CONFIG` names gives way to it.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `WINDLASS_` are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// Settings by their full names, as flags gave them.
    pub flags: Vec<(String, String)>,
}

impl Settings {
    /// The settings that the sources give. If anything is wrong with them, all of it is reported and nothing is used.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut load = Load { entries: entries(), ..Load::default() };
        let variables = load.variables(&sources.environment);
        let named = variables.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, value)| PathBuf::from(value));
        if let Some(path) = sources.file.clone().or(named) {
            load.file(&path);
        }
        let mut items = ItemVariables::default();
        for (name, value) in variables.iter().filter(|(name, _)| name != FILE_VARIABLE) {
            if !items.take(name, value) {
                load.variable(name, value);
            }
        }
        for (list, item) in items.into_items() {
            items::read(list, item, &mut load.settings, &mut load.faults);
        }
        for (name, value) in &sources.flags {
            load.flag(name, value);
        }
        let Load { settings, places, mut faults, .. } = load;
        let unread: Vec<String> = faults.0.iter().map(|fault| fault.name.clone()).collect();
        let invalid = settings.faults(|name| places.get(name).cloned());
        // A value that could not be read has been reported, and its default says nothing.
        faults.0.extend(invalid.0.into_iter().filter(|fault| !unread.contains(&fault.name)));
        faults.or(settings)
    }
}

#[derive(Default)]
struct Load {
    settings: Settings,
    entries: Vec<Entry>,
    /// Where each setting was last set.
    places: BTreeMap<String, String>,
    faults: Faults,
}

impl Load {
    /// The gateway's own variables, as text.
    fn variables(&mut self, environment: &[(OsString, OsString)]) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with("WINDLASS_")) else { continue };
            match value.to_str() {
                Some(value) => variables.push((name.to_owned(), value.to_owned())),
                None => self.faults.push(Fault::new(name, "not UTF-8 (from the environment)")),
            }
        }
        variables.sort();
        variables
    }

    fn variable(&mut self, variable: &str, value: &str) {
        match self.entries.iter().position(|entry| entry.variable == variable) {
            Some(at) => self.set(at, &Raw::Text(value.to_owned()), variable),
            None => {
                let known = self.entries.iter().map(|entry| entry.variable.as_str()).chain([FILE_VARIABLE]);
                let fault = unknown(variable, "variable", nearest(variable, known)).from("the environment");
                self.faults.push(fault);
            }
        }
    }

    fn flag(&mut self, name: &str, value: &str) {
        match self.entries.iter().position(|entry| entry.name == name) {
            Some(at) if self.entries.get(at).is_some_and(|entry| entry.secret || entry.from != From::Anywhere) => {
                let problem = "not taken from a flag, because command lines can be seen by others; use its variable";
                self.faults.push(Fault::new(name, problem));
            }
            Some(at) => self.set(at, &Raw::Text(value.to_owned()), "a flag"),
            None => self.unknown_setting(name, "a flag"),
        }
    }

    fn set(&mut self, at: usize, raw: &Raw, place: &str) {
        let Some(entry) = self.entries.get(at) else { return };
        if (entry.read)(&mut self.settings, raw) {
            self.places.insert(entry.name.clone(), place.to_owned());
        } else {
            self.faults.push(unreadable(&entry.name, raw, entry.secret, entry.accepted).from(place));
        }
    }

    fn unknown_setting(&mut self, name: &str, place: &str) {
        let known = self.entries.iter().map(|entry| entry.name.as_str()).chain(LISTS.map(|list| list.name));
        self.faults.push(unknown(name, "setting", nearest(name, known)).from(place));
    }

    fn file(&mut self, path: &Path) {
        let place = path.display().to_string();
        let table = read_file(path).and_then(|text| match text.parse::<Table>() {
            Ok(table) => Ok(table),
            // The whole error would quote the line, which may hold a secret.
            Err(error) => Err(syntax_error(&text, &error)),
        });
        match table {
            Ok(table) => self.table(table, &place),
            Err(problem) => self.faults.push(Fault::new(place, problem)),
        }
    }

    fn table(&mut self, table: Table, place: &str) {
        for (name, value) in table {
            let section = format!("{name}.");
            match value {
                Value::Array(items) if LISTS.iter().any(|list| list.name == name) => self.items(&name, items, place),
                Value::Table(section_table) if self.entries.iter().any(|entry| entry.name.starts_with(&section)) => {
                    for (name, value) in section_table {
                        self.file_value(&format!("{section}{name}"), value, place);
                    }
                }
                Value::Table(_) if LISTS.iter().any(|list| list.name == name) => {
                    self.faults.push(items::not_a_list(&name, &name).from(place));
                }
                Value::Table(_) => {
                    let known = self.entries.iter().filter_map(|entry| entry.name.split_once('.').map(|(s, _)| s));
                    let known = known.chain(LISTS.map(|list| list.name));
                    self.faults.push(unknown(&name, "section", nearest(&name, known)).from(place));
                }
                value => self.file_value(&name, value, place),
            }
        }
    }

    fn file_value(&mut self, name: &str, value: Value, place: &str) {
        match self.entries.iter().position(|entry| entry.name == name) {
            Some(at) if self.entries.get(at).is_some_and(|entry| entry.from == From::Environment) => {
                let variable = self.entries.get(at).map(|entry| entry.variable.clone()).unwrap_or_default();
                self.faults.push(Fault::new(name, format!("taken only from {variable}")).from(place));
            }
            Some(at) => self.set(at, &Raw::Toml(value), place),
            None => self.unknown_setting(name, place),
        }
    }

    fn items(&mut self, name: &str, items: Vec<Value>, place: &str) {
        for value in items {
            items::read(name, Item::from_toml(name, value, place), &mut self.settings, &mut self.faults);
        }
    }
}

fn unreadable(name: &str, raw: &Raw, secret: bool, accepted: fn() -> String) -> Fault {
    let shown = if secret { "[redacted]".to_owned() } else { raw.shown() };
    Fault::value(name, &shown, &accepted())
}

fn unknown(name: &str, what: &str, near: Option<&str>) -> Fault {
    let meant = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Fault::new(name, format!("unknown {what}{meant}"))
}

fn read_file(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => Err(format!("larger than {FILE_BYTES_MAX} bytes")),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn syntax_error(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", error.message())
}
