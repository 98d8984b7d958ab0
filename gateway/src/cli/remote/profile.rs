//! Profiles: gateways and tokens by name, in a file that nobody else may read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Failure, Result};

/// Largest file of profiles.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bits of a mode by which somebody else could read or change it.
const OTHERS: u32 = 0o077;

/// A gateway and a token; either can be left to a flag or the environment.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) endpoint: Option<String>,
    pub(super) token: Option<String>,
}

/// Where the profiles are; `None` if there is no home to have them in.
pub(super) fn path() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(folder.join("windlass").join("profiles.toml"))
}

/// The profile of that name; `None` if there is none, or no file.
pub(super) fn read(path: &Path, name: &str) -> Result<Option<Profile>> {
    let place = path.display();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage(format!("{place} cannot be read: {error}"))),
    };
    let unreadable = |error: std::io::Error| Failure::usage(format!("{place} cannot be read: {error}"));
    // Of the file that is open, so that it cannot be another one by the time it is read.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        let mode = mode & 0o777;
        let problem = format!("{place} holds tokens and has mode {mode:04o}, so that others may use them");
        return Err(Failure::usage(problem).advise(&format!("run: chmod 600 {}", quoted(path))));
    }
    let mut text = String::new();
    let read = file.by_ref().take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{place} is larger than {FILE_BYTES_MAX} bytes")));
    }
    let mut profiles = parse(&text).map_err(|problem| Failure::usage(format!("{place}, {problem}")))?;
    Ok(profiles.remove(name))
}

fn parse(text: &str) -> std::result::Result<BTreeMap<String, Profile>, String> {
    toml::from_str(text).map_err(|error| {
        // The whole error would quote the line, which may hold a token; what is said of a value's type would too.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("line {line}: a profile is a section [name] with `endpoint` and `token`, both text in quotes")
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_sections() {
        let profiles = parse("[default]\nendpoint = \"https://a.b\"\ntoken = \"t\"\n[other]\ntoken = \"u\"").unwrap();
        assert_eq!(profiles["default"].endpoint.as_deref(), Some("https://a.b"));
        assert_eq!(profiles["other"].token.as_deref(), Some("u"));
        assert!(profiles["other"].endpoint.is_none());
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_never_quoted() {
        for (text, line) in [
            ("[a]\ntoken = secret", 2),
            ("[a]\n\ntoken = 12345678", 3),
            ("token = \"secret\"", 1),
            ("[a]\nsecret = \"x\"", 2),
            ("[a]\ntoken = \"secret", 2),
        ] {
            let problem = parse(text).err().unwrap();
            assert!(!problem.contains("secret") && !problem.contains("12345678"), "{problem}");
            assert!(problem.starts_with(&format!("line {line}:")), "{text:?}: {problem}");
        }
    }

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/a b/c'd")), "'/a b/c'\\''d'");
    }
}
