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
    use std::sync::Barrier;

    #[test]
    fn results_are_in_the_order_of_the_chunks_whatever_the_number_of_places() {
        for chunks in 0..9 {
            let chunks: Vec<usize> = (0..chunks).collect();
            for places in 1..5 {
                let places: Vec<usize> = (0..places).collect();
                let done = at_once(&places, &chunks, |&place, &chunk| Ok::<_, ()>((place, chunk))).unwrap();
                let used = places.len().min(chunks.len());
                let expected: Vec<_> = chunks.iter().map(|&chunk| (chunk % used, chunk)).collect();
                assert_eq!(done, expected);
            }
        }
    }

    #[test]
    fn places_work_at_the_same_time() {
        let all_here = Barrier::new(3); // which one after the other would wait at for ever
        let places = [(); 3];
        at_once(&places, &[(); 6], |_, _| Ok::<_, ()>(all_here.wait())).unwrap();
    }

    #[test]
    fn an_error_is_passed_on() {
        let odd = |chunk: &i32| if chunk % 2 == 0 { Ok(*chunk) } else { Err(*chunk) };
        assert_eq!(at_once(&[(); 2], &[0, 1, 2, 3], |_, chunk| odd(chunk)), Err(1));
        assert_eq!(at_once(&[(); 1], &[0, 1, 2, 3], |_, chunk| odd(chunk)), Err(1));
    }
}
