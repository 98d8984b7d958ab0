//! The loads, in groups that a server takes in one turn.

use super::peers::Server;

/// Loads that a server runs one after the other, on one data folder.
pub(crate) struct Group {
    pub(crate) id: &'static str,
    pub(crate) loads: &'static [Load],
    /// Bytes of the ceiling's static body.
    pub(crate) ceiling_bytes: usize,
    /// Whether every round begins with an empty folder. Otherwise objects are uploaded once and stay.
    pub(crate) fresh: bool,
    /// Whether that folder is removed at once, while it is in memory: few files, many bytes. What has many files stays until
    /// the end, since removing them would slow the disk for whoever comes next.
    pub(crate) wipe: bool,
    /// Whether variants of one server that differ in durability alone take part.
    pub(crate) variants: bool,
    /// Whether the ceiling takes part.
    pub(crate) ceiling: bool,
}

/// One load.
pub(crate) struct Load {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// As `windlass-benches load` names it.
    pub(crate) operation: &'static str,
    pub(crate) size: &'static str,
    pub(crate) concurrency: usize,
    /// Objects that are there before.
    pub(crate) objects: u64,
    /// Loads with the same bucket share these objects.
    pub(crate) bucket: &'static str,
    /// Whether it is measured in keys a second instead of operations.
    pub(crate) in_keys: bool,
    /// Whether it writes, so that the disk's syncs matter.
    pub(crate) writes: bool,
}

const LOAD: Load = Load {
    id: "",
    title: "",
    operation: "put",
    size: "4KiB",
    concurrency: 16,
    objects: 2_000,
    bucket: "",
    in_keys: false,
    writes: true,
};

/// All of them.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        id: "read-small",
        ceiling_bytes: 4 << 10,
        fresh: false,
        wipe: false,
        variants: false,
        ceiling: true,
        loads: &[
            Load { id: "get-4k", title: "GET 4 KiB", operation: "get", bucket: "small", writes: false, ..LOAD },
            Load { id: "head", title: "HEAD", operation: "head", bucket: "small", writes: false, ..LOAD },
        ],
    },
    Group {
        id: "write-small",
        ceiling_bytes: 4 << 10,
        fresh: true,
        wipe: false,
        variants: true,
        ceiling: true,
        loads: &[
            Load { id: "put-4k", title: "PUT 4 KiB", bucket: "put-16", ..LOAD },
            Load { id: "put-4k-128", title: "PUT 4 KiB, 128 connections", concurrency: 128, bucket: "put-128", ..LOAD },
        ],
    },
    Group {
        id: "mixed-small",
        ceiling_bytes: 4 << 10,
        fresh: true,
        wipe: false,
        variants: true,
        ceiling: true,
        loads: &[Load { id: "mixed-4k", title: "mixed 4 KiB", operation: "mixed", bucket: "mixed", ..LOAD }],
    },
    Group {
        id: "large",
        ceiling_bytes: 1 << 20,
        fresh: true,
        wipe: true,
        variants: true,
        ceiling: true,
        loads: &[
            Load {
                id: "get-1m",
                title: "GET 1 MiB",
                operation: "get",
                size: "1MiB",
                objects: 200,
                bucket: "get-1m",
                writes: false,
                ..LOAD
            },
            Load { id: "put-1m", title: "PUT 1 MiB", size: "1MiB", bucket: "put-1m", ..LOAD },
            Load { id: "put-16m", title: "PUT 16 MiB", size: "16MiB", bucket: "put-16m", ..LOAD },
        ],
    },
    Group {
        id: "list",
        ceiling_bytes: 4 << 10,
        fresh: false,
        wipe: false,
        variants: false,
        ceiling: false,
        loads: &[Load {
            id: "list",
            title: "LIST pages of 1,000 (keys/s)",
            operation: "list",
            size: "128",
            objects: 10_000,
            bucket: "list",
            in_keys: true,
            writes: false,
            ..LOAD
        }],
    },
];

impl Group {
    /// Whether a server takes part in it.
    pub(crate) fn has(&self, server: &Server) -> bool {
        (self.variants || !server.variant) && (self.ceiling || server.id != "ceiling")
    }
}

/// All loads.
pub(crate) fn loads() -> impl Iterator<Item = &'static Load> {
    GROUPS.iter().flat_map(|group| group.loads)
}
