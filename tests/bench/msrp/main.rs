//! One end of a transfer, for `tests/bench/run`: a process each, so that the kernel counts what each
//! costs. Prints JSON lines; nothing here decides what is good.
//!
//! `plain-receive DIRECTORY`, `plain-send PORT FILE COUNT`: a file so many times by read and write,
//! 64 KiB at a time; `tls-receive`, `tls-send`: the same through rustls. `receive DIRECTORY`,
//! `send PATH FILE COUNT`: MSRP. `lines`: short messages. `chat`: a line's time while two large files go.

mod copy;
mod times;
mod transfer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["plain-receive", directory] => copy::receive(directory, false),
        ["plain-send", port, file, count] => copy::send(port, file, false, count),
        ["tls-receive", directory] => copy::receive(directory, true),
        ["tls-send", port, file, count] => copy::send(port, file, true, count),
        ["receive", directory, rest @ ..] => transfer::receive(directory, rest),
        ["send", path, file, count, rest @ ..] => transfer::send(path, file, count, rest),
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
