//! `windlass doctor`: one line for each thing that was looked at, and for what is wrong what to do about it. `folder.rs` and
//! `listener.rs` look at this machine before a start; `remote/doctor.rs` at a gateway from where its clients are.

mod findings;
mod folder;
mod listener;

use std::process::ExitCode;

use windlass_config::Secret;
use windlass_store::clock::{Clock as _, SystemClock};

pub(super) use self::findings::Findings;
use super::remote::{GatewayArgs, doctor as remote};
use super::settings::SettingsArgs;

/// The variable with the secret of `--access-key`.
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
/// 1 January 2025: this was built later.
const YEAR_2025_MS: u64 = 1_735_689_600_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    gateway: GatewayArgs,
    /// With --endpoint: the access key id that signs, its secret being in AWS_SECRET_ACCESS_KEY; else the token does.
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let mut findings = Findings::default();
    if args.gateway.is_given() {
        let secret = args.access_key.is_some().then(|| std::env::var(SECRET).unwrap_or_default());
        let pair = args.access_key.zip(secret.map(|secret| Secret::new(&secret)));
        remote::look(&args.gateway, pair, &mut findings);
    } else {
        look(args.settings, &mut findings);
    }
    super::print(&findings.to_string());
    ExitCode::from(u8::from(findings.has_failed()))
}

/// Looks at what a start would find.
fn look(settings: SettingsArgs, findings: &mut Findings) {
    let settings = match settings.load(Vec::new()) {
        Ok(settings) => settings,
        Err(faults) => {
            for fault in &faults.0 {
                findings.fail("settings", format!("{fault}; `windlass config` prints what each setting takes"));
            }
            return;
        }
    };
    findings.ok("settings", "they are valid");
    let serving = folder::look(&settings, findings);
    folder::look_at_files(&settings.limits, findings);
    listener::look(&settings, serving, findings);
    clock(findings);
}

fn clock(findings: &mut Findings) {
    let now = SystemClock.now();
    let shown = windlass_config::time::print(now);
    if now < YEAR_2025_MS {
        let advice = "set it, and keep it by NTP: no signature, certificate or expiry holds with a wrong clock";
        findings.fail("clock", format!("it shows {shown}; {advice}"));
    } else {
        findings.ok("clock", format!("it shows {shown}; clients must agree to within 15 minutes"));
    }
}
