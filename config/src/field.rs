//! What a line of `list.rs` turns into: a member of a section's type, and a `Field` that describes it.

use crate::kind::Raw;

/// Where a setting may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The file, the environment or a flag.
    Anywhere,
    /// The environment alone.
    Environment,
}

/// One setting of a section.
pub(crate) struct Field<S> {
    /// Its name within the section.
    pub(crate) name: &'static str,
    /// Its documentation, line by line.
    pub(crate) about: &'static [&'static str],
    /// Its variable, where that is not derived from its name.
    pub(crate) variable: Option<&'static str>,
    /// Whether it must not be shown, nor be given on a command line that others can see.
    pub(crate) secret: bool,
    /// What is accepted, in words.
    pub(crate) accepted: fn() -> String,
    /// Sets it; false if the value is of another kind.
    pub(crate) read: fn(&mut S, &Raw) -> bool,
    /// Whether its value is accepted.
    pub(crate) check: fn(&S) -> bool,
    /// Its value as TOML, if it has one.
    pub(crate) print: fn(&S) -> Option<String>,
}

/// Declares sections: for each a type with its defaults, and the list of its fields.
/// Members after `with` are not settings of their own; they begin empty.
macro_rules! sections {
    ($(
        $(#[doc = $title:literal])*
        $Section:ident $(with { $($(#[doc = $more:literal])* $extra:ident: $Extra:ty;)* })? {
            $($(#[doc = $about:literal])* $name:ident: $Value:ty = $default:expr, $kind:expr $(, $variable:literal)?;)*
        }
    )*) => {$(
        $(#[doc = $title])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $Section {
            $($(#[doc = $about])* pub $name: $Value,)*
            $($($(#[doc = $more])* pub $extra: $Extra,)*)?
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($name: $default,)* $($($extra: <$Extra>::default(),)*)? }
            }
        }

        impl $Section {
            /// What the section is about.
            pub(crate) const ABOUT: &'static [&'static str] = &[$($title),*];

            /// The list of its settings.
            pub(crate) const FIELDS: &'static [Field<Self>] = &[$(Field {
                name: stringify!($name),
                about: &[$($about),*],
                variable: sections!(@optional $($variable)?),
                secret: sections!(@secret $kind),
                accepted: || $kind.accepted(),
                read: |section, raw| match $kind.read(raw) {
                    Some(value) => {
                        section.$name = value;
                        true
                    }
                    None => false,
                },
                check: |section| $kind.accepts(&section.$name),
                print: |section| $kind.print(&section.$name),
            }),*];
        }
    )*};
    (@optional) => { None };
    (@optional $variable:literal) => { Some($variable) };
    (@secret $kind:expr) => { crate::field::is_secret(&$kind) };
}

/// Whether a kind is secret; a function, because a kind is written as a value.
pub(crate) const fn is_secret<K: crate::kind::Kind>(_: &K) -> bool {
    K::SECRET
}

pub(crate) use sections;
