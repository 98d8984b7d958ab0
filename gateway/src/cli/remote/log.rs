//! `windlass log`

use std::process::ExitCode;

use reqwest::Method;

use super::client::segment;
use super::list::{self, List};
use super::{AccessArgs, Column, Kind, Remote, Result, exit};

const TABLE: &[Column] = &[
    Column::new("ID", "/id", Kind::Plain),
    Column::new("TIME (UTC)", "/createdAt", Kind::Time),
    Column::new("STATUS", "/statusCode", Kind::Count),
    Column::new("MS", "/durationMs", Kind::Count),
    Column::new("METHOD", "/method", Kind::Plain),
    Column::new("PATH", "/path", Kind::Plain),
    Column::or("ERROR", "/errorMessage", Kind::Plain, ""),
];

const WHOLE: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::new("time (UTC)", "/createdAt", Kind::Time),
    Column::new("method", "/method", Kind::Plain),
    Column::new("path", "/path", Kind::Plain),
    Column::new("query", "/query", Kind::Plain),
    Column::new("status", "/statusCode", Kind::Count),
    Column::or("error", "/errorMessage", Kind::Plain, "none"),
    Column::new("milliseconds", "/durationMs", Kind::Count),
    Column::new("request id", "/requestId", Kind::Plain),
    Column::new("key", "/apiKeyId", Kind::Plain),
    Column::new("bucket", "/bucketId", Kind::Plain),
    Column::new("address", "/ip", Kind::Plain),
    Column::new("request headers", "/requestHeaders", Kind::Plain),
    Column::new("request body", "/requestBody", Kind::Plain),
    Column::new("answer headers", "/responseHeaders", Kind::Plain),
    Column::new("answer body", "/responseBody", Kind::Plain),
];

#[derive(Debug, clap::Args)]
#[command(after_help = exit::help())]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List requests, the newest first.
    List(Filter),
    /// Show all that is known of a request.
    Get {
        /// Its identifier in the log, log_….
        log: String,
    },
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// Not before then, such as 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Not after then.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of that method, such as GET.
    #[arg(long)]
    method: Option<String>,
    /// With that status, such as 404, or one of that class: 2xx, 3xx, 4xx or 5xx.
    #[arg(long)]
    status: Option<String>,
    /// With a path that begins so.
    #[arg(long)]
    path: Option<String>,
    /// By that key, by its identifier.
    #[arg(long)]
    key: Option<String>,
    /// About that bucket, by its identifier or its name on S3.
    #[arg(long)]
    bucket: Option<String>,
    /// Show at most so many.
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::List(filter) => list(remote, &filter).await,
        Command::Get { log } => {
            let path = format!("/v1/logs/{}", segment(&log));
            remote.show(&remote.ask(Method::GET, &path, &[], None).await?, WHOLE)
        }
    })
}

async fn list(remote: &Remote, filter: &Filter) -> Result<()> {
    let bucket = match &filter.bucket {
        Some(bucket) => Some(remote.bucket_id(bucket).await?),
        None => None,
    };
    let given = [
        ("from", &filter.from),
        ("to", &filter.to),
        ("method", &filter.method),
        ("status", &filter.status),
        ("path", &filter.path),
        ("apiKeyId", &filter.key),
        ("bucketId", &bucket),
    ];
    let query = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    let list = List { path: "/v1/logs".to_owned(), query, page_max: 100, most: Some(filter.limit) };
    list::show(remote, list, TABLE).await
}
