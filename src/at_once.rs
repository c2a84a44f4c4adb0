//! Chunks of work that are done in several places at once.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What `work` makes of each of `chunks`, in their order. The places share them out, each on a thread of its own if there
/// are several.
///
/// # Errors
/// That of the first place that has one; the others end their chunk and begin no more.
///
/// # Panics
/// There is no place.
pub(crate) fn at_once<P: Sync, C: Sync, T: Send, E: Send>(
    places: &[P],
    chunks: &[C],
    work: impl Fn(&P, &C) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let used = places.len().min(chunks.len());
    if used < 2 {
        return chunks.iter().map(|chunk| work(&places[0], chunk)).collect();
    }
    let has_failed = AtomicBool::new(false);
    let done_at = |place: usize| {
        let own = chunks.iter().skip(place).step_by(used);
        // What the others make of the rest is of no use once one has failed.
        let own = own.take_while(|_| !has_failed.load(Ordering::Relaxed));
        let done = own.map(|chunk| work(&places[place], chunk)).collect::<Result<Vec<T>, E>>();
        has_failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    let done_at = &done_at;
    let done = thread::scope(|scope| {
        let threads: Vec<_> = (0..used).map(|place| scope.spawn(move || done_at(place))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>, E>>()
    })?;
    let mut done: Vec<_> = done.into_iter().map(Vec::into_iter).collect();
    Ok((0..chunks.len()).filter_map(|chunk| done[chunk % used].next()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    #[test]
    fn places_work_at_the_same_time() {
        let (here, more_came) = (Mutex::new(0), Condvar::new());
        let meet = |_: &(), _: &()| {
            let mut here = here.lock().unwrap();
            *here += 1;
            more_came.notify_all();
            // One after the other, the first would wait in vain.
            let wait = more_came.wait_timeout_while(here, Duration::from_secs(60), |here| *here < 3).unwrap();
            if wait.1.timed_out() { Err("alone") } else { Ok(()) }
        };
        assert_eq!(at_once(&[(); 3], &[(); 3], meet), Ok(vec![(); 3]));
    }

    #[test]
    fn an_error_ends_the_other_places() {
        let chunks: Vec<usize> = (0..20_000).collect();
        let begun = Mutex::new(0);
        let work = |_: &(), &chunk: &usize| {
            *begun.lock().unwrap() += 1;
            thread::sleep(Duration::from_millis(1));
            if chunk == 0 { Err(chunk) } else { Ok(chunk) }
        };
        assert_eq!(at_once(&[(); 2], &chunks, work), Err(0));
        let begun = *begun.lock().unwrap();
        assert!(begun < chunks.len() / 2, "{begun} chunks were begun");
    }
}
