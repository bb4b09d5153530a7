//! One end of a transfer, for `tests/bench/run`: a process each, so that the kernel counts what each
//! costs. Prints JSON lines; nothing here decides what is good.
//!
//! `plain-receive FILE`, `plain-send PORT FILE`: the same file by read and write, 64 KiB at a time;
//! `tls-receive`, `tls-send`: the same through rustls. `receive`, `send`: MSRP. `lines`: short messages.
//! `chat`: a line's time while two large files go.

mod copy;
mod transfer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["plain-receive", file] => copy::receive(file, None),
        ["plain-send", port, file] => copy::send(port, file, None),
        ["tls-receive", file, directory] => copy::receive(file, Some(directory)),
        ["tls-send", port, file, directory] => copy::send(port, file, Some(directory)),
        ["receive", directory, rest @ ..] => transfer::receive(directory, rest),
        ["send", path, file, rest @ ..] => transfer::send(path, file, rest),
        ["lines", path, count] => transfer::lines(path, count),
        ["chat", path, file, count] => transfer::chat(path, file, count),
        _ => Err(format!("what? {words:?}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
