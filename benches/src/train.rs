//! All that a gateway is asked often, for a while each: what a build for release is made fast for. See `release.sh`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use http::Method;

use crate::Failure;
use crate::gateway::{self, KEY, UNLIMITED};
use crate::load::{self, Drive, Endpoint, Fixed, LoadArgs, Operation};
use crate::management::file_path;
use crate::running::Running;
use crate::uploads::upload_request;

const CONNECTIONS: usize = 16;
/// Bytes of an object, and how many there are.
const OBJECTS: [(usize, u64); 2] = [(4 << 10, 2_000), (1 << 20, 100)];

/// Puts every kind of load on a gateway.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArgs {
    /// Seconds of each load.
    #[arg(long, default_value_t = 2.0)]
    duration: f64,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Does it all, and ends the gateway in good order: that is when a build for it writes down what was done.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let folder = tempfile::tempdir_in(&args.work)?;
    let settings = [&UNLIMITED[..], &[("WINDLASS_KV_RATE_LIMIT", "unlimited")]].concat();
    let server = gateway::start(&args.windlass, folder.path(), &settings)?;
    s3(args, &server)?;
    json(args, &server)?;
    server.stop()
}

fn s3(args: &TrainArgs, server: &Running) -> Result<(), Failure> {
    use Operation::{Get, Head, List, Mixed, Multipart, Put};
    for (size, objects) in OBJECTS {
        for operation in [Put, Get, Head, List, Mixed, Multipart] {
            let bucket = format!("train-{size}-{operation:?}").to_lowercase();
            let told = LoadArgs::new(operation, &server.endpoint, KEY, &bucket);
            let report = load::run(LoadArgs { duration: args.duration, warmup: 0.0, size, objects, ..told })?;
            if report.errors > 0 {
                return Err(format!("{operation:?} of {size} bytes: {:?}", report.error_samples).into());
            }
            println!("{operation:?} of {size} bytes: {:.0}/s", report.per_second);
        }
    }
    Ok(())
}

fn json(args: &TrainArgs, server: &Running) -> Result<(), Failure> {
    let endpoint = Endpoint::parse(&server.endpoint)?;
    let file = file_path(&endpoint)?;
    let bucket = file.split("/files/").next().unwrap_or_default().to_owned();
    let values = format!("/kv/{}/key", Fixed::of_root(Method::POST, "/kv/").text(&endpoint)?.trim());
    let set = Fixed { body: "value".into(), ..Fixed::of_root(Method::PUT, &values) };
    let reads = ["/v1/buckets", &bucket, &file, &format!("{bucket}/files"), "/v1/logs"];
    let mut requests = vec![set];
    requests.extend(reads.iter().copied().chain([&*values]).map(|path| Fixed::of_root(Method::GET, path)));
    requests.push(upload_request(&endpoint)?);
    for request in requests {
        let drive = Drive { connections: CONNECTIONS, seconds: args.duration, pid: server.pid() };
        let driven = load::drive(drive, |_| request.connection(&endpoint))?;
        println!("{} {}: {:.0}/s", request.method, request.path, driven.per_second);
    }
    Ok(())
}
