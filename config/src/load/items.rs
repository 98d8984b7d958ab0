//! The lists of the settings: plans, targets of notifications, and organisations with their buckets and keys. An item comes from the file as a table
//! of an array, or from variables that carry its number: `WINDLASS_ORGANISATION_0_KEY_1_NAME` is the name of the second
//! key of the first organisation. Numbers only tell items apart and order them; those of variables come behind the file's.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{unknown, unreadable};
use crate::fault::{Fault, Faults};
use crate::field::Field;
use crate::kind::Raw;
use crate::list::{Bucket, Key, NotificationTarget, Organisation, Plan};
use crate::near::nearest;
use crate::settings::Settings;

/// A list, and the lists within each of its items.
pub(super) struct List {
    pub(super) name: &'static str,
    within: &'static [&'static str],
}

const PLAN: &str = "plan";
const NOTIFICATION_TARGET: &str = "notification_target";
const ORGANISATION: &str = "organisation";
const BUCKET: &str = "bucket";
const KEY: &str = "key";

/// The list of lists.
pub(super) const LISTS: [List; 3] = [
    List { name: PLAN, within: &[] },
    List { name: NOTIFICATION_TARGET, within: &[] },
    List { name: ORGANISATION, within: &[BUCKET, KEY] },
];

/// A value as it was given, with its name within its item and where it came from.
struct Given {
    name: String,
    raw: Raw,
    place: String,
}

/// An item as it was given.
#[derive(Default)]
pub(super) struct Item {
    fields: Vec<Given>,
    /// Items of the lists within it, each with its list's name.
    within: Vec<(&'static str, Vec<Given>)>,
    faults: Vec<Fault>,
}

/// What is wrong with a list that is written as a section.
pub(super) fn not_a_list(name: &str, heading: &str) -> Fault {
    Fault::new(name, format!("not a list; write its heading as [[{heading}]]"))
}

impl Item {
    /// An item of the file.
    pub(super) fn from_toml(list: &str, value: Value, place: &str) -> Self {
        let mut item = Self::default();
        let Value::Table(table) = value else {
            item.faults.push(Fault::new("", "not a table").from(place));
            return item;
        };
        let inner = LISTS.iter().find(|known| known.name == list).map_or(&[][..], |known| known.within);
        for (name, value) in table {
            match inner.iter().find(|inner| **inner == name) {
                Some(inner) => item.take_inner(list, inner, value, place),
                None => item.fields.push(Given { name, raw: Raw::Toml(value), place: place.to_owned() }),
            }
        }
        item
    }

    fn take_inner(&mut self, list: &str, inner: &'static str, value: Value, place: &str) {
        let Value::Array(items) = value else {
            let fault = not_a_list(&format!(".{inner}"), &format!("{list}.{inner}"));
            self.faults.push(fault.from(place));
            return;
        };
        for (i, value) in items.into_iter().enumerate() {
            match value {
                Value::Table(table) => self.within.push((inner, given(table, place))),
                _ => self.faults.push(Fault::new(format!(".{inner}[{i}]"), "not a table").from(place)),
            }
        }
    }
}

fn given(table: Table, place: &str) -> Vec<Given> {
    table.into_iter().map(|(name, value)| Given { name, raw: Raw::Toml(value), place: place.to_owned() }).collect()
}

/// Items given by variables, under the place of their list and their number.
#[derive(Default)]
pub(super) struct ItemVariables(BTreeMap<(usize, u32), ItemOfVariables>);

#[derive(Default)]
struct ItemOfVariables {
    fields: Vec<Given>,
    within: BTreeMap<(&'static str, u32), Vec<Given>>,
}

impl ItemVariables {
    /// Takes a variable that has the form of an item's; false if it has not.
    pub(super) fn take(&mut self, variable: &str, value: &str) -> bool {
        let found = LISTS.iter().enumerate().find_map(|(at, list)| {
            let (number, rest) = numbered(variable.strip_prefix("WINDLASS_")?, list.name)?;
            let inner = list.within.iter().find_map(|inner| Some((*inner, numbered(rest, inner)?)));
            Some((at, number, inner, rest))
        });
        let Some((at, number, inner, rest)) = found else { return false };
        let item = self.0.entry((at, number)).or_default();
        let (fields, name) = match inner {
            Some((inner, (number, name))) => (item.within.entry((inner, number)).or_default(), name),
            None => (&mut item.fields, rest),
        };
        let raw = Raw::Text(value.to_owned());
        fields.push(Given { name: name.to_ascii_lowercase(), raw, place: variable.to_owned() });
        true
    }

    /// The items, each with its list's name, in their order.
    pub(super) fn into_items(self) -> impl Iterator<Item = (&'static str, Item)> {
        self.0.into_iter().filter_map(|((at, _), item)| {
            let within = item.within.into_iter().map(|((inner, _), fields)| (inner, fields)).collect();
            Some((LISTS.get(at)?.name, Item { fields: item.fields, within, faults: Vec::new() }))
        })
    }
}

/// Splits `NAME_number_rest` for the list of that name.
fn numbered<'a>(text: &'a str, list: &str) -> Option<(u32, &'a str)> {
    let rest = text.strip_prefix(&list.to_ascii_uppercase())?.strip_prefix('_')?;
    let (number, rest) = rest.split_once('_')?;
    let plain = number.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty();
    Some((number.parse().ok().filter(|_| plain)?, rest))
}

/// Reads an item into the settings.
pub(super) fn read(list: &str, item: Item, settings: &mut Settings, faults: &mut Faults) {
    let Item { fields, within, faults: of_item } = item;
    let path = match list {
        PLAN => {
            let path = format!("{PLAN}[{}]", settings.plans.len());
            settings.plans.push(read_fields(&path, Plan::FIELDS, fields, &[], faults));
            path
        }
        NOTIFICATION_TARGET => {
            let path = format!("{NOTIFICATION_TARGET}[{}]", settings.notification_targets.len());
            let target = read_fields(&path, NotificationTarget::FIELDS, fields, &[], faults);
            settings.notification_targets.push(target);
            path
        }
        _ => {
            let path = format!("{ORGANISATION}[{}]", settings.organisations.len());
            let mut organisation = read_fields(&path, Organisation::FIELDS, fields, &[BUCKET, KEY], faults);
            for (inner, fields) in within {
                read_inner(&path, inner, fields, &mut organisation, faults);
            }
            settings.organisations.push(organisation);
            path
        }
    };
    for fault in of_item {
        faults.push(Fault::new(format!("{path}{}", fault.name), fault.problem));
    }
}

fn read_inner(path: &str, inner: &str, fields: Vec<Given>, organisation: &mut Organisation, faults: &mut Faults) {
    if inner == BUCKET {
        let path = format!("{path}.{BUCKET}[{}]", organisation.bucket_settings.len());
        organisation.bucket_settings.push(read_fields(&path, Bucket::FIELDS, fields, &[], faults));
    } else {
        let path = format!("{path}.{KEY}[{}]", organisation.keys.len());
        organisation.keys.push(read_fields(&path, Key::FIELDS, fields, &[], faults));
    }
}

/// Reads the fields of one item. `more` are names that are known besides the fields'.
fn read_fields<S: Default>(
    path: &str,
    fields: &[Field<S>],
    given: Vec<Given>,
    more: &[&str],
    faults: &mut Faults,
) -> S {
    let mut section = S::default();
    for Given { name, raw, place } in given {
        let full = format!("{path}.{name}");
        match fields.iter().find(|field| field.name == name) {
            Some(field) if (field.read)(&mut section, &raw) => {}
            Some(field) => faults.push(unreadable(&full, &raw, field.secret, field.accepted).from(&place)),
            None => {
                let known = fields.iter().map(|field| field.name).chain(more.iter().copied());
                faults.push(unknown(&full, "setting", nearest(&name, known)).from(&place));
            }
        }
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_items_carry_a_number() {
        assert_eq!(numbered("ORGANISATION_12_NAME", ORGANISATION), Some((12, "NAME")));
        assert_eq!(numbered("ORGANISATION_0_KEY_3_NAME", ORGANISATION), Some((0, "KEY_3_NAME")));
        for other in ["ORGANISATION_NAME", "ORGANISATION_0", "ORGANISATION_0_", "ORGANISATION_+1_NAME", "PLAN_0_NAME"] {
            assert_eq!(numbered(other, ORGANISATION), None, "{other}");
        }
    }
}
