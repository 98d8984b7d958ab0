//! `windlass account`

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use reqwest::Method;
use serde_json::{Map, Value};
use windlass_config::Secret;

use super::client::segment;
use super::list::{self, Bound, List};
use super::print::note;
use super::{AccessArgs, Column, Failure, Kind, Remote, Result, exit};

/// More than a secret access key has.
const SECRET_BYTES_MAX: u64 = 1024;
/// What takes a setting away.
const NONE: &str = "none";
const PATHS: &str = "path";
const HOSTS: &str = "host";

const TABLE: &[Column] = &[
    Column::new("ID", "/id", Kind::Plain),
    Column::or("LABEL", "/label", Kind::Plain, ""),
    Column::new("STATUS", "/status", Kind::Plain),
    Column::or("PROVIDER", "/endpoint", Kind::Plain, "AWS"),
    Column::new("NUMBER", "/awsAccountId", Kind::Plain),
    Column::or("VALIDATED (UTC)", "/lastValidatedAt", Kind::Time, "never"),
];

const WHOLE: &[Column] = &[
    Column::new("id", "/id", Kind::Plain),
    Column::or("label", "/label", Kind::Plain, "none"),
    Column::new("status", "/status", Kind::Plain),
    Column::or("provider", "/endpoint", Kind::Plain, "AWS"),
    Column::or("region", "/region", Kind::Plain, "as the provider has it"),
    Column::new("number", "/awsAccountId", Kind::Plain),
    Column::or("access key id", "/accessKeyId", Kind::Plain, "none"),
    Column::or("role", "/roleArn", Kind::Plain, "none"),
    Column::new("external id", "/externalId", Kind::Plain),
    Column::or("stack", "/stackId", Kind::Plain, "none"),
    Column::or("validated (UTC)", "/lastValidatedAt", Kind::Time, "never"),
    Column::new("created (UTC)", "/createdAt", Kind::Time),
    Column::new("updated (UTC)", "/updatedAt", Kind::Time),
];

const BUCKETS: &[Column] =
    &[Column::new("NAME", "/name", Kind::Plain), Column::or("CREATED (UTC)", "/creationDate", Kind::Time, "unknown")];

/// Accounts are named by their identifiers, acc_…, or by their labels.
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
    /// List connected accounts.
    List(Bound),
    /// Connect an account: any S3 provider by its address and a pair of keys, or AWS by a role.
    Connect {
        /// A name for people.
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        about: About,
    },
    /// Show all that is known of an account.
    Get {
        /// Its identifier or its label.
        account: String,
    },
    /// Change what is given of an account; the rest stays. What says where it is has to be validated anew.
    Update {
        /// Its identifier or its label.
        account: String,
        /// A name for people; `none` for none.
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        about: About,
    },
    /// Ask the provider whether an account works.
    Validate {
        /// Its identifier or its label.
        account: String,
    },
    /// Forget an account and the buckets that are linked with it. What is at the provider stays as it is.
    Disconnect {
        /// Its identifier or its label.
        account: String,
    },
    /// List the buckets that an account has at its provider.
    Buckets {
        /// Its identifier or its label.
        account: String,
        #[command(flatten)]
        bound: Bound,
    },
}

/// Where an account is, and who asks there.
#[derive(Debug, clap::Args)]
struct About {
    /// The provider's address, a scheme and a host; `none` for AWS.
    #[arg(long, value_name = "URL")]
    provider: Option<String>,
    /// The region that requests are signed for; `none` for the provider's own.
    #[arg(long)]
    region: Option<String>,
    /// The access key id; its secret is read from --secret-file.
    #[arg(long, value_name = "ID", requires = "secret_file")]
    access_key: Option<String>,
    /// A file with the secret access key and nothing else; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "access_key")]
    secret_file: Option<PathBuf>,
    /// Where buckets are named: in the path, or in the host; `none` for what suits the provider.
    #[arg(long, value_name = "WHERE", value_parser = PossibleValuesParser::new([PATHS, HOSTS, NONE]))]
    buckets_in: Option<String>,
    /// The role of AWS to assume, which must let in the account's external id; `none` for none.
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// The stack that made the role; `none` for none.
    #[arg(long, value_name = "ID")]
    stack: Option<String>,
}

pub(in crate::cli) fn run(args: Args) -> ExitCode {
    super::run(&args.access, async |remote| match args.command {
        Command::List(bound) => {
            let list =
                List { path: "/v1/aws-accounts".to_owned(), query: Vec::new(), page_max: 100, most: bound.most() };
            list::show(remote, list, TABLE).await
        }
        Command::Connect { label, about } => connect(remote, label, about).await,
        Command::Get { account } => {
            let path = remote.account_path(&account).await?;
            remote.show(&remote.ask(Method::GET, &path, &[], None).await?, WHOLE)
        }
        Command::Update { account, label, about } => {
            let body = about.into_body(label)?;
            if body.is_empty() {
                return Err(Failure::usage("nothing to change is given; see windlass account update --help"));
            }
            let path = remote.account_path(&account).await?;
            told(remote, &remote.ask(Method::PATCH, &path, &[], Some(&body.into())).await?, "updated")
        }
        Command::Validate { account } => {
            let path = remote.account_path(&account).await?;
            told(remote, &remote.ask(Method::POST, &format!("{path}/validate"), &[], None).await?, "works")
        }
        Command::Disconnect { account } => {
            let path = remote.account_path(&account).await?;
            told(remote, &remote.ask(Method::DELETE, &path, &[], None).await?, "disconnected")
        }
        Command::Buckets { account, bound } => {
            let path = format!("{}/s3-buckets", remote.account_path(&account).await?);
            list::show(remote, List { path, query: Vec::new(), page_max: 100, most: bound.most() }, BUCKETS).await
        }
    })
}

/// Connects an account. A role is said of it afterwards: only then it has the external id that the role lets in.
async fn connect(remote: &Remote, label: Option<String>, about: About) -> Result<()> {
    let mut body = about.into_body(label)?;
    let later: Map<String, Value> =
        ["roleArn", "stackId"].into_iter().filter_map(|name| body.remove_entry(name)).collect();
    let made = remote.ask(Method::POST, "/v1/aws-accounts", &[], Some(&body.into())).await?;
    let answer: Value = serde_json::from_str(&made).unwrap_or_default();
    let id = answer.pointer("/data/id").and_then(Value::as_str).unwrap_or_default();
    if !later.is_empty() {
        let path = format!("/v1/aws-accounts/{}", segment(id));
        let changed = remote.ask(Method::PATCH, &path, &[], Some(&later.into())).await;
        changed.map_err(|failure| failure.advise(&format!("the account is connected without it: {id}")))?;
    }
    told(remote, &made, "connected")?;
    note(&format!("note: ask whether it works: windlass account validate {id}"));
    Ok(())
}

fn told(remote: &Remote, document: &str, done: &str) -> Result<()> {
    remote.tell(document, |data| format!("{} {done}\n", Column::new("", "/id", Kind::Plain).of(data)))
}

impl About {
    fn into_body(self, label: Option<String>) -> Result<Map<String, Value>> {
        let mut body = Map::new();
        let texts = [
            ("label", label),
            ("endpoint", self.provider),
            ("region", self.region),
            ("roleArn", self.role),
            ("stackId", self.stack),
        ];
        for (name, value) in texts {
            body.extend(value.map(|value| (name.to_owned(), if value == NONE { Value::Null } else { value.into() })));
        }
        let paths = |place: String| if place == NONE { Value::Null } else { (place == PATHS).into() };
        body.extend(self.buckets_in.map(|place| ("forcePathStyle".to_owned(), paths(place))));
        if let Some((id, file)) = self.access_key.zip(self.secret_file) {
            body.insert("accessKeyId".to_owned(), id.into());
            body.insert("secretAccessKey".to_owned(), read_secret(&file)?.expose().into());
        }
        Ok(body)
    }
}

/// A secret from a file, without the end of its line.
fn read_secret(file: &Path) -> Result<Secret> {
    let failed = |error| Failure::local(format!("the secret cannot be read from {}", file.display()), &error);
    let mut text = String::new();
    match file == Path::new("-") {
        true => std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(failed)?,
        false => {
            let opened = std::fs::File::open(file).map_err(failed)?;
            opened.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(failed)?
        }
    };
    Ok(Secret::new(text.trim()))
}
