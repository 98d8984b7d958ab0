//! What a path is about. A key is all that stands behind its bucket, slashes too, decoded once.

use percent_encoding::percent_decode_str;
use windlass_store::kv::KvId;

/// What a path is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The door itself, where buckets are made.
    Root,
    /// Something that cannot be had here.
    Coffee,
    /// A bucket.
    Bucket(KvId),
    /// The access tokens of a bucket.
    Tokens(KvId),
    /// A script of a bucket.
    Script(KvId, String),
    /// A key of a bucket.
    Key(KvId, Vec<u8>),
    /// Nothing.
    Nowhere,
}

pub(super) fn of(base: &str, path: &str) -> Place {
    let rest = path.strip_prefix(base).unwrap_or(path);
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (first, behind) = rest.split_once('/').unwrap_or((rest, ""));
    match (first, KvId::parse(first)) {
        _ if rest.is_empty() => Place::Root,
        ("coffee", _) if behind.is_empty() => Place::Coffee,
        (_, None) => Place::Nowhere,
        (_, Some(id)) if behind.is_empty() => Place::Bucket(id),
        (_, Some(id)) => {
            let key: Vec<u8> = percent_decode_str(behind).collect();
            if key == b"tokens/" {
                Place::Tokens(id)
            } else if let Some(name) = key.strip_prefix(b"scripts/") {
                // What is no text is the name of none.
                String::from_utf8(name.to_vec()).map_or(Place::Nowhere, |name| Place::Script(id, name))
            } else {
                Place::Key(id, key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7n42DGM5Tflk9n8mt7Fhc7";

    #[test]
    fn paths_name_buckets_and_keys() {
        let id = KvId::parse(ID).unwrap();
        let at = |rest: &str| of("/kv", &format!("/kv{rest}"));
        let key = |key: &[u8]| Place::Key(id, key.to_vec());
        assert_eq!((at(""), at("/"), of("", "/")), (Place::Root, Place::Root, Place::Root));
        assert_eq!((at("/coffee"), of("", "/coffee")), (Place::Coffee, Place::Coffee));
        assert_eq!((at(&format!("/{ID}")), at(&format!("/{ID}/"))), (Place::Bucket(id), Place::Bucket(id)));
        assert_eq!(at(&format!("/{ID}/tokens/")), Place::Tokens(id));
        assert_eq!(at(&format!("/{ID}/scripts/x")), Place::Script(id, "x".to_owned()));
        assert_eq!(at(&format!("/{ID}/scripts/%FF")), Place::Nowhere);
        for (rest, expected) in [
            ("a", &b"a"[..]),
            ("a/b/", b"a/b/"),
            ("/a", b"/a"),
            ("a%2Fb%00%FF", b"a/b\0\xFF"),
            ("a%2520b+c", b"a%20b+c"),
            ("100%", b"100%"),
            ("tokens", b"tokens"),
        ] {
            assert_eq!(at(&format!("/{ID}/{rest}")), key(expected), "{rest}");
            assert_eq!(of("", &format!("/{ID}/{rest}")), key(expected), "{rest}");
        }
        for nowhere in ["/x", "//", "/coffee/x", "/7n42DGM5Tflk9n8mt7Fhc8/a", "//a"] {
            assert_eq!(at(nowhere), Place::Nowhere, "{nowhere}");
        }
    }
}
