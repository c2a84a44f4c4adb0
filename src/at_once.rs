//! Chunks of work that are done in several places at once.

use std::panic::resume_unwind;
use std::thread;

/// What `work` makes of each of `chunks`, in their order. The places share them out, each on a thread of its own if there
/// are several.
///
/// # Errors
/// That of the first place that has one, which begins no more; the others go on.
///
/// # Panics
/// There is no place.
pub(crate) fn at_once<P: Sync, C: Sync, T: Send, E: Send>(
    places: &[P],
    chunks: &[C],
    work: impl Fn(&P, &C) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if let [place] = places {
        return chunks.iter().map(|chunk| work(place, chunk)).collect();
    }
    let work = &work;
    let share = chunks.len().div_ceil(places.len()).max(1);
    let done = thread::scope(|scope| {
        let shares = places.iter().zip(chunks.chunks(share));
        let threads: Vec<_> = shares
            .map(|(place, chunks)| {
                scope.spawn(move || {
                    chunks.iter().map(|chunk| work(place, chunk)).collect::<Result<Vec<T>, E>>()
                })
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>, E>>()
    });
    Ok(done?.into_iter().flatten().collect())
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
    fn what_is_made_of_chunks_is_in_their_order_and_an_error_is_the_first_place_s() {
        let chunks: Vec<usize> = (0..7).collect();
        for places in 1..9 {
            let places = vec![(); places];
            assert_eq!(at_once(&places, &chunks, |(), &chunk| Ok::<_, ()>(chunk)), Ok(chunks.clone()));
            assert_eq!(at_once(&places, &chunks[..0], |(), &chunk| Ok::<_, ()>(chunk)), Ok(Vec::new()));
            let failing = |(): &(), &chunk: &usize| if chunk > 0 { Err(chunk) } else { Ok(chunk) };
            assert_eq!(at_once(&places, &chunks, failing), Err(1));
        }
    }
}
