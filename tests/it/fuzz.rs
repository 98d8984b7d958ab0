//! The search for inputs that break a promise: what is planted is found.

use std::fs;
use std::path::Path;
use std::time::Duration;

use windlass_tests::fuzz::search;

fn folder(inputs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (at, input) in inputs.iter().enumerate() {
        fs::write(folder.path().join(format!("{at}")), input).unwrap();
    }
    folder
}

/// How far an input comes on the way to what must not be.
fn steps(input: &[u8]) -> usize {
    let all = b"fuzz:!";
    let steps = all.iter().zip(input).take_while(|(a, b)| a == b).count();
    assert!(steps < all.len(), "what must not be");
    steps
}

#[test]
fn what_breaks_a_promise_is_found_step_by_step_kept_and_tried_first() {
    let folder = folder(&["x"]);
    let long = Duration::from_secs(120);
    let broken = search(folder.path(), &["zz", ":"], 1, long, false, steps).unwrap_err();
    assert!(broken.input.starts_with(b"fuzz:!"), "{broken}");
    assert_eq!(fs::read(&broken.file).unwrap(), broken.input);
    let again = search(folder.path(), &[], 2, Duration::ZERO, false, steps).unwrap_err();
    assert_eq!(again, broken, "it is there without a search");
    let report = broken.to_string();
    assert!(report.contains("fuzz:!") && report.contains(broken.file.to_str().unwrap()), "{report}");
}

#[test]
fn a_seed_gives_the_same_inputs_again() {
    let first = |folder: &Path, seed| {
        let mut made = Vec::new();
        let stop = |input: &[u8]| {
            made.push(input.to_vec());
            assert!(made.len() < 300, "enough");
        };
        search(folder, &["word"], seed, Duration::from_secs(120), false, stop).unwrap_err();
        made
    };
    let known = ["<a>1</a>", "{}"];
    let inputs = |seed| first(folder(&known).path(), seed);
    let seven = inputs(7);
    assert!(seven.iter().take(2).eq(known.map(str::as_bytes).iter()), "the folder comes first");
    assert_eq!(seven, inputs(7));
    assert_ne!(seven, inputs(8));
    assert!(seven.iter().any(|input| input.windows(4).any(|window| window == b"word")));
}

#[test]
fn what_is_new_is_kept_when_it_is_asked_for() {
    let folder = folder(&["x"]);
    let found = search(folder.path(), &[], 3, Duration::from_millis(200), true, |input| input.len() % 2).unwrap();
    assert_eq!((found.replayed, found.outcomes), (1, 2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "an input of an even length is new");
}
