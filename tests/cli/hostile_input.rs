//! Readers given anything at all: they refuse it or read it, and never panic, hang or write where they should not. More
//! cases: `PROPTEST_CASES=1000000 cargo test --release --test cli hostile_input`.

use proptest::prelude::*;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use tf_mnist::graph::Checkpoint;
use tf_mnist::training::{RunConfig, RunState};

const CONFIG: &str = r#"{
  "version": 1, "model": "optimized", "patience": 2000, "validate_every": 10, "pool_dropout": 0.25,
  "fc_dropout": 0.5, "accuracy_on": "logits_batch_norm", "validation": "full", "epochs": 20, "batch_size": 100,
  "learning_rate": 0.01, "max_steps": null, "eval_chunk": 1000, "seed": 7, "shuffle": true, "warm_start": null,
  "reproducible": false, "save_every": 500, "data_dir": null, "data_sha256": ["00"], "precision": "f32",
  "session": {"device": "auto", "intra_op_threads": 0, "inter_op_threads": 0, "graph_optimizer": true,
              "gpu_memory_limit_mib": null},
  "onednn": true, "versions": {"tf_mnist": "0.1.0", "tensorflow": "2.21.0", "library": "/lib/libtensorflow.so"}
}"#;

fn state() -> RunState {
    RunState {
        step: 500,
        elapsed_seconds: 12.5,
        metrics_bytes: 40_123,
        checkpoints: vec!["model.ckpt-480".into(), "model.ckpt-490".into()],
        ..RunState::default()
    }
}

/// A change of some bytes: overwritten, cut out or put in.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place(), 1usize..40).prop_map(|(at, count)| Change::Cut(at, count)),
        (place(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        // What numbers and names in JSON turn into.
        (place(), "(-1|1e999|null|\"\\.\\./x\"|18446744073709551616|\\[|\\{|\")")
            .prop_map(|(at, text)| Change::Insert(at, text.into_bytes())),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            return bytes;
        }
        match change {
            Change::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Cut(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..bytes.len().min(at + count));
            }
            Change::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..5)
}

/// Writes the index of a real checkpoint, changed, and reads all of it.
fn read_checkpoint(changes: &[Change]) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline/init.ckpt");
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("a.ckpt");
    let index = fs::read(golden.with_extension("ckpt.index")).unwrap();
    let mut file = File::create(prefix.with_extension("ckpt.index")).unwrap();
    file.write_all(&changed(index, changes)).unwrap();
    let data = "ckpt.data-00000-of-00001";
    fs::hard_link(golden.with_extension(data), prefix.with_extension(data))
        .or_else(|_| fs::copy(golden.with_extension(data), prefix.with_extension(data)).map(drop))
        .unwrap();
    if let Ok(checkpoint) = Checkpoint::open(&prefix) {
        let _ = checkpoint.verify();
    }
}

#[test]
fn the_sound_ones_are_read() {
    let config = RunConfig::parse(CONFIG.as_bytes()).unwrap();
    let written = serde_json::to_vec(&config).unwrap();
    assert_eq!(RunConfig::parse(&written).unwrap(), config);
    assert_eq!(RunState::parse(&state().to_json().unwrap()).unwrap(), state());
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None, // a failure prints its input
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = RunConfig::parse(&bytes);
        let _ = RunState::parse(&bytes);
    }

    #[test]
    fn a_changed_config_is_refused_or_within_range(changes in changes()) {
        if let Ok(config) = RunConfig::parse(&changed(CONFIG.into(), &changes)) {
            let training = &config.network.training;
            prop_assert!(training.batch_size > 0 && config.eval_chunk > 0 && training.epochs > 0);
            prop_assert!(training.adam.learning_rate.initial() > 0.0);
            let _ = config.schedule().total_steps(550);
        }
    }

    #[test]
    fn a_changed_state_is_refused_or_the_same(changes in changes()) {
        let whole = state().to_json().unwrap();
        if let Ok(read) = RunState::parse(&changed(whole, &changes)) {
            prop_assert_eq!(&read, &state());
            let _ = read.training_state();
        }
    }

    /// With a checksum that fits, as somebody who means harm would write it.
    #[test]
    fn a_state_of_anything_never_leads_out_of_the_folder(
        step in any::<u64>(),
        elapsed_seconds in any::<f64>(),
        metrics_bytes in any::<u64>(),
        checkpoints in prop::collection::vec("(model\\.ckpt-[0-9]{0,21}|[ -~]{0,20}|\\.\\./model.ckpt-1)", 0..6),
    ) {
        let state = RunState { step, elapsed_seconds, metrics_bytes, checkpoints, ..RunState::default() };
        let Ok(bytes) = state.to_json() else { return Ok(()) };
        if let Ok(read) = RunState::parse(&bytes) {
            let _ = read.training_state();
            for name in &read.checkpoints {
                prop_assert!(name.starts_with("model.ckpt-") && !name.contains('/'), "{}", name);
            }
        }
    }

    #[test]
    fn a_changed_checkpoint_index_is_no_panic(changes in changes()) {
        read_checkpoint(&changes);
    }
}

#[test]
fn every_flipped_bit_of_a_state_that_changes_it_is_noticed() {
    let whole = state().to_json().unwrap();
    for at in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(read) = RunState::parse(&bytes) {
            assert_eq!(read, state(), "bit {at}");
        }
    }
}
