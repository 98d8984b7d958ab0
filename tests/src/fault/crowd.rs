//! Too many clients for what the process is given: file descriptors, or memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::ledger::{Ledger, Went};
use super::recover::{check, recover};
use super::workload::furnish;
use crate::client::{Bucket, Client};
use crate::digest::etag;
use crate::noise::noise;
use crate::request::Payload;
use crate::server::{DataDir, Options, Server};
use crate::wire::Wire;

const CLIENTS: usize = 200;
/// Each slow upload, and how it trickles in.
const UPLOAD_BYTES: usize = 16 << 20;
const TRICKLE_BYTES: usize = 64 << 10;

/// 200 clients of a gateway that may have 64 files open, its connections included.
pub async fn descriptors(work: &Path, binary: &Path) -> Result<String, String> {
    let data = DataDir::at(&work.join("descriptors"));
    let options = Options::of(binary.to_owned()).through(&["prlimit", "--nofile=64", "--"]);
    let mut server = Server::start_with(options, data.clone());
    let mut ledger = Ledger::new(server.client(), "bucket");
    furnish(&mut ledger).await?;
    let tasks: Vec<_> =
        (0..CLIENTS).map(|n| tokio::spawn(one_client(Ledger::new(server.client(), "bucket"), n))).collect();
    let (mut done, mut refused, mut cut) = (0, 0, 0);
    for task in tasks {
        for went in task.await.map_err(|e| e.to_string())?? {
            match went {
                (Went::Done, Some((key, body))) => {
                    done += 1;
                    ledger.assume(&key, body);
                }
                (Went::Done, None) => done += 1,
                (Went::Refused(_), key) => {
                    refused += 1;
                    key.into_iter().for_each(|(key, body)| ledger.doubt(&key, body));
                }
                (Went::Cut, key) => {
                    cut += 1;
                    key.into_iter().for_each(|(key, body)| ledger.doubt(&key, body));
                }
            }
        }
    }
    if !server.is_alive() {
        return Err(format!("the process ended:\n{}", server.log_tail()));
    }
    // The crowd has gone: everything must go again, without a restart.
    ledger.reconnect(server.client());
    let after = ledger.put("after", noise(1, 100_000)).await?;
    let sure = ledger.settle().await?;
    server.kill();
    recover(binary, &data, &mut ledger).await?;
    let seen =
        format!("{done} done, {refused} refused, {cut} cut, process alive, then a write {after:?}, {sure} keys right");
    if after == Went::Done { Ok(seen) } else { Err(seen) }
}

type Written = Option<(String, Bytes)>;

/// A few writes and reads on a connection of its own.
async fn one_client(mut ledger: Ledger, n: usize) -> Result<Vec<(Went, Written)>, String> {
    let mut all = Vec::new();
    for round in 0..3 {
        let (key, body) = (format!("crowd {n:03} {round}"), noise((n * 10 + round) as u64, 100_000));
        ledger.assume("old blob", noise(2, 200_000));
        all.push((ledger.put(&key, body.clone()).await?, Some((key, body))));
        all.push((ledger.read("old blob").await?, None));
    }
    Ok(all)
}

/// 200 slow uploads into a gateway in a memory cgroup of `mib` MiB.
pub async fn memory(work: &Path, binary: &Path, mib: u64) -> Result<String, String> {
    let group = Group::new(mib)?;
    let data = DataDir::at(&work.join("memory"));
    let enter = format!("echo $$ > {} && exec \"$0\" \"$@\"", group.procs().display());
    let options = Options::of(binary.to_owned()).through(&["sh", "-c", &enter]);
    let mut server = Server::start_with(options, data.clone());
    let bucket = server.client().make("bucket").await;
    let bodies: Vec<Bytes> = (0..4).map(|seed| noise(seed, UPLOAD_BYTES)).collect();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|n| tokio::spawn(slow_upload(server.client(), bucket.clone(), n, bodies[n % bodies.len()].clone())))
        .collect();
    let mut peak = 0;
    let mut acknowledged = 0;
    for task in tasks {
        acknowledged += usize::from(task.await.map_err(|e| e.to_string())?);
        peak = peak.max(resident_kib(server.id()));
    }
    let seen = format!(
        "{acknowledged} of {CLIENTS} uploads of {} MiB acknowledged, resident at most {} MiB, {}",
        UPLOAD_BYTES >> 20,
        peak >> 10,
        group.told()
    );
    if !server.is_alive() {
        let checked = check(binary, &data).map_or_else(|what| what, |()| "its data is sound".to_owned());
        return Err(format!("the process ended: {seen}; {checked}"));
    }
    for n in (0..CLIENTS).step_by(7) {
        let answer = bucket.get(&format!("slow {n:03}")).attempt().await?;
        if answer.status == 200 && answer.etag() != etag(&bodies[n % bodies.len()]) {
            return Err(format!("slow {n:03} is not what was sent; {seen}"));
        }
    }
    server.stop();
    check(binary, &data)?;
    if acknowledged == CLIENTS { Ok(seen) } else { Err(seen) }
}

/// Sends a body 64 KiB at a time with pauses, so that all uploads are under way at once.
async fn slow_upload(client: Client, bucket: Bucket, n: usize, body: Bytes) -> bool {
    let put = bucket.put(&format!("slow {n:03}"), body).payload(Payload::unsigned()).prepare();
    let mut wire = Wire::connect(client.address()).await;
    wire.send(put.head()).await;
    for piece in put.body.chunks(TRICKLE_BYTES) {
        wire.send(piece).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wire.answer().await.is_some_and(|answer| answer.status == 200)
}

/// The most that the process ever had in memory.
fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

/// A memory cgroup, of version 1 or 2.
struct Group {
    dir: PathBuf,
    v2: bool,
}

impl Group {
    fn new(mib: u64) -> Result<Group, String> {
        let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let root = if v2 { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" };
        let dir = Path::new(root).join(format!("windlass-faults-{}", std::process::id()));
        std::fs::create_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let group = Group { dir, v2 };
        let limit = group.dir.join(if v2 { "memory.max" } else { "memory.limit_in_bytes" });
        std::fs::write(&limit, (mib << 20).to_string()).map_err(|e| format!("{}: {e}", limit.display()))?;
        Ok(group)
    }

    fn procs(&self) -> PathBuf {
        self.dir.join("cgroup.procs")
    }

    /// What the kernel counted.
    fn told(&self) -> String {
        let read =
            |name: &str| std::fs::read_to_string(self.dir.join(name)).unwrap_or_default().trim().replace('\n', ", ");
        if self.v2 {
            format!("group peak {} bytes, events {}", read("memory.peak"), read("memory.events"))
        } else {
            format!("group peak {} bytes, {}", read("memory.max_usage_in_bytes"), read("memory.oom_control"))
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.dir);
    }
}
