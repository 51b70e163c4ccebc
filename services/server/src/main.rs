//! The program `homepot`; everything it does is in the library beside it.

use std::process::ExitCode;

/// Threads of the runtime and those of the database free what the others made, which glibc's arenas make them wait for.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    homepot_server::main()
}
