//! The documented settings as a TOML file that can be saved and edited.

use std::fmt::Write;

use crate::field::{Field, From};
use crate::list::{Bucket, Key, NotificationTarget, Organisation, Plan};
use crate::settings::{Entry, Settings, sections};

impl Settings {
    /// These settings as a TOML file with the documentation of each. Secrets, and what comes from the environment
    /// alone, are named but not printed; plans and organisations appear as examples.
    pub fn to_documented_toml(&self) -> String {
        let mut text = String::from(
            "# Settings of a Windlass gateway, with their defaults. Each can also be given by the environment variable\n\
             # beside it, and by `--set NAME=VALUE`. A flag counts before a variable, and a variable before this file.\n",
        );
        for section in sections() {
            let in_file = section.entries.iter().any(|entry| entry.from == From::Anywhere);
            text.push('\n');
            if !section.name.is_empty() {
                comment(&mut text, "", section.about);
                let _ =
                    writeln!(text, "{}[{}]", if in_file { "" } else { "# From the environment alone: " }, section.name);
            }
            for (i, entry) in section.entries.iter().enumerate() {
                if i > 0 || !section.name.is_empty() {
                    text.push('\n');
                }
                self.entry(&mut text, entry);
            }
        }
        example(&mut text, "plan", Plan::ABOUT, Plan::FIELDS);
        example(&mut text, "notification_target", NotificationTarget::ABOUT, NotificationTarget::FIELDS);
        example(&mut text, "organisation", Organisation::ABOUT, Organisation::FIELDS);
        example(&mut text, "organisation.bucket", Bucket::ABOUT, Bucket::FIELDS);
        example(&mut text, "organisation.key", Key::ABOUT, Key::FIELDS);
        text
    }

    fn entry(&self, text: &mut String, entry: &Entry) {
        comment(text, "", entry.about);
        let _ = writeln!(text, "# {}: {}", entry.variable, (entry.accepted)());
        if entry.from == From::Environment {
            return;
        }
        let name = entry.name.rsplit('.').next().unwrap_or(&entry.name);
        let _ = match (entry.print)(self) {
            Some(value) if !entry.secret => writeln!(text, "{name} = {value}"),
            _ => writeln!(text, "# {name} ="),
        };
    }
}

fn comment(text: &mut String, indent: &str, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "#{indent} {}", line.trim());
    }
}

/// A table of a list, commented out.
fn example<S>(text: &mut String, heading: &str, about: &[&str], fields: &[Field<S>]) {
    text.push('\n');
    comment(text, "", about);
    let _ = writeln!(text, "# [[{heading}]]");
    for field in fields {
        text.push_str("#\n");
        comment(text, " #", field.about);
        let _ = writeln!(text, "# # {}\n# {} =", (field.accepted)(), field.name);
    }
}
