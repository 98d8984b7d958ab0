//! A command's gateway, and how the command is run and told.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::Value;

use super::client::{Client, segment};
use super::list::{self, List};
use super::print::{note, print};
use super::show::whole;
use super::{AccessArgs, Column, Exit, Failure, Result};

/// The gateway that a command speaks to.
pub(super) struct Remote {
    pub(super) client: Client,
    /// Whether answers are shown as they are.
    pub(super) json: bool,
}

/// Runs a command to its end and tells why it failed, if it did.
pub(super) fn run(access: &AccessArgs, command: impl AsyncFnOnce(&Remote) -> Result<()>) -> ExitCode {
    let done = try_run(access, command);
    let (exit, message) = done.map_or_else(|failure| (failure.exit, failure.message), |()| (Exit::Done, String::new()));
    if !message.is_empty() {
        note(&message);
    }
    exit.into()
}

fn try_run(access: &AccessArgs, command: impl AsyncFnOnce(&Remote) -> Result<()>) -> Result<()> {
    let (found, said) = access.find()?;
    if let Some(said) = said {
        note(said);
    }
    let remote = Remote { client: Client::new(&found)?, json: access.json };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("the command cannot be started", &error))?;
    let done = runtime.block_on(async {
        // A command that is interrupted removes what it has begun; so the signal is listened for before it begins.
        tokio::select! {
            biased;
            Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
            done = command(&remote) => done,
        }
    });
    // A read of standard input that still waits ends with the process.
    runtime.shutdown_background();
    done
}

impl Remote {
    /// Sends a request, with a document if there is one, and reads the document that it is answered with.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        document: Option<&Value>,
    ) -> Result<String> {
        let request = self.client.request(method, path, query)?;
        let request = match document {
            Some(document) => request.header("content-type", "application/json").body(document.to_string()),
            None => request,
        };
        self.client.document(request).await
    }

    /// Prints an answer: as it is, or all that the columns show of its data.
    pub(super) fn show(&self, document: &str, columns: &[Column]) -> Result<()> {
        self.tell(document, |data| whole(data, columns))
    }

    /// Prints an answer: as it is, or what `text` makes of its data.
    pub(super) fn tell(&self, document: &str, text: impl FnOnce(&Value) -> String) -> Result<()> {
        if self.json {
            return print(&format!("{document}\n"));
        }
        let answer: Value = serde_json::from_str(document).unwrap_or_default();
        // Of the management API what is within the envelope, of the files face the document itself.
        print(&text(answer.get("data").unwrap_or(&answer)))
    }

    /// The identifier of a bucket that is named by it, or by its name on S3. No name on S3 looks like an identifier.
    pub(super) async fn bucket_id(&self, named: &str) -> Result<String> {
        if named.starts_with("bkt_") {
            return Ok(named.to_owned());
        }
        let list = List { path: "/v1/buckets".to_owned(), query: Vec::new(), page_max: 100, most: None };
        let advise = |failure: Failure| {
            failure
                .advise_on(Exit::NotAllowed, "a token without buckets:read names buckets by their identifiers, bkt_…")
        };
        let found = list::find(self, list, |bucket| bucket.get("s3Name").is_some_and(|name| name == named))
            .await
            .map_err(advise)?;
        let id = found.and_then(|bucket| Some(bucket.get("id")?.as_str()?.to_owned()));
        id.ok_or_else(|| Failure::new(Exit::NotFound, format!("Bucket not found: no bucket has the S3 name {named:?}")))
    }

    /// The identifier of a connected account that is named by it, or by its label.
    pub(super) async fn account_id(&self, named: &str) -> Result<String> {
        if named.starts_with("acc_") {
            return Ok(named.to_owned());
        }
        let list = List { path: "/v1/aws-accounts".to_owned(), query: Vec::new(), page_max: 100, most: None };
        let found = list::find(self, list, |account| account.get("label").is_some_and(|label| label == named)).await?;
        let id = found.and_then(|account| Some(account.get("id")?.as_str()?.to_owned()));
        id.ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("AWS account not found: no account has the label {named:?}"))
        })
    }

    /// The path of a connected account.
    pub(super) async fn account_path(&self, named: &str) -> Result<String> {
        Ok(format!("/v1/aws-accounts/{}", segment(&self.account_id(named).await?)))
    }

    /// The path of a bucket.
    pub(super) async fn bucket_path(&self, named: &str) -> Result<String> {
        Ok(format!("/v1/buckets/{}", segment(&self.bucket_id(named).await?)))
    }
}
