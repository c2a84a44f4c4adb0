//! `TF_CONFIG`: a cluster as Keras, Kubeflow and Vertex AI describe it to each of its processes.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use tf_mnist::session::cluster::Address;

/// A cluster, and this process's part in it.
#[derive(Debug, PartialEq, Eq)]
pub struct TfConfig {
    /// Where the process that trains is reached: the `chief`, or, where there is none, worker 0.
    pub chief: Address,
    /// The others, in order.
    pub workers: Vec<Address>,
    /// Which of them this process is, counted from 0; none: the one that trains.
    pub worker: Option<usize>,
}

#[derive(Deserialize)]
struct Whole {
    cluster: BTreeMap<String, Vec<String>>,
    task: Task,
}

#[derive(Deserialize)]
struct Task {
    #[serde(rename = "type")]
    job: String,
    /// A number, or one in quotes.
    index: Value,
}

impl TfConfig {
    /// Reads the JSON object `{"cluster": {"worker": ["h0:2222", ...]}, "task": {"type": "worker", "index": 0}}`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(json: &str) -> Result<Self, String> {
        let Whole { mut cluster, task } =
            serde_json::from_str(json).map_err(|error| match error.is_data() {
                true => format!("it is no description of a cluster: {error}"),
                false => format!("it is no JSON: {error}"),
            })?;
        let mut job = |name: &str| -> Result<Vec<Address>, String> {
            let addresses = cluster.remove(name).unwrap_or_default();
            addresses.iter().map(|text| text.parse().map_err(|error| format!("{name}: {error}"))).collect()
        };
        let (chiefs, mut others) = (job("chief")?, job("worker")?);
        if let Some((other, _)) = cluster.iter().find(|(_, addresses)| !addresses.is_empty()) {
            let why = match other.as_str() {
                "ps" => ": variables are kept by the chief, so leave parameter servers out",
                "evaluator" => ": the chief validates, so leave the evaluator out",
                _ => "",
            };
            return Err(format!("there is a job {other:?} in it, and only chief and worker are known{why}"));
        }
        let index = task.index.as_u64().or_else(|| task.index.as_str()?.parse().ok());
        let index = index.and_then(|index| usize::try_from(index).ok());
        let index = index.ok_or_else(|| format!("the task's index is {}, which is no number", task.index))?;
        let jobs = match task.job.as_str() {
            "chief" => chiefs.len(),
            "worker" => others.len(),
            other => return Err(format!("its task is of type {other:?}; only chief and worker are known")),
        };
        if index >= jobs {
            return Err(format!("its task is {} {index}, and there are {jobs} of that job", task.job));
        }
        let has_chief = !chiefs.is_empty();
        let chief = match (chiefs.len(), others.is_empty()) {
            (1, _) => chiefs.into_iter().next(),
            (0, false) => Some(others.remove(0)),
            (0, true) => None,
            (count, _) => return Err(format!("there are {count} chiefs in it, and one is the most")),
        };
        let chief = chief.ok_or("its cluster has no processes")?;
        let mut seen = HashSet::new();
        if let Some(twice) = std::iter::once(&chief).chain(&others).find(|address| !seen.insert(*address)) {
            return Err(format!("{twice} is in it twice"));
        }
        let worker = match (task.job.as_str(), has_chief) {
            ("worker", true) => Some(index),
            ("worker", false) => index.checked_sub(1),
            _ => None,
        };
        Ok(Self { chief, workers: others, worker })
    }

    /// Where this process is reached.
    pub fn own(&self) -> &Address {
        self.worker.and_then(|worker| self.workers.get(worker)).unwrap_or(&self.chief)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(texts: &[&str]) -> Vec<Address> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_chief_is_the_chief_or_else_worker_0() {
        // As in Keras's guide to MultiWorkerMirroredStrategy, and as Kubeflow's operator writes it.
        let keras = |index| {
            format!(
                r#"{{"cluster": {{"worker": ["h0:12345", "h1:23456"]}}, "task": {{"type": "worker", "index": {index}}}}}"#
            )
        };
        let [first, second] = ["0", "1"].map(|index| TfConfig::parse(&keras(index)).unwrap());
        assert_eq!(first, TfConfig { worker: None, ..TfConfig::parse(&keras("\"0\"")).unwrap() });
        assert_eq!((first.own().to_string().as_str(), first.worker), ("h0:12345", None));
        assert_eq!((second.own().to_string().as_str(), second.worker), ("h1:23456", Some(0)));
        assert_eq!(second.workers, addresses(&["h1:23456"]));
        let kubeflow = |job, index| {
            format!(
                r#"{{"cluster":{{"chief":["job-chief-0.ns.svc:2222"],"worker":["job-worker-0.ns.svc:2222",
                "job-worker-1.ns.svc:2222"],"ps":[]}},"task":{{"type":"{job}","index":{index}}},"environment":"cloud"}}"#
            )
        };
        let chief = TfConfig::parse(&kubeflow("chief", 0)).unwrap();
        assert_eq!((chief.worker, chief.workers.len()), (None, 2));
        let worker = TfConfig::parse(&kubeflow("worker", 1)).unwrap();
        assert_eq!((worker.worker, worker.own()), (Some(1), &worker.workers[1]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (cluster, job, index, expected) in [
            (r#""worker":["a:1"],"ps":["b:1"]"#, "worker", "0", "leave parameter servers out"),
            (r#""worker":["a:1"],"evaluator":["b:1"]"#, "worker", "0", "leave the evaluator out"),
            (r#""worker":["a:1"],"x":["b:1"]"#, "worker", "0", "a job \"x\""),
            (r#""chief":["a:1","b:1"]"#, "chief", "0", "2 chiefs"),
            (r#""worker":["a:1","b:1"]"#, "worker", "2", "worker 2, and there are 2"),
            (r#""worker":["a:1"]"#, "chief", "0", "chief 0, and there are 0"),
            (r#""worker":["a:1"]"#, "ps", "0", "of type \"ps\""),
            (r#""worker":["a:1"]"#, "worker", "-1", "no number"),
            (r#""worker":["a:1"]"#, "worker", "null", "no number"),
            (r#""worker":["a"]"#, "worker", "0", "no HOST:PORT"),
            (r#""worker":["a:1","a:1"]"#, "worker", "0", "a:1 is in it twice"),
            ("", "worker", "0", "worker 0, and there are 0"),
        ] {
            let json = format!(r#"{{"cluster":{{{cluster}}},"task":{{"type":"{job}","index":{index}}}}}"#);
            let error = TfConfig::parse(&json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        for json in ["", "{", "[]", "{}", "7", r#"{"cluster":{}}"#, r#"{"cluster":[],"task":{}}"#, "\0"] {
            assert!(TfConfig::parse(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(json in "\\PC*", cluster in "[\\[\\]{}\":,a-z0-9-]*") {
            let _ = TfConfig::parse(&json);
            let _ = TfConfig::parse(&format!(r#"{{"cluster":{{{cluster}}},"task":{{"type":"worker","index":0}}}}"#));
        }
    }
}
