//! The flags by which every command takes settings.

use std::path::PathBuf;

use clap::Args;
use windlass_config::{Faults, Settings, Sources};

use super::remote::{ENDPOINT, TOKEN};

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SettingsArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Any setting by its full name, such as storage.cache_bytes=1GiB. Can be given more than once.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl SettingsArgs {
    /// The settings from all their sources; `more` are those that a flag of the command's own has given.
    pub(super) fn load(self, more: Vec<(&str, Option<String>)>) -> Result<Settings, Faults> {
        let own = [("data", self.data)].into_iter().chain(more);
        let given = own.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let flags = self.settings.into_iter().chain(given).collect();
        // The variables of the commands that speak to a gateway are no settings of one.
        let environment = std::env::vars_os().filter(|(name, _)| ![ENDPOINT, TOKEN].iter().any(|other| name == other));
        Settings::load(&Sources { file: self.config, environment: environment.collect(), flags })
    }
}
