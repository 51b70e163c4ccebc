//! The benchmarks' program; all of it is in the library.

fn main() -> std::process::ExitCode {
    homepot_bench::main()
}
