//! Looks for inputs that break a promise, by changing inputs that are known. The crates of the gateway take this file in as
//! a module of their tests, since what is fuzzed is inside them.
//!
//! A target is a folder of inputs, a list of words, and a function that panics when a promise is broken and otherwise
//! says what became of the input. Every input of the folder is tried first. Then, for as long as there is time, inputs are
//! changed and tried; one of which something new became is changed further. What breaks a promise is written into the
//! folder, where the next run finds it.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::fs;
use std::hash::{Hash, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Inputs that are made are at most this long; those of the folder may be longer.
const BYTES_MAX: usize = 8 << 10;
/// Inputs that are changed further, at most.
const POOL_MAX: usize = 4096;
/// How long one input may take before it counts as never ending.
const INPUT_SECONDS_MAX: u64 = 60;
/// Between which bytes the elements of most languages lie.
const MARKS: &[u8] = b"<>{}[]()\"',:;&=/?%.\r\n \0";
/// Numbers at which something often changes.
const NUMBERS: [&str; 13] = [
    "0",
    "-1",
    "1",
    "00",
    "127",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
];

/// What is fuzzed.
pub struct Target<'a> {
    /// The folder of the package.
    pub package: &'a str,
    /// The name of the target: that of its folder under `fuzz` in the package.
    pub name: &'a str,
    /// Words of the language of its inputs.
    pub words: &'a [&'a str],
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Inputs of the folder.
    pub replayed: usize,
    /// Inputs that were made.
    pub made: u64,
    /// Different things that became of inputs.
    pub outcomes: usize,
}

/// An input that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// It.
    pub input: Vec<u8>,
    /// Where it is kept.
    pub file: PathBuf,
}

/// Fuzzes a target for `WINDLASS_FUZZ_SECONDS`, one by default, with `WINDLASS_SEED` or a new seed. Panics at the first input
/// for which `run` does. With `WINDLASS_FUZZ_KEEP` set, inputs of which something new became are added to the folder.
pub fn fuzz<O: Hash>(target: &Target<'_>, run: impl FnMut(&[u8]) -> O) {
    let variable = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seconds = variable("WINDLASS_FUZZ_SECONDS").unwrap_or(1);
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let seed = variable("WINDLASS_SEED").unwrap_or_else(|| clock() as u64);
    let folder = Path::new(target.package).join("fuzz").join(target.name);
    let keep = std::env::var_os("WINDLASS_FUZZ_KEEP").is_some();
    println!("fuzz {}: seed {seed}, {seconds} s", target.name);
    match search(&folder, target.words, seed, Duration::from_secs(seconds), keep, run) {
        Ok(found) => println!(
            "fuzz {}: {} inputs replayed, {} made, {} outcomes, no promise broken",
            target.name, found.replayed, found.made, found.outcomes
        ),
        Err(broken) => panic!("fuzz {}, seed {seed}: {broken}", target.name),
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a promise is broken by the input\n{}\nwhich is kept as {}. Every run tries it first; with \
             WINDLASS_FUZZ_SECONDS=0 nothing is tried but what is kept:\n    WINDLASS_FUZZ_SECONDS=0 cargo test fuzz",
            self.input.escape_ascii(),
            self.file.display()
        )
    }
}

/// Tries the inputs of a folder, and then others for as long as `time`.
pub fn search<O: Hash>(
    folder: &Path,
    words: &[&str],
    seed: u64,
    time: Duration,
    keep: bool,
    mut run: impl FnMut(&[u8]) -> O,
) -> Result<Found, Broken> {
    let mut pool = read(folder);
    assert!(!pool.is_empty(), "{} holds no input", folder.display());
    let watch = Watch::begin(folder);
    let mut seen = HashSet::new();
    let mut attempt = |input: &[u8]| {
        watch.see(input);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(input)));
        watch.see(&[]);
        let outcome = outcome.map_err(|_| Broken { input: input.to_vec(), file: store(folder, "broken", input) })?;
        let mut hasher = DefaultHasher::new();
        outcome.hash(&mut hasher);
        Ok(seen.insert(hasher.finish()))
    };
    for input in &pool {
        attempt(input)?;
    }
    let (replayed, begun) = (pool.len(), Instant::now());
    let (mut random, mut made) = (Random(seed), 0);
    while begun.elapsed() < time {
        let input = random.change(&pool, replayed, words);
        made += 1;
        if attempt(&input)? {
            if keep {
                store(folder, "kept", &input);
            }
            if pool.len() < POOL_MAX {
                pool.push(input);
            } else {
                // The inputs of the folder stay.
                let at = replayed + random.below(POOL_MAX.saturating_sub(replayed).max(1));
                pool.splice(at..(at + 1).min(pool.len()), [input]);
            }
        }
    }
    Ok(Found { replayed, made, outcomes: seen.len() })
}

/// The inputs of a folder, in the order of their names.
fn read(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("an input can be read")).collect()
}

/// Keeps an input under a name made of its bytes.
fn store(folder: &Path, kind: &str, input: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder.join(format!("{kind}-{:016x}", hasher.finish()));
    fs::write(&file, input).expect("an input can be kept");
    file
}

/// Ends the process when an input takes for ever: nothing else could stop it.
struct Watch(Arc<Mutex<(Vec<u8>, Instant)>>, Option<mpsc::Sender<()>>);

impl Watch {
    fn begin(folder: &Path) -> Self {
        let current = Arc::new(Mutex::new((Vec::new(), Instant::now())));
        let (end, ended) = mpsc::channel::<()>();
        let (watched, folder) = (Arc::clone(&current), folder.to_owned());
        thread::spawn(move || {
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let (input, since) = &*watched.lock().unwrap_or_else(PoisonError::into_inner);
                if !input.is_empty() && since.elapsed() > Duration::from_secs(INPUT_SECONDS_MAX) {
                    let file = store(&folder, "endless", input);
                    eprintln!("an input takes for ever: {}\n{}", file.display(), input.escape_ascii());
                    std::process::exit(101);
                }
            }
        });
        Self(current, Some(end))
    }

    fn see(&self, input: &[u8]) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.0.clear();
        current.0.extend_from_slice(input);
        current.1 = Instant::now();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.1.take();
    }
}

/// Numbers without a pattern (SplitMix64): the same seed gives the same ones.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn choose<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// A place in an input, often one beside a mark.
    fn place(&mut self, input: &[u8]) -> usize {
        let place = self.below(input.len() + 1);
        if self.below(3) == 0 {
            return place;
        }
        let mark = input[place..].iter().position(|byte| MARKS.contains(byte));
        mark.map_or(place, |found| place + found + self.below(2))
    }

    /// A part of an input, often between marks, mostly short.
    fn part(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let (mut from, mut to) = (self.place(input), self.place(input));
        if self.below(2) == 0 {
            to = (from + self.below(24)).min(input.len());
        }
        if from > to {
            (from, to) = (to, from);
        }
        from..to
    }

    /// One of the inputs, changed in some places; half of the time one of the first, which are those of the folder.
    fn change(&mut self, pool: &[Vec<u8>], first: usize, words: &[&str]) -> Vec<u8> {
        let few = pool.get(..first).filter(|_| self.below(2) == 0);
        let mut input = self.choose(few.unwrap_or(pool)).clone();
        for _ in 0..1 << self.below(4) {
            self.change_once(&mut input, pool, words);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change_once(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str]) {
        let (place, part) = (self.place(input), self.part(input));
        match self.below(12) {
            0 => input.splice(part, []).for_each(drop),
            1 => {
                let copy = input[part].to_vec();
                input.splice(place..place, copy);
            }
            2 => {
                // Depth and number: the same again and again.
                let times = 1 << self.below(8);
                let copy = input[part.clone()].repeat(times.min(BYTES_MAX / part.len().max(1)));
                input.splice(part, copy);
            }
            3 | 4 if !words.is_empty() => {
                let word = self.choose(words).bytes();
                input.splice(place..place, word);
            }
            5 | 6 if !words.is_empty() => {
                let word = self.choose(words).bytes();
                input.splice(part, word);
            }
            7 => {
                let other = self.choose(pool);
                let from = self.part(other);
                input.splice(part, other[from].iter().copied());
            }
            8 => {
                let digit = input[place..].iter().position(u8::is_ascii_digit).map_or(place, |found| place + found);
                let digits = input[digit..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = self.choose(&NUMBERS).bytes();
                input.splice(digit..digit + digits, number);
            }
            9 => input.truncate(place),
            10 => {
                let byte = self.next() as u8;
                input.insert(place, byte);
            }
            _ => {
                let (bit, byte) = (1 << self.below(8), self.next() as u8);
                let flips = self.below(2) == 0;
                if let Some(there) = input.get_mut(place) {
                    *there = if flips { *there ^ bit } else { byte };
                }
            }
        }
    }
}
