//! The directory's groups as they were read last.

use serde::{Deserialize, Serialize};

use super::Record;

/// Who is in which group of the directory, so that it is known before the directory answers. One row
/// of table `Site`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsRow {
    /// The names of all groups.
    pub names: Vec<String>,
    /// The sets of groups that people are in, as places in `names`.
    pub sets: Vec<Vec<u32>>,
    /// The people, by the directory's names, each with a place in `sets`.
    pub people: Vec<(String, u32)>,
}

impl Record for GroupsRow {}
