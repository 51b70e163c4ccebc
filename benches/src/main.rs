//! The benchmarks' program; all of it is in the library.

use std::io::Write as _;

fn main() -> std::process::ExitCode {
    if let Err(error) = homepot_host::environment::check() {
        let _ = writeln!(std::io::stderr(), "{error}");
        return std::process::ExitCode::from(2);
    }
    homepot_bench::main()
}
