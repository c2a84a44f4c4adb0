//! Installs killed with SIGKILL at random moments, over and over in one cache: what is half there is never taken for a
//! library. `scripts/fault-sweep` does this at length.

use super::*;
use crate::fetch::Silent;
use crate::runtime::child::tests::write_script;
use crate::runtime::pip::PipWheel;
use crate::runtime::platform::{FRAMEWORK, PYTHON_LIBRARY};
use crate::runtime::wheel::tests::{pinned, write_wheel};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

/// Tells [`installs_where_it_is_told`] where.
const PLACE: &str = "INSTALL_SWEEP_PLACE";

/// Stands for pip: a download that takes its time, then a copy to where it belongs.
const DOWNLOAD: &str = "PATH=/usr/bin:/bin
    while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done
    head -c 3000000 WHEEL > $TMPDIR/t.whl && sleep 0.1 && cat WHEEL > $TMPDIR/t.whl
    cp $TMPDIR/t.whl $dest/tensorflow_cpu-2.21.0-cp312-cp312-linux.whl";

/// No test of its own, but what the process does that the next one starts and kills.
#[test]
fn installs_where_it_is_told() {
    let Some(place) = env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let source = PipWheel::with_path(pinned(&place.join("t.whl")), place.join("programs"));
    install(&place.join("cache"), &mut [Box::new(source)], &Silent).unwrap();
}

fn installing(place: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "runtime::install::sweep::installs_where_it_is_told"])
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Bytes that do not compress.
fn noise(random: &mut ChaCha8Rng, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    random.fill_bytes(&mut bytes);
    bytes
}

fn number(variable: &str, default: u64) -> u64 {
    let text = env::var(variable).unwrap_or_default();
    text.parse().unwrap_or(default)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn inode(folder: &Path) -> Option<u64> {
    fs::metadata(folder).ok().map(|folder| folder.ino())
}

/// The half-made installs in `cache`.
fn staged(cache: &Path) -> Vec<PathBuf> {
    let mut names = names(cache);
    names.retain(|name| name.starts_with(STAGING_PREFIX));
    names.iter().map(|name| cache.join(name)).collect()
}

#[test]
fn an_install_killed_at_any_moment_leaves_no_false_library() {
    let kills = number("INSTALL_SWEEP_KILLS", 6);
    let seed = number("FAULT_SWEEP_SEED", u64::from(std::process::id()));
    println!("{kills} kills, FAULT_SWEEP_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let place = tempfile::tempdir().unwrap();
    let (cache, wheel) = (place.path().join("cache"), place.path().join("t.whl"));
    let contents = [12_000_000, 3_000_000].map(|count| noise(&mut random, count));
    write_wheel(
        &wheel,
        contents.each_ref().map(Vec::as_slice),
        |record| record,
        &[],
    );
    fs::create_dir(place.path().join("programs")).unwrap();
    let script = DOWNLOAD.replace("WHEEL", &wheel.display().to_string());
    write_script(&place.path().join("programs/python3"), &script);
    let target = installed::folder(&cache, "2.21.0");

    let succeed = || {
        let output = installing(place.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    };
    let begun = Instant::now();
    succeed();
    let duration = begun.elapsed();

    let (mut killed, mut while_installing, mut sound, mut damaged) = (0, 0, 0, 0);
    while killed < kills {
        // Into a cache without it, but perhaps with what was left by kills before; or in place of a damaged one.
        let was_damaged = target.exists() && random.next_u32().is_multiple_of(3);
        if was_damaged {
            fs::write(target.join(FRAMEWORK), "half").unwrap();
        } else {
            fs::remove_dir_all(&target).unwrap_or_default();
        }
        let before = staged(&cache);
        let mut child = installing(place.path()).spawn().unwrap();
        let share = f64::from(random.next_u32()) / f64::from(u32::MAX);
        let mut wait_until = |seen: &dyn Fn() -> bool| {
            while !seen() && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_micros(100));
            }
        };
        match random.next_u32() % 4 {
            // At any moment.
            0 | 1 => thread::sleep(duration.mul_f64(share)),
            // While it is put in place, which follows the second library.
            2 => {
                wait_until(&|| {
                    staged(&cache).iter().any(|folder| {
                        !before.contains(folder) && folder.join("library").join(FRAMEWORK).exists()
                    })
                });
                thread::sleep(Duration::from_secs_f64(0.03 * share));
            }
            // As soon as it is in place.
            _ => {
                let old = inode(&target);
                wait_until(&|| inode(&target).is_some_and(|inode| Some(inode) != old));
            }
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}"); // it was done before its moment came
            continue;
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        killed += 1;
        while_installing += u32::from(!staged(&cache).is_empty());
        // What every start looks at says the same as every byte does.
        match (installed::check(&target), installed::check_thoroughly(&target)) {
            (State::Absent, State::Absent) => {}
            (State::Sound(library), State::Sound(_)) => {
                sound += 1;
                assert_eq!(library, target.join(PYTHON_LIBRARY));
                for (name, bytes) in [PYTHON_LIBRARY, FRAMEWORK].iter().zip(&contents) {
                    assert!(fs::read(target.join(name)).unwrap() == *bytes, "{name}");
                }
                assert!(target.join(LIBRARY).exists());
            }
            (State::Damaged(_), State::Damaged(_)) if was_damaged => damaged += 1,
            other => panic!("{other:?}"),
        }
    }
    // A pip that outlived its killer may still write into what is to be cleared.
    thread::sleep(Duration::from_secs(1));
    succeed();
    assert_eq!(
        installed::check_thoroughly(&target),
        State::Sound(target.join(PYTHON_LIBRARY))
    );
    let mut left = names(&cache);
    left.retain(|name| name != ".libtensorflow.lock");
    assert_eq!(left, ["libtensorflow-2.21.0-cpu"]);
    println!(
        "install: {killed} kills, {while_installing} of them with a half-made install there; \
         entries: {sound} whole, {damaged} still the damaged one that was to be replaced, none false"
    );
}
