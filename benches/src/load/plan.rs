//! What a load is to do: the command line, and what all its workers share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::body::Bodies;
use super::client::Endpoint;
use super::sign::Keys;
use crate::Failure;

/// What is done over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Operation {
    /// Upload new objects.
    Put,
    /// Read objects whole, at random.
    Get,
    /// HeadObject, at random.
    Head,
    /// Delete objects that were uploaded before; ends when none is left.
    Delete,
    /// Page after page through all objects.
    List,
    /// 45 % get, 30 % head, 15 % put, 10 % delete.
    Mixed,
    /// Create an upload, send its parts, complete it.
    Multipart,
}

/// What signatures say of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// Its SHA-256.
    Signed,
    /// Nothing.
    Unsigned,
}

/// Puts load on an S3 endpoint and measures it.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// What to do.
    #[arg(value_enum)]
    pub(crate) operation: Operation,
    /// http://HOST:PORT
    #[arg(long)]
    pub(crate) endpoint: String,
    /// Access key id; else AWS_ACCESS_KEY_ID.
    #[arg(long)]
    pub(crate) access_key: Option<String>,
    /// Secret access key; else AWS_SECRET_ACCESS_KEY.
    #[arg(long)]
    pub(crate) secret_key: Option<String>,
    /// Region that signatures name.
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// Made if it does not exist.
    #[arg(long, default_value = "windlass-load")]
    pub(crate) bucket: String,
    /// Connections, each with one operation at a time.
    #[arg(long, default_value_t = 16)]
    pub(crate) concurrency: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) duration: f64,
    /// Seconds of the same before that.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warmup: f64,
    /// Bytes of an object: a number, with KiB or MiB if wanted.
    #[arg(long, default_value = "4KiB", value_parser = parse_size)]
    pub(crate) size: usize,
    /// Objects that are uploaded before get, head, delete, list and mixed.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) objects: u64,
    /// Take those objects as uploaded: an earlier load with the same --seed and --size did it.
    #[arg(long)]
    pub(crate) prefilled: bool,
    /// List one page after this key over and over, instead of all pages.
    #[arg(long)]
    pub(crate) start_after: Option<String>,
    /// Parts of an upload.
    #[arg(long, default_value_t = 3)]
    pub(crate) parts: u64,
    /// Bytes of a part.
    #[arg(long, default_value = "5MiB", value_parser = parse_size)]
    pub(crate) part_size: usize,
    /// What signatures say of a body.
    #[arg(long, value_enum, default_value = "signed")]
    pub(crate) payload: Payload,
    /// Compare every byte that comes with what was sent, and every listing with what is there.
    #[arg(long)]
    pub(crate) verify: bool,
    /// The server's process, to measure its CPU time and memory.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Threads of this client; 0: one a core.
    #[arg(long, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Seconds after which an operation has failed.
    #[arg(long, default_value_t = 60)]
    pub(crate) timeout: u64,
    /// Makes bodies and new keys differ from those of other loads; 0: from the clock.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl LoadArgs {
    /// What the command line has if it says no more than this.
    pub(crate) fn new(operation: Operation, endpoint: &str, key: (&str, &str), bucket: &str) -> LoadArgs {
        LoadArgs {
            operation,
            endpoint: endpoint.to_owned(),
            access_key: Some(key.0.to_owned()),
            secret_key: Some(key.1.to_owned()),
            region: "us-east-1".to_owned(),
            bucket: bucket.to_owned(),
            concurrency: 16,
            duration: 10.0,
            warmup: 1.0,
            size: 4096,
            objects: 2_000,
            prefilled: false,
            start_after: None,
            parts: 3,
            part_size: 5 << 20,
            payload: Payload::Signed,
            verify: false,
            pid: None,
            threads: 0,
            timeout: 60,
            seed: 0,
            json: false,
        }
    }
}

/// The key of an object that was there before a load.
pub(crate) fn prefilled_key(number: u64) -> String {
    format!("objects/{:06}/{:03}", number / 1000, number % 1000)
}

/// A number of bytes, such as `4096`, `4KiB` or `16MiB`.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let (number, unit) = match text {
        text if text.ends_with("KiB") => (text.trim_end_matches("KiB"), 1 << 10),
        text if text.ends_with("MiB") => (text.trim_end_matches("MiB"), 1 << 20),
        text => (text, 1),
    };
    let number: usize =
        number.trim().parse().map_err(|_| format!("{text} is not a size such as 4096, 4KiB or 16MiB"))?;
    number.checked_mul(unit).ok_or_else(|| format!("{text} is too large"))
}

/// When a load warms up, is measured and ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// What all workers of a load share.
pub(crate) struct Plan {
    pub(crate) args: LoadArgs,
    pub(crate) endpoint: Endpoint,
    pub(crate) keys: Keys,
    pub(crate) bodies: Bodies,
    pub(crate) parts: Bodies,
    pub(crate) seed: u64,
    /// The number of the next new body, or of the next object to delete.
    pub(crate) next: AtomicU64,
    /// Workers that are not done.
    pub(crate) running: AtomicUsize,
}

impl Plan {
    /// Takes the command line apart.
    pub(crate) fn new(args: LoadArgs) -> Result<Plan, Failure> {
        let key = |given: &Option<String>, name: &str| {
            given.clone().or_else(|| std::env::var(name).ok()).ok_or_else(|| format!("no key: set {name}"))
        };
        let keys = Keys {
            access: key(&args.access_key, "AWS_ACCESS_KEY_ID")?,
            secret: key(&args.secret_key, "AWS_SECRET_ACCESS_KEY")?,
            region: args.region.clone(),
        };
        if args.concurrency == 0 || !(args.duration > 0.0 && args.duration < 1e6 && args.warmup < 1e6) {
            return Err("--concurrency and --duration must be more than nothing".into());
        }
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_micros() as u64);
        let seed = if args.seed == 0 { clock() } else { args.seed };
        Ok(Plan {
            endpoint: Endpoint::parse(&args.endpoint)?,
            keys,
            bodies: Bodies::new(args.size, seed),
            parts: Bodies::new(if args.operation == Operation::Multipart { args.part_size } else { 0 }, seed),
            seed,
            next: AtomicU64::new(0),
            running: AtomicUsize::new(args.concurrency),
            args,
        })
    }

    /// A number that nobody else has.
    pub(crate) fn take_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The path of an object that was there before the load, by its number.
    pub(crate) fn prefilled_path(&self, number: u64) -> String {
        format!("/{}/{}", self.args.bucket, prefilled_key(number))
    }

    /// The path of an object that the load makes, by its number: no more than a thousand lie under one prefix.
    pub(crate) fn new_path(&self, number: u64) -> String {
        format!("/{}/new-{:x}/{:06}/{:03}", self.args.bucket, self.seed, number / 1000, number % 1000)
    }

    /// Threads of the client.
    pub(crate) fn threads(&self) -> usize {
        let threads = match self.args.threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            threads => threads,
        };
        threads.clamp(1, self.args.concurrency)
    }

    /// How long to wait for an operation.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.args.timeout.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("4KiB"), Ok(4096));
        assert_eq!(parse_size("16MiB"), Ok(16 << 20));
        assert!(parse_size("4kb").is_err() && parse_size("").is_err());
    }
}
