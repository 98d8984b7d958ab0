//! What a worker takes from itself before it runs anything: it gets none of it back.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use windlass_store::clock;

use crate::limit;

/// Takes from the process all that a script has no use for. What it has open stays so: standard input and output.
pub(super) fn process() -> io::Result<()> {
    // Whoever serves requests comes first.
    setpriority_process(None, limit::KV_SCRIPT_NICENESS)?;
    for (resource, most) in [
        (Resource::Nofile, 3),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // Beside what Lua is given, which it counts itself.
        (Resource::Data, limit::KV_WORKER_BYTES_MAX),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Gives the process the time for one more script. The kernel ends it when that is used up, in whole seconds, so it is at
/// least what a script may use, and less than a second more.
pub(super) fn time() -> io::Result<()> {
    let most = (clock::cpu_time() + limit::KV_SCRIPT_CPU).as_secs() + 1;
    let maximum = getrlimit(Resource::Cpu).maximum;
    setrlimit(Resource::Cpu, Rlimit { current: Some(most), maximum })?;
    Ok(())
}
