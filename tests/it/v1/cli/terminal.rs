//! Progress bars: on a terminal, and nowhere else.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use windlass_tests::noise::noise;

use super::ran::Cli;
use crate::v1::house::Org;

/// Runs a command whose standard error is a terminal; returns its code, its standard output, and what the terminal got.
fn watched(mut command: Command, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut child = command.stdin(Stdio::piped()).stderr(end).spawn().unwrap();
    // It holds the other end of the terminal.
    drop(command);
    child.stdin.take().unwrap().write_all(input).unwrap();
    let mut shown = Vec::new();
    let reader = std::thread::spawn(move || {
        // A terminal that nobody writes to any more ends with an error.
        let _ = File::from(terminal).read_to_end(&mut shown);
        shown
    });
    let output = child.wait_with_output().unwrap();
    (output.status.code(), output.stdout, String::from_utf8(reader.join().unwrap()).unwrap())
}

#[tokio::test]
async fn transfers_show_a_bar_on_a_terminal_only() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    let bytes = noise(6, 5 << 20);
    let put = ["file", "put", &bucket.id, "-", "folder/photo.png"];
    let (code, stdout, shown) = watched(cli.command(&put), &bytes);
    assert_eq!((code, stdout.as_slice()), (Some(0), &b"folder/photo.png uploaded, 5.0 MiB\n"[..]), "{shown}");
    // How much is to come is not known of a pipe.
    assert!(shown.contains("folder/photo.png  ") && shown.contains("/s") && !shown.contains('%'), "{shown:?}");
    let get = ["file", "get", &bucket.id, "folder/photo.png", "-"];
    let (code, stdout, shown) = watched(cli.command(&get), b"");
    assert!(code == Some(0) && stdout == bytes, "{shown}");
    assert!(shown.contains("folder/photo.png [") && shown.contains("% "), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[K"), "the bar stays: {shown:?}");
    assert!(!shown.contains(&org.token));
    // What is no terminal gets none, as the other tests see too.
    assert!(cli.feed(&put, &bytes).stderr.is_empty());
    assert!(cli.run(&get).stderr.is_empty());
}
