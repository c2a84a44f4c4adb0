//! Archives made by hand.

use super::*;
use crate::fetch::{Silent, SourceError};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use tar::{Builder, Header};

fn real(name: &str) -> String {
    match name.strip_suffix(".dylib") {
        Some(stem) => format!("./lib/{}.18.0.dylib", stem),
        None => format!("./lib/{name}.18.0"),
    }
}

fn add(builder: &mut Builder<GzEncoder<Vec<u8>>>, name: &str, kind: EntryType, bytes: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes()); // as it is, however bad
    header.set_entry_type(kind);
    if kind == EntryType::Symlink {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, bytes).unwrap();
}

fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, bytes) in entries {
        add(&mut builder, name, *kind, bytes);
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn sound() -> Vec<u8> {
    archive(&[
        ("./include/tensorflow/c/c_api.h", EntryType::Regular, b"header"),
        (&format!("./lib/{VERSIONED_LIBRARY}"), EntryType::Symlink, b""),
        (&real(VERSIONED_LIBRARY), EntryType::Regular, b"library"),
        (&real(FRAMEWORK), EntryType::Regular, b"framework"),
        ("./../evil", EntryType::Regular, b"evil"),
    ])
}

fn extracted(archive: &[u8]) -> Result<Vec<String>, String> {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("library");
    fs::create_dir(&folder).unwrap();
    let outcome = extract(archive, &folder, &Silent);
    assert_eq!(
        fs::read_dir(root.path()).unwrap().count(),
        1,
        "nothing is written elsewhere"
    );
    for entry in fs::read_dir(&folder).unwrap() {
        assert!(entry.unwrap().file_type().unwrap().is_file(), "no link is made");
    }
    outcome.map(|unpacked| unpacked.files.into_iter().map(|file| file.name).collect())
}

#[test]
fn takes_the_libraries_under_the_names_that_the_loader_wants() {
    assert_eq!(extracted(&sound()).unwrap(), [VERSIONED_LIBRARY, FRAMEWORK]);
}

#[test]
fn takes_the_first_of_several_names() {
    let library = real(VERSIONED_LIBRARY);
    let twice = archive(&[
        (&library, EntryType::Regular, b"library"),
        (&format!("lib/{VERSIONED_LIBRARY}"), EntryType::Regular, b"again"),
        (&real(FRAMEWORK), EntryType::Regular, b"framework"),
    ]);
    assert_eq!(extracted(&twice).unwrap(), [VERSIONED_LIBRARY, FRAMEWORK]);
}

#[test]
fn knows_the_libraries_by_name() {
    assert_eq!(
        library_name(format!("lib/{FRAMEWORK}").as_bytes()),
        Some(FRAMEWORK)
    );
    assert_eq!(library_name(real(FRAMEWORK).as_bytes()), Some(FRAMEWORK));
    assert_eq!(
        library_name(real(VERSIONED_LIBRARY).trim_start_matches("./").as_bytes()),
        Some(VERSIONED_LIBRARY)
    );
    for other in [
        "lib/libother.so.2.18.0",
        "lib/../libtensorflow.so.2.18.0",
        "lib/libtensorflow.so.2.x",
        "lib",
    ] {
        assert_eq!(library_name(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn refuses_an_archive_that_is_incomplete_cut_short_or_none() {
    let only = archive(&[(&real(FRAMEWORK), EntryType::Regular, b"framework")]);
    assert_eq!(
        extracted(&only).unwrap_err(),
        format!("the archive holds no {VERSIONED_LIBRARY}")
    );
    let link = archive(&[(&real(VERSIONED_LIBRARY), EntryType::Symlink, b"")]);
    assert!(extracted(&link).unwrap_err().contains("holds no"));
    let whole = sound();
    assert!(
        extracted(&whole[..whole.len() / 2])
            .unwrap_err()
            .contains("cannot be read")
    );
    assert!(extracted(b"<html>").unwrap_err().contains("cannot be read"));
}

struct Fixed(Vec<u8>);

impl Source for Fixed {
    fn name(&self) -> String {
        "https://example.org/t.tar.gz".into()
    }

    fn fetch(
        &mut self,
        _artifact: &Artifact<'_>,
        _folder: &Path,
        into: &mut File,
        _progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        into.write_all(&self.0).unwrap();
        Ok(())
    }
}

#[test]
fn verifies_the_archive_before_it_is_unpacked() {
    let root = tempfile::tempdir().unwrap();
    let (folder, scratch) = (root.path().join("library"), root.path().join("scratch"));
    fs::create_dir(&folder)
        .and_then(|()| fs::create_dir(&scratch))
        .unwrap();
    let bytes = sound();
    let pinned = |sha256: String| Archive {
        url: "https://example.org/t.tar.gz",
        version: "2.18.0",
        sha256: String::leak(sha256),
    };
    let mut other = OfficialArchive::from_source(pinned("0".repeat(64)), Box::new(Fixed(bytes.clone())));
    let why = other.unpack(&folder, &scratch, &Silent).unwrap_err();
    assert!(why.contains("has SHA-256") && !why.contains("https://"), "{why}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let digest = Digest::of(&bytes).to_string();
    let mut right = OfficialArchive::from_source(pinned(digest), Box::new(Fixed(bytes)));
    assert_eq!(
        right.unpack(&folder, &scratch, &Silent).unwrap().library,
        VERSIONED_LIBRARY
    );
}

proptest! {
    /// Bytes changed anywhere in the tarball, behind a checksum of gzip's that fits: nothing but the two libraries is ever
    /// written, and no link.
    #[test]
    fn a_changed_archive_never_writes_elsewhere(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut tar = Vec::new();
        GzDecoder::new(&sound()[..]).read_to_end(&mut tar).unwrap();
        for (at, byte) in changes {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(&tar).unwrap();
        if let Ok(names) = extracted(&zipped.finish().unwrap()) {
            prop_assert_eq!(names, [VERSIONED_LIBRARY, FRAMEWORK]);
        }
    }
}
