//! Passwords from a file or standard input, never from argv.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::operations::{Failure, Secret};

/// Longer passwords are a file by mistake.
const LONGEST: u64 = 4096;

/// Reads a password from a file, or with `-` one line from standard input. One newline at the end
/// is not part of it.
///
/// # Errors
/// If the file cannot be read, is too long, is not UTF-8 or holds nothing.
pub fn read(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let mut text = Zeroizing::new(String::new());
    let count = if path == Path::new("-") {
        let _echo = if io::stdin().is_terminal() { Some(Silence::begin()?) } else { None };
        io::stdin().lock().take(LONGEST + 1).read_line(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
    };
    let count =
        count.map_err(|error| Failure::failed(format!("the password in {shown}: {error}")))?;
    if count as u64 > LONGEST {
        return Err(Failure::usage(format!(
            "the password in {shown} is longer than {LONGEST} bytes"
        )));
    }
    let bare = text.strip_suffix('\n').unwrap_or(&text);
    let bare = bare.strip_suffix('\r').unwrap_or(bare);
    if bare.is_empty() {
        return Err(Failure::usage(format!("{shown} holds no password")));
    }
    Ok(Secret::new(bare.to_owned()))
}

/// Asks for a password in a terminal that does not show it until this is dropped.
struct Silence(nix::sys::termios::Termios);

impl Silence {
    fn begin() -> Result<Silence, Failure> {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).map_err(Failure::failed)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        let mut err = io::stderr().lock();
        write!(err, "Password: ").and_then(|()| err.flush()).map_err(Failure::failed)?;
        tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet).map_err(Failure::failed)?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        // If this fails there is no terminal left to show anything.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
        let _ = writeln!(io::stderr().lock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_not_part_of_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        for (written, meant) in
            [("a\n", "a"), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            std::fs::write(&path, written).unwrap();
            assert_eq!(read(&path).unwrap().expose(), meant);
        }
        for wrong in ["", "\n", &"x".repeat(5000)] {
            std::fs::write(&path, wrong).unwrap();
            assert!(read(&path).is_err());
        }
    }
}
