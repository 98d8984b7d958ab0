//! Key-values beside Redis, which syncs before every answer too, and their reads beside a bare server of the same HTTP library.
//!
//! All servers run from the beginning to the end. A round gives each load to each of them in turns, the next round the other
//! way round, and the ratios are those of one round. A connection has one request at a time, of Redis too, since HTTP has no
//! more.

mod http;
mod redis;
mod speaker;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use self::http::HttpSpeaker;
use self::redis::RedisSpeaker;
use self::speaker::{Kind, Work};
use self::table::{Round, Side, Table};
use crate::Failure;
use crate::gateway::{self, UNLIMITED};
use crate::load::{self, Drive, Driven, Endpoint, Fixed};
use crate::running::Running;

/// Bytes of a value.
const VALUE_BYTES: usize = 100;
/// What is there to be read.
const READABLE_KEYS: u64 = 10_000;

/// Measures key-values beside Redis.
#[derive(Debug, Clone, Args)]
pub(crate) struct KvArgs {
    /// Connections.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Seconds after which values end; with 0 they stay, as those that Redis is given do.
    #[arg(long, default_value_t = 0)]
    ttl: u64,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds that each is measured in a round.
    #[arg(long, default_value_t = 4.0)]
    duration: f64,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Redis.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// The servers that are compared.
struct Servers {
    redis: Running,
    windlass: Running,
    /// Path of the key-value bucket.
    bucket: String,
    bare: Running,
    _folder: tempfile::TempDir,
}

/// Measures and prints Markdown tables.
pub(crate) fn run(args: &KvArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let servers = Servers::start(args)?;
    servers.fill(args)?;
    let mut table = Table::default();
    table::print_head();
    for number in 0..args.rounds {
        for kind in Kind::ALL {
            let mut round = Round { kind, number, driven: Vec::new() };
            let mut sides: Vec<Side> = Side::ALL.into_iter().filter(|side| side.takes(kind)).collect();
            if number % 2 == 1 {
                sides.reverse();
            }
            for side in sides {
                round.driven.push((side, servers.measure(args, side, kind, number)?));
            }
            round.print();
            table.rounds.push(round);
        }
    }
    table.print_ratios();
    servers.stop()
}

impl Servers {
    fn start(args: &KvArgs) -> Result<Servers, Failure> {
        let folder = tempfile::tempdir_in(&args.work)?;
        let own = |name: &str| -> Result<PathBuf, Failure> {
            let own = folder.path().join(name);
            fs::create_dir(&own)?;
            Ok(own)
        };
        let redis = redis::start(&args.redis, &own("redis")?)?;
        let settings = [&UNLIMITED[..], &[("WINDLASS_KV_RATE_LIMIT", "unlimited")]].concat();
        let windlass = gateway::start(&args.windlass, &own("windlass")?, &settings)?;
        let bare = start_bare(&own("bare")?)?;
        let mut make = Fixed::of_root(::http::Method::POST, "/kv/");
        make.body = format!("default_ttl={}", args.ttl).into();
        let id = make.text(&Endpoint::parse(&windlass.endpoint)?)?;
        let bucket = format!("/kv/{}/", id.trim());
        Ok(Servers { redis, windlass, bucket, bare, _folder: folder })
    }

    /// Stores what is read later.
    fn fill(&self, args: &KvArgs) -> Result<(), Failure> {
        let step = args.concurrency.max(1);
        let redis = load::each(step, |first| speaker::fill(RedisSpeaker::new(&self.redis), first, step));
        redis.map_err(|e| format!("redis: {e}"))?;
        let endpoint = Endpoint::parse(&self.windlass.endpoint)?;
        load::each(step, |first| speaker::fill(HttpSpeaker::new(&endpoint, &self.bucket), first, step))
    }

    fn measure(&self, args: &KvArgs, side: Side, kind: Kind, round: u32) -> Result<Driven, Failure> {
        let server = match side {
            Side::Redis => &self.redis,
            Side::Windlass => &self.windlass,
            Side::Bare => &self.bare,
        };
        let drive = Drive { connections: args.concurrency, seconds: args.duration, pid: server.pid() };
        let endpoint = Endpoint::parse(&server.endpoint)?;
        let measured = match side {
            Side::Redis => load::drive(drive, |number| Work::new(RedisSpeaker::new(server), kind, round, number)),
            Side::Windlass | Side::Bare => {
                load::drive(drive, |number| Work::new(HttpSpeaker::new(&endpoint, &self.bucket), kind, round, number))
            }
        };
        measured.map_err(|e| format!("{side:?}, {kind:?}: {e}").into())
    }

    fn stop(self) -> Result<(), Failure> {
        self.bare.stop()?;
        self.windlass.stop()?;
        self.redis.stop()
    }
}

/// The ceiling, with bodies as long as the values.
fn start_bare(folder: &Path) -> Result<Running, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["ceiling", "--size", &VALUE_BYTES.to_string()]);
    Running::start_and_read_address(command, folder, "ceiling: listening on ")
}
