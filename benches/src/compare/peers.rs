//! The servers: how each is started, and what its settings say about durability.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::CompareArgs;
use crate::Failure;
use crate::running::{Running, free_port};

/// The access key of every server, in the form that Garage asks for.
pub(crate) const ACCESS: &str = "GK31c2f218a2e44f485b94239e";
/// Its secret.
pub(crate) const SECRET: &str = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835";
const REGION: &str = "us-east-1";

/// A server that is compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) version: String,
    /// What it does before it answers a write.
    pub(crate) durability: String,
    /// Differs from another server in durability alone.
    pub(crate) variant: bool,
    /// Whether it is somebody else's.
    pub(crate) peer: bool,
    /// Why it cannot be measured.
    pub(crate) problem: Option<String>,
}

/// All servers, the missing ones included.
pub(crate) fn servers(args: &CompareArgs) -> Vec<Server> {
    let server = |id: &str, title: &str, durability: &str, program: &Path, version: &[&str]| {
        let (version, problem) = match output(Command::new(program).args(version)) {
            Ok(text) => (text.lines().next().unwrap_or_default().to_owned(), None),
            Err(problem) => (String::new(), Some(format!("NOT INSTALLED: {}: {problem}", program.display()))),
        };
        let (id, title, durability) = (id.to_owned(), title.to_owned(), durability.to_owned());
        Server { id, title, version, durability, variant: false, peer: true, problem }
    };
    let (bin, windlass) = (|name| program(args, name), &args.windlass);
    let own = |server| Server { peer: false, ..server };
    let variant = |server| Server { variant: true, ..server };
    let full = "full: bytes and row are synced before the answer";
    let mut all = vec![own(server("windlass", "Windlass", full, windlass, &["version"]))];
    if durability_setting(windlass).is_some() {
        let relaxed = "relaxed: synced within a bounded time after the answer";
        all.push(variant(own(server("windlass-relaxed", "Windlass relaxed", relaxed, windlass, &["version"]))));
    }
    let nothing = "stores nothing";
    let ceiling = server("ceiling", "bare hyper", nothing, &own_program(args), &["--help"]);
    all.push(own(Server { version: "static bodies".to_owned(), ..ceiling }));
    let unsynced = "nothing is synced before the answer (default)";
    all.push(server("rclone", "rclone serve s3", unsynced, &bin("rclone"), &["version"]));
    all.push(server("seaweedfs", "SeaweedFS", unsynced, &bin("weed"), &["version"]));
    let garage = "metadata_fsync = false, data_fsync = false (default)";
    all.push(server("garage", "Garage", garage, &bin("garage"), &["--version"]));
    let synced = "metadata_fsync = true, data_fsync = true";
    all.push(variant(server("garage-synced", "Garage synced", synced, &bin("garage"), &["--version"])));
    all.push(server("s3s-fs", "s3s-fs", unsynced, &bin("s3s-fs"), &["--version"]));
    all.retain(|server| args.servers.is_empty() || args.servers.contains(&server.id));
    all
}

impl Server {
    /// Starts it on that folder.
    pub(crate) fn start(&self, args: &CompareArgs, folder: &Path, ceiling_bytes: usize) -> Result<Running, Failure> {
        fs::create_dir_all(folder)?;
        match self.id.as_str() {
            "windlass" | "windlass-relaxed" => self.start_windlass(args, folder),
            "ceiling" => {
                let mut command = Command::new(own_program(args));
                command.args(["ceiling", "--size", &ceiling_bytes.to_string()]);
                Running::start_and_read_address(command, folder, "ceiling: listening on ")
            }
            "rclone" => start_rclone(&program(args, "rclone"), folder),
            "seaweedfs" => start_seaweedfs(&program(args, "weed"), folder),
            "garage" => start_garage(&program(args, "garage"), folder, false),
            "garage-synced" => start_garage(&program(args, "garage"), folder, true),
            "s3s-fs" => start_s3s_fs(&program(args, "s3s-fs"), folder),
            other => Err(format!("there is no server {other}").into()),
        }
    }

    fn start_windlass(&self, args: &CompareArgs, folder: &Path) -> Result<Running, Failure> {
        let mut command = Command::new(&args.windlass);
        command.arg("serve").arg("--data").arg(folder.join("data")).args(["--listen", "127.0.0.1:0"]);
        command.env("WINDLASS_ROOT_ACCESS_KEY", ACCESS).env("WINDLASS_ROOT_SECRET_KEY", SECRET);
        if self.variant {
            let name = durability_setting(&args.windlass).ok_or("the gateway has no durability setting")?;
            command.env(name, "relaxed");
        }
        Running::start_and_read_address(command, folder, "windlass: listening on ")
    }
}

fn start_rclone(program: &Path, folder: &Path) -> Result<Running, Failure> {
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{port}")]);
    command.args(["--auth-key", &format!("{ACCESS},{SECRET}"), "--config"]).arg(folder.join("rclone.conf"));
    command.arg(made(folder, "data")?);
    Running::start(command, folder, port)
}

fn start_seaweedfs(program: &Path, folder: &Path) -> Result<Running, Failure> {
    let identities = folder.join("s3.json");
    let credentials = format!(r#"{{"accessKey":"{ACCESS}","secretKey":"{SECRET}"}}"#);
    let actions = r#"["Admin","Read","List","Tagging","Write"]"#;
    fs::write(
        &identities,
        format!(r#"{{"identities":[{{"name":"root","credentials":[{credentials}],"actions":{actions}}}]}}"#),
    )?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.current_dir(folder).arg("server").arg(format!("-dir={}", made(folder, "data")?.display()));
    command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3", "-volume.preStopSeconds=0"]);
    // Each bucket has volumes of its own, and the default allows eight in all.
    command.args(["-volume.max=2000", "-master.volumeSizeLimitMB=1024", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.arg(format!("-s3.config={}", identities.display())).arg(format!("-s3.port={port}"));
    for name in ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port"] {
        command.arg(format!("-{name}={}", free_port()?));
    }
    command.arg(format!("-filer.port.grpc={}", free_port()?));
    for name in ["s3", "filer"] {
        command.arg(format!("-{name}.localSocket={}", folder.join(format!("{name}.sock")).display()));
    }
    Running::start(command, folder, port)
}

fn start_garage(program: &Path, folder: &Path, synced: bool) -> Result<Running, Failure> {
    let (port, rpc) = (free_port()?, free_port()?);
    let (meta, data, file) = (made(folder, "meta")?, made(folder, "data")?, folder.join("garage.toml"));
    fs::write(
        &file,
        format!(
            "metadata_dir = {meta:?}\ndata_dir = {data:?}\nmetadata_fsync = {synced}\ndata_fsync = {synced}\n\
             replication_factor = 1\nrpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\n\
             rpc_secret = \"{SECRET}\"\n\n[s3_api]\ns3_region = \"{REGION}\"\napi_bind_addr = \"127.0.0.1:{port}\"\n"
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).args(["server", "--single-node", "--default-access-key"]);
    command.env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS).env("GARAGE_DEFAULT_SECRET_KEY", SECRET);
    command.env("RUST_LOG", "garage=warn");
    let running = Running::start(command, folder, port)?;
    // The key exists a moment after the server answers.
    let allow = || output(Command::new(program).arg("-c").arg(&file).args(["key", "allow", "--create-bucket", ACCESS]));
    running.until("garage key allow", || allow().map(|_| ()).map_err(Failure::from))?;
    Ok(running)
}

fn start_s3s_fs(program: &Path, folder: &Path) -> Result<Running, Failure> {
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--access-key", ACCESS, "--secret-key", SECRET, "--host", "127.0.0.1"]);
    command.args(["--port", &port.to_string()]).arg(made(folder, "data")?).env("RUST_LOG", "error");
    Running::start(command, folder, port)
}

/// A folder in that folder.
fn made(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Where a peer's program is.
fn program(args: &CompareArgs, name: &str) -> PathBuf {
    args.peers.join("bin").join(name)
}

/// The copy of this program.
pub(crate) fn own_program(args: &CompareArgs) -> PathBuf {
    args.work.join("bin/windlass-benches")
}

/// The variable that sets how durable the gateway's writes are, once it has one.
fn durability_setting(windlass: &Path) -> Option<String> {
    let settings = output(Command::new(windlass).arg("config")).ok()?;
    let mut names = settings.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    names.find(|name| name.starts_with("WINDLASS_") && name.ends_with("DURABILITY")).map(str::to_owned)
}

/// What a program prints.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}
