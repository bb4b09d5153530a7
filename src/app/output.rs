//! What commands print: data to standard output, talk to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::escape;
use crate::operations::Failure;

/// Prints for people or, with `--json`, for programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// Whether `--json` was given.
    pub json: bool,
}

impl Output {
    /// Prints one line of data as it is.
    ///
    /// # Errors
    /// If standard output takes no more; a reader that has gone is no failure.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints one JSON document on one line.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&serde_json::to_string(value).map_err(Failure::failed)?)
    }

    /// With `--json` the document, else the sentence.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn either(&self, value: &impl Serialize, sentence: &str) -> Result<(), Failure> {
        if self.json { self.document(value) } else { self.line(&escape::line(sentence)) }
    }

    /// Prints a table; cells come from strangers, so they are escaped.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn table(&self, head: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
        for line in columns(head, rows) {
            self.line(&line)?;
        }
        Ok(())
    }

    /// Says something to the person, beside the data.
    pub fn say(&self, text: &str) {
        // Nobody may be listening; that stops nothing.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Whether a person reads what is printed.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }
}

fn columns(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.iter().map(|cell| escape::line(cell)).collect())
        .collect();
    let width = |column: usize| {
        cells.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_stand_under_their_heads() {
        let rows =
            vec![vec!["ana".to_owned(), "a\x1b".to_owned()], vec!["bo".to_owned(), String::new()]];
        assert_eq!(
            super::columns(&["USER", "NAME"], &rows),
            ["USER  NAME", "ana   a\\u{1b}", "bo"]
        );
    }
}
