//! `windlass adopt`

use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::client::segment;
use super::list::{self, List};
use super::print::{note, printable};
use super::progress::Progress;
use super::{AccessArgs, Column, Exit, Failure, Kind, Remote, Result, exit};

/// How often it is asked how far it has come.
const POLL: Duration = Duration::from_millis(500);

const WHOLE: &[Column] = &[
    Column::new("bucket", "/bucketId", Kind::Plain),
    Column::new("from account", "/awsAccountId", Kind::Plain),
    Column::new("from bucket", "/source", Kind::Plain),
    Column::new("status", "/status", Kind::Plain),
    Column::new("files there", "/objectsTotal", Kind::Count),
    Column::new("bytes there", "/bytesTotal", Kind::Bytes),
    Column::new("files copied", "/objectsCopied", Kind::Count),
    Column::new("bytes copied", "/bytesCopied", Kind::Bytes),
    Column::new("held against their length alone", "/objectsUnverified", Kind::Count),
    Column::or("last failure", "/lastFailure/message", Kind::Plain, "none"),
    Column::new("begun (UTC)", "/begunAt", Kind::Time),
    Column::or("ended (UTC)", "/endedAt", Kind::Time, "not yet"),
];

/// Make a bucket that is linked with a connected account the gateway's own, while it is used: its files are copied in the
/// background, and then it needs the account no more. What is in the account stays as it is. Interrupted, this command can be
/// given again: the gateway goes on meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help())]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    /// Which bucket: its account, by its identifier or its label, a slash, and the bucket's name on S3.
    #[arg(long, value_name = "ACCOUNT/BUCKET", value_parser = source)]
    from: Source,
    /// Do not wait until it is done.
    #[arg(long)]
    detach: bool,
}

#[derive(Debug, Clone)]
struct Source {
    account: String,
    bucket: String,
}

fn source(text: &str) -> Result<Source, String> {
    match text.rsplit_once('/') {
        Some((account, bucket)) if !account.is_empty() && !bucket.is_empty() => {
            Ok(Source { account: account.to_owned(), bucket: bucket.to_owned() })
        }
        _ => Err("not an account, a slash and a bucket".to_owned()),
    }
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| {
        let path = format!("/v1/buckets/{}/adopt", segment(&bucket_of(remote, &args.from).await?));
        let mut told = remote.ask(Method::POST, &path, &[], None).await?;
        if !args.detach {
            told = wait(remote, &path, &args.from.bucket).await?;
        }
        remote.show(&told, WHOLE)
    })
}

/// The bucket that is linked with that account under that name, or was.
async fn bucket_of(remote: &Remote, from: &Source) -> Result<String> {
    let account = remote.account_id(&from.account).await?;
    let list = List { path: "/v1/buckets".to_owned(), query: Vec::new(), page_max: 100, most: None };
    let found =
        list::find(remote, list, |bucket| bucket.get("s3Name").is_some_and(|name| *name == from.bucket)).await?;
    let missing = || {
        let message = format!("no bucket {:?} is linked with account {account}", from.bucket);
        Failure::new(Exit::NotFound, message).advise("import it first: windlass bucket import")
    };
    let bucket = found.ok_or_else(missing)?;
    let text = |name: &str| bucket.get(name).and_then(Value::as_str);
    let id = text("id").ok_or_else(missing)?;
    // A bucket that has been adopted is linked no more, and its adoption tells where it came from.
    if text("awsAccountId").is_none() {
        let adopted = remote.ask(Method::GET, &format!("/v1/buckets/{}/adopt", segment(id)), &[], None).await;
        let adopted = adopted.map_err(|failure| if failure.exit == Exit::NotFound { missing() } else { failure })?;
        let adopted: Value = serde_json::from_str(&adopted).unwrap_or_default();
        let from = adopted.pointer("/data/awsAccountId").and_then(Value::as_str);
        return if from == Some(&account) { Ok(id.to_owned()) } else { Err(missing()) };
    }
    if text("awsAccountId") == Some(&account) { Ok(id.to_owned()) } else { Err(missing()) }
}

/// Follows an adoption to its end; returns what is told of it then.
async fn wait(remote: &Remote, path: &str, bucket: &str) -> Result<String> {
    let (mut bar, mut shown, mut passes) = (None, 0, 0);
    loop {
        let told = remote.ask(Method::GET, path, &[], None).await?;
        let answer: Value = serde_json::from_str(&told).unwrap_or_default();
        let number = |name: &str| answer.pointer(&format!("/data/{name}")).and_then(Value::as_u64).unwrap_or_default();
        match answer.pointer("/data/status").and_then(Value::as_str) {
            Some("counting") => {}
            Some("copying") => {
                let bar = bar.get_or_insert_with(|| Progress::begin(bucket, Some(number("bytesTotal"))));
                let passed = number("bytesPassed");
                bar.add(usize::try_from(passed.saturating_sub(shown)).unwrap_or(usize::MAX));
                shown = shown.max(passed);
            }
            Some("clearing" | "done") => return Ok(told),
            _ => return Err(Failure::new(Exit::Unreachable, "the gateway does not say how far the adoption has come")),
        }
        if number("passes") > passes {
            passes = number("passes");
            let why = answer.pointer("/data/lastFailure/message").and_then(Value::as_str).unwrap_or_default();
            note(&format!("some files could not be copied and are tried again: {}", printable(why)));
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_account_and_a_bucket() {
        let read = |text: &str| source(text).map(|source| (source.account, source.bucket)).ok();
        assert_eq!(read("aws_1/photos"), Some(("aws_1".to_owned(), "photos".to_owned())));
        assert_eq!(read("team / one/photos"), Some(("team / one".to_owned(), "photos".to_owned())));
        for bad in ["", "photos", "/photos", "aws_1/"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
