//! The table of behaviours in `tests/BEHAVIOURS.md`, held against the tests: what it names is there, and a test that says
//! it proves a behaviour stands in that behaviour's row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use windlass_tests::source::rust_files;

const BEHAVIOURS: std::ops::RangeInclusive<u32> = 1..=74;

type ByNumber = BTreeMap<u32, BTreeSet<String>>;

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(tests().join("BEHAVIOURS.md")).unwrap()
}

/// The words of a text that stand in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the table: what stands in backticks in the last cell of each.
fn rows() -> ByNumber {
    let page = page();
    let table = page.split("\n## ").find(|section| section.starts_with("The table")).expect("the section of the table");
    let mut rows = ByNumber::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse() else { continue };
        let named = quoted(cells[cells.len() - 1]).map(str::to_owned).collect();
        assert!(rows.insert(number, named).is_none(), "behaviour {number} has two rows");
    }
    rows
}

/// What the test functions of `it` are called, and the behaviours that their comments name.
fn claims() -> BTreeMap<String, BTreeSet<u32>> {
    let root = tests().join("it");
    let mut found = BTreeMap::new();
    for path in rust_files(&root) {
        let module = path.strip_prefix(&root).unwrap().with_extension("");
        let module: Vec<String> = module.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let module = module.join("::").trim_end_matches("::mod").to_owned();
        let (mut is_test, mut numbers) = (false, BTreeSet::new());
        for line in std::fs::read_to_string(&path).unwrap().lines().map(str::trim) {
            if let Some(claim) = line.strip_prefix("/// Behaviour") {
                numbers.extend(numbers_of(claim));
            } else if line == "#[test]" || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, name)) = line.split_once("fn ").filter(|_| !line.starts_with("//")) {
                let name = name.split(['(', '<']).next().unwrap_or_default();
                if std::mem::take(&mut is_test) {
                    found.insert(format!("{module}::{name}"), std::mem::take(&mut numbers));
                }
                assert!(numbers.is_empty(), "{module}::{name} claims behaviours {numbers:?} and is no test");
            }
        }
    }
    assert!(found.len() > 200, "only {} tests were found", found.len());
    found
}

/// The numbers in `s 3, 5 and 7 to 9: more words, 2 of them`.
fn numbers_of(claim: &str) -> BTreeSet<u32> {
    let claim = claim.trim_start_matches('s').split([':', '.', ';']).next().unwrap_or_default();
    let claim = claim.replace(" and ", ",");
    let range = |part: &str| {
        let number = |text: &str| text.trim().parse::<u32>().unwrap_or_else(|e| panic!("{text:?} of {claim:?}: {e}"));
        match part.split_once(" to ") {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        }
    };
    claim.split(',').flat_map(range).collect()
}

/// Whether a path is that of a test of one of the client suites, such as `clients/test_boto3.py::test_bucket_life`.
fn is_client_test(path: &str) -> bool {
    let Some((file, name)) = path.split_once("::").filter(|(file, _)| file.starts_with("clients/")) else {
        return false;
    };
    let file: PathBuf = tests().join(file);
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("\ndef {name}(")))
}

#[test]
fn claims_are_read_as_they_are_written() {
    let read = |claim: &str| numbers_of(claim).into_iter().collect::<Vec<_>>();
    assert_eq!(read(" 12."), [12]);
    assert_eq!(read("s 3, 5 and 7 to 9: more words, 2 of them"), [3, 5, 7, 8, 9]);
}

#[test]
fn every_behaviour_has_a_test() {
    let rows = rows();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), BEHAVIOURS.collect::<Vec<_>>());
    for (number, named) in rows {
        assert!(named.iter().any(|name| !name.starts_with("clients/")), "behaviour {number} has no test of ours");
    }
}

#[test]
fn the_tests_that_the_page_names_are_there() {
    let claims = claims();
    let page = page();
    let named = quoted(&page).filter(|word| word.contains("::"));
    let gone: Vec<&str> = named.filter(|name| !claims.contains_key(*name) && !is_client_test(name)).collect();
    assert!(gone.is_empty(), "no such tests: {gone:#?}");
}

#[test]
fn a_test_claims_a_behaviour_where_the_table_says_that_it_proves_it_and_only_there() {
    let mut claimed = ByNumber::new();
    for (name, numbers) in claims() {
        for number in numbers {
            claimed.entry(number).or_default().insert(name.clone());
        }
    }
    for number in BEHAVIOURS {
        let row = rows().remove(&number).unwrap_or_default();
        let row: BTreeSet<String> = row.into_iter().filter(|name| !name.starts_with("clients/")).collect();
        assert_eq!(row, claimed.remove(&number).unwrap_or_default(), "behaviour {number}: the table, and the tests");
    }
    assert!(claimed.is_empty(), "there are no such behaviours: {claimed:?}");
}
