//! The `tagus` command.

use std::process::ExitCode;

/// Less fragmentation under many small, short-lived buffers than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tagus::app::main()
}
