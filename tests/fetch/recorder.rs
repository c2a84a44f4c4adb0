//! A watcher that remembers.

use std::sync::Mutex;
use tf_mnist::fetch::Progress;

#[derive(Default)]
pub struct Recorder {
    events: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    pub fn notes(&self) -> Vec<String> {
        self.events().iter().filter_map(|event| event.strip_prefix("note ").map(str::to_owned)).collect()
    }

    fn push(&self, event: String) {
        self.events.lock().unwrap().push(event);
    }
}

impl Progress for Recorder {
    fn start(&self, label: &str, total_bytes: Option<u64>) {
        self.push(format!("start {label} {total_bytes:?}"));
    }

    fn position(&self, bytes: u64) {
        self.push(format!("at {bytes}"));
    }

    fn finish(&self) {
        self.push("finish".to_owned());
    }

    fn note(&self, message: &str) {
        self.push(format!("note {message}"));
    }
}
