//! Reads Rust source well enough to measure it: comments and literals blanked, functions found by their braces.

use std::path::{Path, PathBuf};

/// A function as it stands in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// Lines from its `fn` to its closing brace.
    pub lines: usize,
}

/// All `.rs` files under a directory, sorted.
pub fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for path in entries.filter_map(|e| e.ok()).map(|e| e.path()) {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                open.push(path);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The source with comments, strings and characters replaced by blanks; lines stay where they are.
pub fn blank(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let length = literal_or_comment(&chars, at);
        if length == 0 {
            out.push(chars[at]);
            at += 1;
        } else {
            let end = (at + length).min(chars.len());
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The length of the comment or literal that begins here; 0 when none does.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied();
    match (chars[at], next(1)) {
        ('/', Some('/')) => chars[at..].iter().position(|&c| c == '\n').unwrap_or(chars.len() - at),
        ('/', Some('*')) => block_comment(chars, at),
        ('r', Some('"' | '#')) if at == 0 || !is_word(chars[at - 1]) || chars[at - 1] == 'b' => raw_string(chars, at),
        ('"', _) => quoted(chars, at, '"'),
        ('\'', Some('\\')) => quoted(chars, at, '\''),
        ('\'', Some(_)) if next(2) == Some('\'') => 3,
        _ => 0,
    }
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at - start
}

fn raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return 0;
    }
    let closes = |at: usize| chars[at] == '"' && chars[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    let end = (open + 1..chars.len()).find(|&at| closes(at)).unwrap_or(chars.len());
    end + hashes + 1 - start
}

fn quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1 - start
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines (from 1) of blanked source on which `word`, which may hold `::`, stands as a word of its own. A word that ends
/// in a punctuation mark may be followed by anything.
pub fn lines_naming<'a>(blanked: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    blanked.lines().enumerate().filter_map(move |(index, line)| {
        let stands_alone = |at: usize| {
            let before = line[..at].chars().next_back().is_some_and(is_word);
            let after = line[at + word.len()..].chars().next().is_some_and(is_word);
            !(before && word.starts_with(is_word) || after && word.ends_with(is_word))
        };
        line.match_indices(word).any(|(at, _)| stands_alone(at)).then_some(index + 1)
    })
}

/// The lines (from 1) of blanked source on which the crate `name` is named: at the start of a path, or in a `use` by itself.
pub fn lines_naming_crate<'a>(blanked: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    blanked.lines().enumerate().filter_map(move |(index, line)| {
        let is_crate = |at: usize| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            // `self::redb` and `my_redb` are something else; `::redb` is the crate.
            let nested = before.strip_suffix("::").is_some_and(|path| path.ends_with(is_word));
            let starts = !nested && !before.ends_with(is_word);
            starts
                && (after.starts_with("::") || (line.trim_start().starts_with("use ") && !after.starts_with(is_word)))
        };
        line.match_indices(name).any(|(at, _)| is_crate(at)).then_some(index + 1)
    })
}

/// Blanked source without its `#[cfg(test)]` items, and the names of the modules in other files that are only for tests.
pub fn without_tests(blanked: &str) -> (String, Vec<String>) {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut text = blanked.to_owned();
    let mut modules = Vec::new();
    while let Some(start) = text.find(ATTRIBUTE) {
        let item = start + ATTRIBUTE.len();
        let end = match body_start(&text[item..]) {
            Some((at, '{')) => item + at + braces(&text[item + at..]),
            Some((at, _)) => item + at + 1,
            None => text.len(),
        };
        let words: Vec<&str> = text[item..end].split_whitespace().collect();
        if let Some(["mod", name]) =
            words.windows(2).map(|w| [w[0], w[1]]).find(|w| w[0] == "mod" && w[1].ends_with(';'))
        {
            modules.push(name.trim_end_matches(';').to_owned());
        }
        let blanks: String = text[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        text.replace_range(start..end, &blanks);
    }
    (text, modules)
}

/// Where an item's body or its end begins: the first `{` or `;` outside parentheses and brackets.
fn body_start(text: &str) -> Option<(usize, char)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' | ';' if depth == 0 => return Some((at, c)),
            _ => {}
        }
    }
    None
}

/// The length of the block that begins with the brace at the start of `text`.
fn braces(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// All functions with a body in blanked source.
pub fn functions(blanked: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in blanked.match_indices("fn ") {
        if blanked[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let name: String = blanked[at + 3..].trim_start().chars().take_while(|&c| is_word(c)).collect();
        if let (false, Some((body, '{'))) = (name.is_empty(), body_start(&blanked[at..])) {
            let end = at + body + braces(&blanked[at + body..]);
            let lines = blanked[at..end].matches('\n').count() + 1;
            found.push(Function { name, line: blanked[..at].matches('\n').count() + 1, lines });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let source = "a /* x /* y */ z */ b // c\nd(\"}\\\"{\", '{', '\\'', r#\"\"}\"#, &'a str)";
        let blanked = blank(source);
        assert_eq!(blanked.len(), source.len());
        assert!(!blanked.contains(['{', '}', 'x', 'c']), "{blanked}");
        assert!(blanked.contains("&'a str") && blanked.contains('\n'));
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let source = "trait T { fn no(&self) -> [u8; 2]; }\nfn one(f: fn(u8)) {}\npub async fn two()\nwhere T: U,\n{\n  if x { y }\n}\n";
        let found: Vec<(String, usize, usize)> =
            functions(&blank(source)).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("one".to_owned(), 2, 1), ("two".to_owned(), 3, 5)]);
    }

    #[test]
    fn test_items_are_set_apart() {
        let (text, modules) = without_tests(
            "keep();\n#[cfg(test)]\nmod suite;\n#[cfg(test)]\nmod tests {\n fn a() { b.unwrap() }\n}\nkept();\n",
        );
        assert!(text.contains("keep()") && text.contains("kept()") && !text.contains("unwrap"));
        assert_eq!(modules, ["suite"]);
    }

    #[test]
    fn a_crate_is_told_from_a_module_of_the_same_name() {
        let naming = |line: &str| lines_naming_crate(line, "redb").count() == 1;
        assert!(naming("use redb::Database;") && naming("let x: ::redb::Key = y;") && naming("use redb as engine;"));
        assert!(
            !naming("pub use self::redb::RedbEngine;") && !naming("mod redb;") && !naming("use super::my_redb::X;")
        );
    }

    #[test]
    fn words_stand_alone() {
        let names = |line: &str, word: &str| lines_naming(line, word).count() == 1;
        assert!(names("a::Instant::now()", "Instant::now") && !names("MyInstant::now()", "Instant::now"));
        assert!(names("x.unwrap()", "unwrap()") && !names("x.unwrap_or(1)", "unwrap()"));
    }
}
