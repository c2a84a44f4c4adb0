//! Tests that cannot run on this machine.

use std::collections::BTreeMap;
use std::env;
use std::sync::{Mutex, Once, PoisonError};

static WANTING: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());

/// Notes that a test cannot run here for want of something: one line says so when the test program ends. Where `CI=true` it
/// is a failure, since a machine that vouches for the code must have it.
pub fn untested(wanting: &'static str) {
    let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!is_ci, "cannot be tested for want of {wanting}");
    let mut all = WANTING.lock().unwrap_or_else(PoisonError::into_inner);
    *all.entry(wanting).or_default() += 1;
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| {
        // SAFETY: the C library's function, given one of its type. If it has no room left, nothing is said.
        let _ = unsafe { atexit(say) };
    });
}

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> std::ffi::c_int;
}

extern "C" fn say() {
    let all = WANTING.lock().unwrap_or_else(PoisonError::into_inner);
    let each = all.iter().map(|(wanting, count)| format!("{count} for want of {wanting}"));
    eprintln!("tests that could not run here: {}", each.collect::<Vec<_>>().join(", "));
}
