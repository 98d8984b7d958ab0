//! A disk of one's own: ext4 in a file, mounted through a loop device. Needs root.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often unmounting is tried while something still lets go of the disk.
const UNMOUNT_TRIES: u32 = 100;

/// A mounted disk. Dropping it unmounts it and removes its image.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes a disk of so many MiB in the folder `work`.
    pub fn new(work: &Path, name: &str, mib: u64) -> Disk {
        let (image, mount) = (work.join(format!("{name}.img")), work.join(format!("{name}.mnt")));
        std::fs::create_dir_all(&mount).expect("a mount point can be made");
        let file = std::fs::File::create(&image).expect("an image can be made");
        file.set_len(mib << 20).expect("an image can be sized");
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image));
        let disk = Disk { image, mount };
        disk.mount();
        disk
    }

    /// Where the file system is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    /// Where a gateway's data goes: the root of the file system has a folder of its own in it.
    pub fn data(&self) -> PathBuf {
        self.mount.join("data")
    }

    /// Cuts the power: nothing that is written from now on, and nothing that was not durable yet, will be there.
    pub async fn cut(&self) {
        self.switch().cut().await;
    }

    /// Makes ready to cut the power, so that it takes no time when it is done. The disk is in use until then.
    pub fn switch(&self) -> Switch {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/cut_power.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(&self.mount).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 can be run");
        let mut said = String::new();
        let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut said));
        assert!(matches!(read, Some(Ok(1..))), "the power cannot be cut");
        Switch(child)
    }

    /// Copies the data to where it stays when the disk goes, for a look at what went wrong.
    pub fn keep(&self) -> PathBuf {
        let kept = self.image.with_extension("kept");
        let copied = Command::new("cp").arg("-a").arg(self.data()).arg(&kept).status();
        assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", self.data().display());
        kept
    }

    /// Unmounts and mounts again, which replays the journal. Nothing may have a file open.
    pub fn remount(&self) {
        assert!(self.unmount(), "{} cannot be unmounted", self.mount.display());
        self.mount();
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.mount).expect("the disk can be asked");
        stat.f_bavail * stat.f_frsize
    }

    fn mount(&self) {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount));
    }

    fn unmount(&self) -> bool {
        (0..UNMOUNT_TRIES).any(|_| {
            let done = Command::new("umount").arg(&self.mount).output().is_ok_and(|o| o.status.success());
            if !done {
                std::thread::sleep(Duration::from_millis(50));
            }
            done
        })
    }
}

/// Cuts the power of a disk.
#[derive(Debug)]
pub struct Switch(Child);

impl Switch {
    /// Does it. Work goes on meanwhile.
    pub async fn cut(mut self) {
        let done = move || {
            // The end of its input is the sign.
            drop(self.0.stdin.take());
            self.0.wait()
        };
        let status = tokio::task::spawn_blocking(done).await.expect("the power can be cut");
        assert!(status.is_ok_and(|status| status.success()), "the power is not cut");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.unmount() {
            let _ = std::fs::remove_dir(&self.mount);
            let _ = std::fs::remove_file(&self.image);
        }
    }
}

/// Runs a command that must succeed.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
