//! Wheels made by hand.

use super::*;
use crate::fetch::Silent;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A wheel at `path` with two libraries of the given contents, listed with their digests; `change` edits RECORD,
/// and `extra` names further entries.
pub fn write_wheel(path: &Path, contents: [&[u8]; 2], change: impl Fn(String) -> String, extra: &[&str]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default();
    let mut record = String::from("tensorflow/__init__.py,sha256=x,1\n");
    for (name, bytes) in [PYTHON_LIBRARY, FRAMEWORK].iter().zip(contents) {
        zip.start_file(format!("tensorflow/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        record += &format!("tensorflow/{name},sha256={digest},{}\n", bytes.len());
    }
    for name in extra {
        zip.start_file(*name, options).unwrap();
        zip.write_all(b"extra").unwrap();
    }
    zip.start_file("tensorflow_cpu-2.21.0.dist-info/RECORD", options)
        .unwrap();
    zip.write_all(change(record).as_bytes()).unwrap();
    zip.finish().unwrap();
}

/// The pinned facts of the wheel at `path`.
pub fn pinned(path: &Path) -> Wheel {
    let bytes = fs::read(path).unwrap();
    Wheel {
        requirement: "tensorflow-cpu==2.21.0",
        version: "2.21.0",
        platform: "manylinux_2_27_x86_64",
        bytes: bytes.len() as u64,
        sha256: String::leak(Digest::of(&bytes).to_string()),
    }
}

/// Unpacks a wheel made by [`write_wheel`]; says what it left in the folder.
fn unpacked(
    contents: [&[u8]; 2],
    change: impl Fn(String) -> String,
    extra: &[&str],
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let root = tempfile::tempdir().unwrap();
    let (path, folder) = (root.path().join("t.whl"), root.path().join("library"));
    fs::create_dir(&folder).unwrap();
    write_wheel(&path, contents, change, extra);
    verify(&path, &pinned(&path)).unwrap();
    let unpacked = unpack(&path, &folder, &Silent)?;
    assert_eq!(unpacked.library, PYTHON_LIBRARY);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), unpacked.files.len());
    let file = |file: InstalledFile| {
        let bytes = fs::read(folder.join(&file.name)).unwrap();
        assert_eq!(
            (file.bytes, file.sha256),
            (bytes.len() as u64, Digest::of(&bytes).to_string())
        );
        (file.name, bytes)
    };
    Ok(unpacked.files.into_iter().map(file).collect())
}

const CONTENTS: [&[u8]; 2] = [&[7; 300_000], b"framework"];

#[test]
fn unpacks_the_two_libraries_and_nothing_else() {
    let files = unpacked(
        CONTENTS,
        |record| record,
        &["tensorflow/other.so", "tensorflow/include/"],
    )
    .unwrap();
    let expected = [PYTHON_LIBRARY, FRAMEWORK]
        .map(str::to_owned)
        .into_iter()
        .zip(CONTENTS.map(<[u8]>::to_vec));
    assert_eq!(files, expected.collect::<Vec<_>>());
}

#[test]
fn refuses_what_record_does_not_vouch_for() {
    let refused = |change: fn(String) -> String| unpacked(CONTENTS, change, &[]).unwrap_err();
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(CONTENTS[1]));
    let mismatch = refused(|record| record.replace("sha256=", "sha256=A").replace("AZQ", "ZQ"));
    assert!(mismatch.contains("no sound line"), "{mismatch}");
    let other = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(b"other"));
    let change = move |record: String| record.replace(&digest, &other);
    let mismatch = unpacked(CONTENTS, change, &[]).unwrap_err();
    assert!(mismatch.contains("RECORD lists 9 and "), "{mismatch}");
    assert!(refused(|record| record.replace(",300000", ",299999")).contains("is longer than"));
    assert!(refused(|record| record.replace(",300000", ",300001")).contains("RECORD lists 300001"));
    assert!(refused(|record| record.replace(",300000", ",99999999999")).contains("more than any TensorFlow"));
    assert!(refused(|record| record.replace(",300000", ",-1")).contains("no sound line"));
    assert!(refused(|record| record.replace(FRAMEWORK, "other.so")).contains("does not list"));
}

#[test]
fn refuses_a_wheel_with_a_name_that_points_out_of_it() {
    for name in ["../evil", "tensorflow/../../evil", "/etc/evil", "..\\evil"] {
        let refused = unpacked(CONTENTS, |record| record, &[name]).unwrap_err();
        assert!(refused.contains("points out of it"), "{name}: {refused}");
    }
}

#[test]
fn refuses_a_link_in_a_library_s_place() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("t.whl");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let options = SimpleFileOptions::default();
    zip.add_symlink(format!("tensorflow/{PYTHON_LIBRARY}"), "/etc/passwd", options)
        .unwrap();
    zip.start_file("t.dist-info/RECORD", options).unwrap();
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest("/etc/passwd"));
    for name in [PYTHON_LIBRARY, FRAMEWORK] {
        zip.write_all(format!("tensorflow/{name},sha256={digest},11\n").as_bytes())
            .unwrap();
    }
    zip.finish().unwrap();
    let refused = unpack(&path, root.path(), &Silent).unwrap_err();
    assert!(refused.contains("is no file"), "{refused}");
    assert!(!root.path().join(PYTHON_LIBRARY).exists());
}

#[test]
fn refuses_a_wheel_that_is_not_the_pinned_one_or_is_no_zip() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("t.whl");
    write_wheel(&path, CONTENTS, |record| record, &[]);
    let wheel = pinned(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(verify(&path, &wheel).unwrap_err().contains("SHA-256"));
    bytes.truncate(bytes.len() / 2);
    fs::write(&path, &bytes).unwrap();
    assert!(verify(&path, &wheel).unwrap_err().contains("in place of"));
    assert!(
        unpack(&path, root.path(), &Silent)
            .unwrap_err()
            .contains("cannot be read")
    );
}

proptest! {
    /// Bytes changed anywhere in a wheel, past the pinned digest: whatever is left is one of the two libraries, as RECORD
    /// has it, or nothing.
    #[test]
    fn a_changed_wheel_never_gives_anything_else(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let root = tempfile::tempdir().unwrap();
        let (path, folder) = (root.path().join("t.whl"), root.path().join("library"));
        fs::create_dir(&folder).unwrap();
        write_wheel(&path, [b"library", b"framework"], |record| record, &["tensorflow/other.so"]);
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let outcome = unpack(&path, &folder, &Silent);
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
        for entry in fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            prop_assert!([PYTHON_LIBRARY, FRAMEWORK].contains(&name.as_str()), "{}", name);
        }
        for file in outcome.map_or(Vec::new(), |unpacked| unpacked.files) {
            let found = fs::read(folder.join(&file.name)).unwrap();
            prop_assert_eq!(Digest::of(&found).to_string(), file.sha256);
        }
    }
}
