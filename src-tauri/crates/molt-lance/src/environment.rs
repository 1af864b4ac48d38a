//! The environment that keeps Lance within a small machine's means.

/// Variables that a program which opens an index must set before its first thread starts: Lance reads most of them
/// once, when they are first needed, and offers no other way to set them. A library cannot set them safely. Values
/// that the user has set go first.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    // Threads that decode and compare; the default is all cores but two.
    ("LANCE_CPU_THREADS", "2"),
    // Reads in flight; the default is 8.
    ("LANCE_IO_THREADS", "4"),
    // Bytes read ahead of a scan; the default is 2 GiB.
    ("LANCE_DEFAULT_IO_BUFFER_SIZE", "134217728"),
    // Bytes for sorting; the default is 150 MiB per core.
    ("LANCE_MEM_POOL_SIZE", "134217728"),
    // Never spill rows into the system's temporary folder, where they would lie outside of our store. Presence is what
    // counts.
    ("LANCE_BYPASS_SPILLING", "1"),
    // One worker with at most 128 MiB builds the word index; the default is half the cores with 2 GiB each.
    ("LANCE_FTS_NUM_SHARDS", "1"),
    ("LANCE_FTS_PARTITION_SIZE", "128"),
    // Parts of 5 MiB in memory per file being written; the default is 10.
    ("LANCE_UPLOAD_CONCURRENCY", "2"),
];
