use super::*;
use crate::CheckpointManager;

#[test]
fn the_state_reads_back() {
    let kept = ["model.ckpt-1", "größe-2", "a\nb\t\u{7f}-3", "a \"b\\"].map(str::to_owned).to_vec();
    let (state, read) = State::parse(&State::write(&kept));
    assert_eq!(read, Ok(()));
    assert_eq!(state, State { latest: kept.last().map(|name| name.clone().into_bytes()), all: kept });
}

#[test]
fn a_state_that_leads_nowhere_is_named_with_a_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["model.ckpt-9", "model.ckpt-10"] {
        for suffix in CheckpointManager::SUFFIXES {
            fs::write(at(&format!("{name}{suffix}")), "").unwrap();
        }
    }
    fs::write(at("model.ckpt-11.index"), "").unwrap();
    for (text, reason) in [
        (&b""[..], "names no"),
        (b"model_checkpoint_pa", "names no"),
        (b"model_checkpoint_path: \"model.ck", "names no"),
        (b"model_checkpoint_path: \"\xff\"", "is no text"),
        (b"model_checkpoint_path: \"model.ckpt-8\"", "model.ckpt-8\", which is not there"),
    ] {
        fs::write(at(STATE_FILE), text).unwrap();
        let error = latest_checkpoint(folder.path()).unwrap_err().to_string();
        let way = format!("name a checkpoint itself, such as {}", at("model.ckpt-10").display());
        assert!(
            error.starts_with(&at(STATE_FILE).display().to_string())
                && error.contains(reason)
                && error.ends_with(&way),
            "{error}"
        );
    }
}

#[test]
fn a_checkpoint_is_meant_by_any_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("m.ckpt-7.index"), "").unwrap();
    for name in [
        "m.ckpt-7",
        "m.ckpt-7.",
        "m.ckpt-7.index",
        "m.ckpt-7.meta",
        "m.ckpt-7.data-00000-of-00001",
        "m.ckpt-7.data-00001-of-00002",
    ] {
        assert_eq!(existing_prefix(&at(name)), Some(at("m.ckpt-7")), "{name}");
    }
    for name in ["m.ckpt-8", "m.ckpt-8.", "m.ckpt-8.meta", ".", "m.ckpt-7.x", ".index", ".meta"] {
        assert_eq!(existing_prefix(&at(name)), None, "{name}");
    }
}
