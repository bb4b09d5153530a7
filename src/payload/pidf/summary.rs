//! What a document says, for people and scripts.

use super::{Component, ComponentKind, Composed, Document};

/// What a document says in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether any service is open.
    pub open: bool,
    /// What the person does, by RPID's names.
    pub activities: Vec<String>,
    /// Notes, wherever they stand.
    pub notes: Vec<String>,
    /// The services.
    pub tuples: Vec<TupleSummary>,
}

/// A service in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TupleSummary {
    /// Its id.
    pub id: String,
    /// Its basic status, if it has one.
    pub open: Option<bool>,
    /// Where it is reached.
    pub contact: Option<String>,
}

impl Summary {
    fn add(&mut self, id: &str, component: &Component) {
        if component.kind == ComponentKind::Service {
            self.open |= component.open == Some(true);
            self.tuples.push(TupleSummary {
                id: id.to_owned(),
                open: component.open,
                contact: component.uri.as_deref().map(str::to_owned),
            });
        }
        self.activities.extend(component.activities.iter().map(ToString::to_string));
        for note in &component.notes {
            if !self.notes.iter().any(|known| **known == **note) {
                self.notes.push(note.to_string());
            }
        }
    }
}

impl Document {
    /// What it says in short.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for component in self.components() {
            summary.add(&component.id, component);
        }
        summary
    }
}

impl Composed {
    /// What it says in short.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for element in self.elements() {
            if let Some(component) = self.component(element) {
                summary.add(&element.id, component);
            }
        }
        summary
    }
}
