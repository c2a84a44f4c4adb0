//! `state.json`: where a run was when its variables were saved beside it.

use super::layout::step_of_checkpoint;
use crate::training::early_stopping::Best;
use crate::training::observer::TrainingState;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything but the variables that a run is continued from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunState {
    /// Steps done.
    pub step: u64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Time spent on training.
    pub elapsed_seconds: f64,
    /// How long `metrics.jsonl` was.
    pub metrics_bytes: u64,
    /// Names of the checkpoints that were kept, such as `model.ckpt-90`; the newest last.
    pub checkpoints: Vec<String>,
    /// The run went to its end, the test included.
    pub finished: bool,
}

/// The file: the version first, so that any program can tell whether it knows the rest.
#[derive(Serialize, Deserialize)]
struct StateFile {
    version: u32,
    state: RunState,
    /// Of `state` as compact JSON. A digit that rotted on the disk would otherwise pass for another step.
    crc32c: u32,
}

#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

impl RunState {
    /// The form that is written.
    pub const VERSION: u32 = 1;

    /// The bytes of the file.
    ///
    /// # Errors
    /// A number that JSON has no form for.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(&StateFile {
            version: Self::VERSION,
            state: self.clone(),
            crc32c: checksum(self)?,
        })?;
        text.push(b'\n');
        Ok(text)
    }

    /// Reads the bytes of a file, which may hold anything.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let AnyVersion { version } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if version > Self::VERSION {
            return Err(format!(
                "it is of version {version}, written by a newer tf-mnist; this one reads up to {}",
                Self::VERSION
            ));
        }
        let file: StateFile = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let state = file.state;
        if checksum(&state).ok() != Some(file.crc32c) {
            return Err("its checksum is wrong".into());
        }
        // The names become paths that are linked and deleted.
        if let Some(name) = state.checkpoints.iter().find(|name| step_of_checkpoint(name).is_none()) {
            return Err(format!("{name:?} is no name of a checkpoint"));
        }
        if state.best.is_some_and(|best| !(0.0..=1.0).contains(&best.accuracy)) {
            return Err("its best accuracy is not within 0 and 1".into());
        }
        Duration::try_from_secs_f64(state.elapsed_seconds).map_err(|error| error.to_string())?;
        Ok(state)
    }

    /// What the loop goes on from.
    pub fn training_state(&self) -> TrainingState {
        TrainingState {
            step: self.step,
            best: self.best,
            elapsed: Duration::try_from_secs_f64(self.elapsed_seconds).unwrap_or_default(),
        }
    }
}

fn checksum(state: &RunState) -> serde_json::Result<u32> {
    Ok(crc32c::crc32c(&serde_json::to_vec(state)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> RunState {
        RunState {
            step: 500,
            best: Some(Best { step: 490, accuracy: 4907.0 / 5000.0 }),
            elapsed_seconds: 12.345_678_9,
            metrics_bytes: 40_123,
            checkpoints: vec!["model.ckpt-480".into(), "model.ckpt-490".into()],
            finished: false,
        }
    }

    #[test]
    fn reads_back_to_the_same_bits() {
        for correct in 0..=5000 {
            let mut state = state();
            state.best = Some(Best { step: 1, accuracy: f64::from(correct) / 5000.0 });
            state.elapsed_seconds = f64::from(correct) / 7.0;
            assert_eq!(RunState::parse(&state.to_json().unwrap()).unwrap(), state);
        }
    }

    #[test]
    fn every_flipped_bit_that_changes_it_is_noticed() {
        let whole = state().to_json().unwrap();
        for at in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            if let Ok(read) = RunState::parse(&bytes) {
                assert_eq!(read, state(), "bit {at}");
            }
        }
    }

    #[test]
    fn newer_versions_and_names_that_lead_elsewhere_are_refused() {
        let newer = r#"{"version": 2, "state": {"anything": [1]}}"#;
        assert!(RunState::parse(newer.as_bytes()).unwrap_err().contains("newer tf-mnist"));
        for name in ["../model.ckpt-1", "model.ckpt-", "model.ckpt-+1", "model.ckpt-1/../x", "/model.ckpt-1"]
        {
            let mut state = state();
            state.checkpoints.push(name.into());
            let error = RunState::parse(&state.to_json().unwrap()).unwrap_err();
            assert!(error.contains("no name of a checkpoint"), "{error}");
        }
    }
}
