//! `windlass secret`

use std::process::ExitCode;

use windlass_store::master::rotate;
use windlass_store::seal::MasterKey;

use super::settings::SettingsArgs;
use crate::serve::{Failure, store_options};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Seal all secrets with a new master key, in a data folder that no gateway uses. The new key is made, or taken from
    /// WINDLASS_NEW_MASTER_KEY.
    Rotate(SettingsArgs),
}

pub(super) fn run(args: Args) -> ExitCode {
    let Command::Rotate(settings) = args.command;
    super::done(settings.load(Vec::new()).map_err(Failure::from).and_then(|settings| {
        let new = settings.auth.new_master_key.as_ref().map(|key| MasterKey::from_base64(key.expose())).transpose()?;
        let rotated = rotate(&store_options(&settings)?, new)?;
        let place = match rotated.file {
            Some(file) => format!("the new master key is in {}: make a copy of it", file.display()),
            None => "from now on WINDLASS_MASTER_KEY must be the new key".to_owned(),
        };
        let secrets = rotated.secrets;
        Ok(format!("{secrets} secrets sealed anew; {place}. Backups taken before need the old key."))
    }))
}
