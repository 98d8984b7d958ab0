//! "Did you mean": the known name that is nearest to an unknown one.

/// The known name nearest to `name`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 4).clamp(1, 3);
    let near = known.into_iter().map(|other| (distance(name, other), other));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, other)| other)
}

/// Insertions, deletions and replacements that lead from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for ((to, &diagonal), &above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(from != *to)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["storage.inline_bytes_max", "storage.cache_bytes", "listen"];
        assert_eq!(nearest("storage.inline_byte_max", known), Some("storage.inline_bytes_max"));
        assert_eq!(nearest("lisen", known), Some("listen"));
        assert_eq!(nearest("nothing.like.it", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
