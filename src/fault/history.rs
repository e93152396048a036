//! Reading a journal: which faults it tells of, how far they came, and what would undo them.

use std::io;
use std::path::Path;

use super::entry::{Entry, Intent, Record};
use super::journal::journal_path;
use super::state::closed;
use super::undo::UndoStep;
use crate::ids::FaultId;
use crate::record::FaultStage;

/// What a journal tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The faults, in the order of their intents.
    pub faults: Vec<JournaledFault>,
    /// Lines that can't be read. A torn last line is the normal end of a killed process; its side
    /// effect never began, because a line is whole on disk before.
    pub damaged: usize,
}

/// One fault as the journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct JournaledFault {
    /// Its id.
    pub id: FaultId,
    /// What was intended.
    pub intent: Intent,
    /// Everything that undoes it, additions included, without repetitions.
    pub undo: Vec<UndoStep>,
    /// Where it stood last.
    pub stage: FaultStage,
}

impl History {
    /// Reads the journal in a run's folder; a missing file is an empty history.
    pub fn read(dir: &Path) -> io::Result<Self> {
        match std::fs::read(journal_path(dir)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(e),
        }
    }

    /// Reads a journal's text, as far as it can be read.
    pub fn parse(text: &[u8]) -> Self {
        let mut history = Self::default();
        for line in text.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => history.add(entry),
                Err(_) => history.damaged += 1,
            }
        }
        history
    }

    /// The faults that may still be in force.
    pub fn open(&self) -> impl Iterator<Item = &JournaledFault> {
        self.faults.iter().filter(|f| !closed(&f.stage))
    }

    fn add(&mut self, entry: Entry) {
        let known = self.faults.iter().rposition(|f| f.id == entry.fault);
        match (entry.record, known) {
            (Record::Intent(intent), _) => self.faults.push(JournaledFault {
                id: entry.fault,
                undo: intent.undo.clone(),
                intent: *intent,
                stage: FaultStage::Intended,
            }),
            (Record::More { undo }, Some(i)) => add_steps(&mut self.faults[i].undo, undo),
            (Record::Stage(stage), Some(i)) => self.faults[i].stage = stage,
            // Its intent is unreadable: there is nothing to undo it with.
            (Record::More { .. } | Record::Stage(_), None) => self.damaged += 1,
        }
    }
}

/// Adds the steps that are not there yet.
pub(super) fn add_steps(undo: &mut Vec<UndoStep>, more: Vec<UndoStep>) {
    for step in more {
        if !undo.contains(&step) {
            undo.push(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::sample::{intent_entry, stage_entry};

    #[test]
    fn every_prefix_tells_a_prefix_of_the_story() {
        let healed = FaultStage::Healed { evidence: "e".into() };
        let entries = [
            intent_entry(1),
            stage_entry(1, FaultStage::Injected),
            intent_entry(2),
            stage_entry(1, FaultStage::Healing),
            stage_entry(1, healed),
        ];
        let text: Vec<u8> = entries
            .iter()
            .flat_map(|e| [serde_json::to_vec(e).unwrap(), b"\n".to_vec()].concat())
            .collect();
        for end in 0..=text.len() {
            let told = History::parse(&text[..end]);
            let whole = text[..end].split(|b| *b == b'\n').count() - 1;
            let torn = usize::from(end > 0 && text[end - 1] != b'\n');
            // A line without its newline is still whole when only the newline is missing.
            assert!(told.damaged <= torn, "prefix {end}");
            let open: Vec<&str> = told.open().map(|f| f.id.as_str()).collect();
            let expected: &[&str] = match whole + torn - told.damaged {
                0 => &[],
                1 | 2 => &["f-1"],
                3 | 4 => &["f-1", "f-2"],
                _ => &["f-2"],
            };
            assert_eq!(open, expected, "prefix {end}");
        }
    }
}
