//! Runs killed with SIGKILL at random moments and resumed, over and over: in the end every number and every byte is that
//! of a run that nobody touched. `scripts/fault-sweep` does this at length.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::runs;

const BASELINE: &[&str] = &["baseline", "--batch-size", "20", "--epochs", "4", "--save-every", "2"];
const OPTIMIZED: &[&str] =
    &["optimized", "--batch-size", "20", "--max-steps", "40", "--validate-every", "15", "--save-every", "2"];

/// What was seen.
#[derive(Debug, Default)]
struct Counts {
    runs: usize,
    kills: usize,
    /// Of the kills: those before the process did its first step.
    at_the_start: usize,
    /// Of the kills: those that left a checkpoint or state half written or half deleted.
    while_writing: usize,
    losses: usize,
    validations: usize,
    /// Of the validations: those that ended at a bound.
    bounds: usize,
    decisions: usize,
    checkpoints: usize,
    differences: Vec<String>,
    unreadable: Vec<String>,
}

/// When a process is killed.
enum Moment {
    /// So long after it was started.
    AfterStart(Duration),
    /// So long after it did its first step.
    AfterFirstStep(Duration),
    /// As soon as something half written is seen, and so long after that.
    WhileWriting(Duration),
}

impl Moment {
    /// A random one; a step and a save take about 10 ms each, a start half a second.
    fn draw(random: &mut ChaCha8Rng, training: Duration) -> Self {
        let kind = random.next_u32() % 10;
        let share = f64::from(random.next_u32()) / f64::from(u32::MAX);
        match kind {
            0 => Self::AfterStart(Duration::from_secs_f64(share)),
            1..=5 => Self::AfterFirstStep(training.mul_f64(share / 2.0)),
            _ => Self::WhileWriting(Duration::from_secs_f64(share * 0.008)),
        }
    }

    /// Waits for it; `false` if the process has ended by then.
    fn wait(&self, child: &mut Child, run: &Path, lines_before: usize, random: &mut ChaCha8Rng) -> bool {
        // Not always at the first save.
        let mut to_pass = random.next_u32() % 8;
        let started = Instant::now();
        loop {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            let due = match self {
                Self::AfterStart(_) => true,
                Self::AfterFirstStep(_) => runs::metrics(run).len() > lines_before,
                Self::WhileWriting(_) => {
                    let seen = !runs::leftovers(run).is_empty();
                    if seen && to_pass > 0 {
                        to_pass -= 1;
                        sleep(Duration::from_millis(20));
                    }
                    seen && to_pass == 0
                }
            };
            if due {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(300), "{run:?} hangs");
            sleep(Duration::from_micros(500));
        }
        let (Self::AfterStart(delay) | Self::AfterFirstStep(delay) | Self::WhileWriting(delay)) = self;
        sleep(*delay);
        child.try_wait().unwrap().is_none()
    }
}

/// Starts, kills and resumes runs until `kills` are done and the last run is through; compares each with `reference`.
fn sweep(arguments: &[&str], kills: usize, folder: &Path, random: &mut ChaCha8Rng, counts: &mut Counts) {
    let reference = folder.join("reference");
    let begun = Instant::now();
    runs::succeed(runs::start(&reference, arguments));
    let training = begun.elapsed();
    let target = counts.kills + kills;
    while counts.kills < target {
        let run = folder.join(format!("run-{}", counts.runs));
        counts.runs += 1;
        // Killed early enough, it is not there yet.
        let next = || match run.join("config.json").exists() {
            true => runs::resume(&run, &arguments[..1]),
            false => runs::start(&run, arguments),
        };
        while counts.kills < target && !survives(&mut next(), &run, training, random, counts) {
            counts.unreadable.extend(runs::unreadable(&run));
        }
        // Finished, or to be finished now.
        runs::succeed(next());
        compare(&reference, &run, counts);
    }
}

/// Runs `command` to a random moment and kills it; whether it was through before.
fn survives(
    command: &mut Command,
    run: &Path,
    training: Duration,
    random: &mut ChaCha8Rng,
    counts: &mut Counts,
) -> bool {
    let lines_before = runs::metrics(run).len();
    let mut child = command.spawn().unwrap();
    if !Moment::draw(random, training).wait(&mut child, run, lines_before, random) {
        let output = runs::end(child, support::DEADLINE);
        assert!(output.status.success(), "{command:?}: {}", runs::stderr(&output));
        return true;
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    counts.kills += 1;
    counts.at_the_start += usize::from(runs::metrics(run).len() <= lines_before);
    counts.while_writing += usize::from(!runs::leftovers(run).is_empty());
    false
}

/// Notes every difference between a run and the one that was never killed.
fn compare(reference: &Path, run: &Path, counts: &mut Counts) {
    let (expected, found) = (runs::metrics(reference), runs::metrics(run));
    if expected.len() != found.len() {
        let lengths = format!("{} lines instead of {}", found.len(), expected.len());
        counts.differences.push(format!("{}: {lengths}", run.display()));
    }
    for (expected, found) in expected.iter().zip(&found) {
        let event: Value = serde_json::from_str(expected).unwrap();
        match event["event"].as_str() {
            Some("step") => counts.losses += 1,
            Some("validation") => {
                counts.validations += 1;
                // Whatever the order of rows, it ends at a bound if, and only if, it is no improvement on a best one.
                counts.bounds += usize::from(event["bound"] == true);
                counts.decisions += 1; // whether it improved, and so whether it is saved
            }
            _ => counts.decisions += 1, // when it stopped, and what was tested
        }
        if expected != found {
            counts.differences.push(format!("{}: {found} instead of {expected}", run.display()));
        }
    }
    let last_state = |run: &Path| runs::states(run).pop().unwrap();
    let mut sets = vec![(runs::checkpoint_files(reference), runs::checkpoint_files(run))];
    sets.push((runs::checkpoint_files(&last_state(reference)), runs::checkpoint_files(&last_state(run))));
    for (expected, found) in sets {
        counts.checkpoints += expected.iter().filter(|(name, _)| name.ends_with(".index")).count();
        if expected != found {
            let names = found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            counts.differences.push(format!("{}: its checkpoints {names:?}", run.display()));
        }
    }
    counts.unreadable.extend(runs::unreadable(run));
    assert!(runs::leftovers(run).is_empty(), "{:?}", runs::leftovers(run));
}

#[test]
fn killed_and_resumed_runs_end_as_if_nothing_had_happened() {
    let kills = support::number("FAULT_SWEEP_KILLS", 6) as usize;
    let seed = support::number("FAULT_SWEEP_SEED", u64::from(std::process::id()));
    println!("{kills} kills, FAULT_SWEEP_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut counts = Counts::default();
    let folder = tempfile::tempdir().unwrap();
    // Runs of the baseline are shorter, so more of them fit into the same time.
    let (optimized, bounded) = (kills / 3, kills / 6);
    for (name, arguments, kills) in [
        ("baseline", BASELINE, kills - optimized - bounded),
        ("optimized", OPTIMIZED, optimized),
        ("bounded", runs::BOUNDED, bounded),
    ] {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let begun = Instant::now();
        sweep(arguments, kills, &place, &mut random, &mut counts);
        println!("{name}: {kills} kills in {:.0?}", begun.elapsed());
    }
    assert!(bounded == 0 || counts.bounds > 0);
    println!(
        "kills: {} in {} runs, {} of them before a first step, {} while writing a checkpoint\n\
         compared: {} losses, {} validations, {} of them bounds, {} decisions, {} checkpoints\n\
         differences: {}\nunreadable files: {}",
        counts.kills,
        counts.runs,
        counts.at_the_start,
        counts.while_writing,
        counts.losses,
        counts.validations,
        counts.bounds,
        counts.decisions,
        counts.checkpoints,
        counts.differences.len(),
        counts.unreadable.len()
    );
    assert!(counts.differences.is_empty(), "{:#?}", counts.differences);
    assert!(counts.unreadable.is_empty(), "{:#?}", counts.unreadable);
}
