//! Downloads killed with SIGKILL at random moments, over and over in one cache: no file that is half there is ever taken
//! for the data set. `scripts/fault-sweep` does this at length.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::HashMap;
use std::fs;
use std::thread::sleep;
use std::time::Instant;
use support::mirror::{Breaks, Mirror};
use support::names;
use tf_mnist::dataset::{Form, load_default};
use tf_mnist::fetch::{Digest, Silent};

#[test]
fn a_download_killed_at_any_moment_leaves_no_false_entry() {
    let kills = support::number("CACHE_SWEEP_KILLS", 6) as usize;
    let seed = support::number("FAULT_SWEEP_SEED", u64::from(std::process::id()));
    println!("{kills} kills, FAULT_SWEEP_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mnist = load_default(&Form::default(), &Silent).unwrap();
    let digests: HashMap<_, _> = mnist.files.iter().map(|file| (file.name, file.sha256)).collect();
    let mirror = Mirror::of(&mnist.files, Breaks::EveryFourthAnswer);
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache/mnist");
    let command = || mirror.data_command(&place.path().join("cache"));

    let begun = Instant::now();
    let whole = command().output().unwrap();
    // The first answer broke off, and was asked for again of the same mirror.
    assert!(whole.status.success() && (5..=6).contains(&mirror.requests()), "{}", mirror.requests());
    let duration = begun.elapsed();
    let (mut killed, mut while_writing, mut entries) = (0, 0, 0);
    while killed < kills {
        // Sometimes from nothing, sometimes with some entries there.
        if random.next_u32() % 3 == 0 {
            fs::remove_dir_all(&cache).unwrap_or_default();
        } else if let Some(name) = digests.keys().nth((random.next_u32() % 4) as usize) {
            fs::remove_file(cache.join(name)).unwrap_or_default();
        }
        let mut child = command().spawn().unwrap();
        let share = f64::from(random.next_u32()) / f64::from(u32::MAX);
        sleep(duration.mul_f64(share));
        if child.try_wait().unwrap().is_some() {
            continue;
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        killed += 1;
        while_writing += usize::from(names(&cache).iter().any(|name| name.starts_with(".aside-")));
        // What has the name of an entry is that entry, whole.
        for name in names(&cache) {
            if let Some(digest) = digests.get(name.as_str()) {
                entries += 1;
                assert_eq!(Digest::of(&fs::read(cache.join(&name)).unwrap()), *digest, "{name}");
            }
        }
    }
    let output = command().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, whole.stdout);
    assert!(!names(&cache).iter().any(|name| name.starts_with(".aside-")), "{:?}", names(&cache));
    println!(
        "cache: {killed} kills, {while_writing} of them while fetching; {entries} entries checked, all whole"
    );
}
