//! The gateway that is measured: one process on a folder of its own, with keys that are known.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::running::Running;

/// The root key's access key id and secret.
pub(crate) const KEY: (&str, &str) = ("WINDLASSBENCHES00001", "windlass-benches-secret-0123456789abcdef");
/// The root key's token.
pub(crate) const TOKEN: &str = "bkt_windlass-benches-token-0123456789abcdefghij";
/// Settings under which no organisation's requests are limited.
pub(crate) const UNLIMITED: [(&str, &str); 4] = [
    ("WINDLASS_PLAN_0_NAME", "enterprise"),
    ("WINDLASS_PLAN_0_MAX_REQUESTS_PER_MINUTE", "unlimited"),
    ("WINDLASS_PLAN_0_UPLOADS_REQUESTS_PER_MINUTE", "unlimited"),
    ("WINDLASS_PLAN_0_UPLOADS_PER_MONTH", "unlimited"),
];

/// Starts it with these variables set. Its data are in `data` of the folder.
pub(crate) fn start(windlass: &Path, folder: &Path, settings: &[(&str, &str)]) -> Result<Running, Failure> {
    let mut command = Command::new(windlass);
    command.arg("serve").arg("--data").arg(folder.join("data")).args(["--listen", "127.0.0.1:0"]);
    command.env("WINDLASS_ROOT_ACCESS_KEY", KEY.0).env("WINDLASS_ROOT_SECRET_KEY", KEY.1);
    command.env("WINDLASS_ROOT_TOKEN", TOKEN).envs(settings.iter().copied());
    Running::start_and_read_address(command, folder, "windlass: listening on ")
}
