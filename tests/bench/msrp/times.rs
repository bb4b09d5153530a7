//! How long each transfer of a run took.

use std::error::Error;

use tagus::clock::{Clock, Tick};

/// A run: so many transfers, one after the other.
pub(crate) struct Times {
    pub(crate) clock: Clock,
    count: usize,
    seconds: Vec<f64>,
}

impl Times {
    pub(crate) fn new(count: &str) -> Result<Times, Box<dyn Error>> {
        Ok(Times { clock: Clock::system(), count: count.parse()?, seconds: Vec::new() })
    }

    /// Whether another is to come.
    pub(crate) fn go_on(&self) -> bool {
        self.seconds.len() < self.count
    }

    /// One that began then is over.
    pub(crate) fn note(&mut self, began: Tick) {
        self.seconds.push(self.clock.now().since(began).as_secs_f64());
    }

    /// Members of a JSON object: all of them together, and the first, when nothing is warm yet.
    pub(crate) fn json(&self) -> String {
        let (sum, first) = (self.seconds.iter().sum::<f64>(), self.seconds.first().unwrap_or(&0.0));
        format!("\"transfers\":{},\"seconds\":{sum:.6},\"first\":{first:.6}", self.seconds.len())
    }
}
