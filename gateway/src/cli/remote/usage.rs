//! `windlass usage`

use std::process::ExitCode;

use reqwest::Method;
use serde_json::Value;

use super::show::Table;
use super::{AccessArgs, Column, Kind, exit};

const TABLE: &[Column] = &[
    Column::new("", "/0", Kind::Plain),
    Column::new("USED", "/1", Kind::Bytes),
    Column::or("LIMIT", "/2", Kind::Bytes, "unlimited"),
];

/// What is used, where in the answer it is and its limit.
type Row = (&'static str, &'static str, &'static str, Kind);

const ROWS: [Row; 3] = [
    ("buckets", "/bucketCount/used", "/bucketCount/limit", Kind::Count),
    ("storage", "/storage/usedBytes", "/storage/limitBytes", Kind::Bytes),
    ("sent this month", "/bandwidth/usedBytes", "/bandwidth/limitBytes", Kind::Bytes),
];

#[derive(Debug, clap::Args)]
#[command(after_help = exit::help())]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    access: AccessArgs,
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| {
        let usage = remote.ask(Method::GET, "/v1/billing/usage", &[], None).await?;
        remote.tell(&usage, |data| Table::new(TABLE).lines(&ROWS.map(|row| shown(data, row)), true))
    })
}

fn shown(data: &Value, (name, used, limit, kind): Row) -> Value {
    // As text, so that the table shows a number of buckets as a number.
    let cell = |at, none| Value::from(Column { title: "", at, kind, none }.of(data));
    serde_json::json!([name, cell(used, "-"), cell(limit, "unlimited")])
}
