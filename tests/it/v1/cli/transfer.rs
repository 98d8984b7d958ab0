//! `windlass file put` and `get`: bytes that are the same at both ends, wherever they come from and go.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;
use windlass_tests::noise::noise;

use super::ran::Cli;
use crate::v1::house::Org;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn five_mebibytes_go_up_and_down_through_files() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    let bytes = noise(1, 5 * MIB);
    cli.write("photo.png", &bytes);
    let put = cli.done(&["file", "put", &bucket.name, "photo.png", "pictures/"]);
    assert_eq!(put, "pictures/photo.png uploaded, 5.0 MiB\n");
    let shown = org.json.get(&bucket.file("pictures/photo.png")).await.json();
    assert_eq!((&shown["data"]["size"], &shown["data"]["contentType"]), (&json!(5 * MIB), &json!("image/png")));
    org.s3.request("GET", &bucket.name, "pictures/photo.png").await.is(200).has_body(bytes.clone());
    let get = ["file", "get", &bucket.name, "pictures/photo.png"];
    // There is one of that name already.
    cli.fails(&get, 9, "photo.png cannot be written: entity already exists; --force replaces it");
    cli.write("photo.png", "another");
    assert_eq!(cli.done(&[&get[..], &["--force"]].concat()), "photo.png downloaded, 5.0 MiB\n");
    assert!(cli.read("photo.png") == bytes);
    assert_eq!(cli.done(&[&get[..], &["copy"]].concat()), "copy downloaded, 5.0 MiB\n");
    assert!(cli.read("copy") == bytes);
    std::fs::create_dir(cli.folder().join("folder")).unwrap();
    cli.done(&[&get[..], &["folder"]].concat());
    assert!(cli.read("folder/photo.png") == bytes);
    assert_eq!(cli.names(), ["copy", "folder", "photo.png"]);
    let mode = std::fs::metadata(cli.folder().join("copy")).unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600);
    assert_eq!(cli.json(&[&get[..], &["other"]].concat())["key"], "pictures/photo.png");
    assert_eq!(
        cli.json(&["file", "put", &bucket.name, "photo.png", "pictures/"]).pointer("/data/size"),
        Some(&json!(5 * MIB))
    );
}

#[tokio::test]
async fn five_mebibytes_go_up_and_down_through_standard_streams() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    let bytes = noise(2, 5 * MIB);
    let put = ["file", "put", &bucket.name, "-", "k", "--type", "text/plain"];
    assert_eq!(cli.feed(&put, &bytes).done(), "k uploaded, 5.0 MiB\n");
    assert_eq!(org.json.get(&bucket.file("k")).await.data(200)["contentType"], "text/plain");
    let got = cli.run(&["file", "get", &bucket.name, "k", "-"]);
    assert!(got.stdout == bytes && got.code == Some(0) && got.stderr.is_empty(), "{} bytes", got.stdout.len());
    // A stream that is a file begins where it stands.
    cli.write("numbers", "0123456789");
    let mut numbers = File::open(cli.folder().join("numbers")).unwrap();
    numbers.read_exact(&mut [0; 4]).unwrap();
    cli.ran(cli.command(&put).stdin(numbers).output().unwrap()).done();
    assert_eq!(cli.run(&["file", "get", &bucket.name, "k", "-"]).stdout, b"456789");
    cli.feed(&put, b"").done();
    assert_eq!(cli.run(&["file", "get", &bucket.name, "k", "-"]).done(), "");
}

#[tokio::test]
async fn what_cannot_be_read_or_written_here_is_told() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    let missing = "missing cannot be read: No such file or directory (os error 2)";
    cli.fails(&["file", "put", &bucket.id, "missing"], 9, missing);
    cli.fails(&["file", "put", &bucket.id, "/", "k"], 9, "/: is a directory");
    let said = cli.run(&["file", "get", &bucket.id, "k", "no/such/folder"]).said(9);
    assert!(said.starts_with("windlass: no/such/folder cannot be written: "), "{said}");
    cli.done(&["file", "get", &bucket.id, "k", "/dev/null"]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for args in [&["file", "get", &bucket.id, "k", "-"][..], &["bucket", "list"]] {
        let ran = cli.ran(cli.command(args).stdout(full()).output().unwrap());
        assert_eq!(ran.said(9), "windlass: standard output cannot be written: No space left on device (os error 28)\n");
    }
    cli.fails(
        &["file", "get", &bucket.id, "k", "/dev/full"],
        9,
        "standard output cannot be written: No space left on device (os error 28)",
    );
    assert!(cli.names().is_empty());
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_failure() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    bucket.upload("k", &noise(3, 4 * MIB)).await;
    for args in [&["file", "get", &bucket.id, "k", "-"][..], &["bucket", "list"]] {
        let mut child = cli.command(args).spawn().unwrap();
        drop(child.stdout.take());
        cli.ran(child.wait_with_output().unwrap()).done();
    }
}

#[tokio::test]
async fn limits_on_files_are_told_and_nothing_is_stored() {
    let org = Org::on("tight");
    let cli = Cli::of(&org);
    let bucket = org.bucket_with(json!({ "allowedMimeTypes": ["image/*"] })).await;
    cli.write("large.png", [0; 8001]);
    let large = cli.run(&["file", "put", &bucket.id, "large.png"]).said(6);
    assert!(large.starts_with("windlass: File exceeds "), "{large}");
    let streamed = cli.feed(&["file", "put", &bucket.id, "-", "large.png"], &noise(4, 2 * MIB)).said(6);
    assert!(streamed.starts_with("windlass: File exceeds "), "{streamed}");
    cli.write("text.txt", "x");
    cli.fails(&["file", "put", &bucket.id, "text.txt"], 1, "File type not allowed");
    cli.write("1.png", [0; 6000]);
    cli.done(&["file", "put", &bucket.id, "1.png"]);
    cli.fails(&["file", "put", &bucket.id, "1.png", "2.png"], 6, "Storage limit exceeded. Upgrade your plan.");
    assert_eq!(bucket.shown().await["objectCount"], 1);
}

/// The most memory that a running process has had, in KiB.
fn peak(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn memory_does_not_grow_with_a_file() {
    const SIZE: usize = 128 * MIB;
    const MOST_KIB: usize = 64 << 10;
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    let piece = noise(5, MIB);
    let mut put = cli.command(&["file", "put", &bucket.id, "-", "k"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = put.stdin.take().unwrap();
    for _ in 0..SIZE / MIB {
        stdin.write_all(&piece).unwrap();
    }
    let sending = peak(put.id());
    drop(stdin);
    cli.ran(put.wait_with_output().unwrap()).done();
    let mut get = cli.command(&["file", "get", &bucket.id, "k", "-"]).spawn().unwrap();
    let mut stdout = get.stdout.take().unwrap();
    let mut got = vec![0; MIB];
    for at in 0..SIZE / MIB {
        if at == SIZE / MIB - 1 {
            // It cannot have ended: the pipe does not take that much.
            let receiving = peak(get.id());
            assert!(sending < MOST_KIB && receiving < MOST_KIB, "{sending} KiB up, {receiving} KiB down");
        }
        stdout.read_exact(&mut got).unwrap();
        assert!(got == piece, "MiB {at}");
    }
    assert_eq!(stdout.read(&mut got).unwrap(), 0);
    cli.ran(get.wait_with_output().unwrap()).done();
}
