//! `TF_CONFIG`: a cluster as Keras, Kubeflow and Vertex AI describe it to each of its processes.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use tf_mnist::session::cluster::Address;

#[derive(Deserialize)]
#[serde(expecting = "an object with cluster and task")]
struct Whole {
    cluster: BTreeMap<String, Vec<String>>,
    task: Task,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with type and index")]
struct Task {
    #[serde(rename = "type")]
    job: String,
    /// A number, or one in quotes.
    index: Value,
}

/// Reads the JSON object `{"cluster": {"worker": ["h0:2222", ...]}, "task": {"type": "worker", "index": 0}}`. Returns where its processes are
/// reached, the one that trains first, the `chief` or, where there is none, worker 0; and which of them this one is.
pub fn parse(json: &str) -> Result<(Vec<Address>, usize), String> {
    let Whole { mut cluster, task } = serde_json::from_str(json).map_err(|error| {
        let what = if error.is_data() { "description of a cluster" } else { "JSON" };
        format!("it is no {what}: {error}")
    })?;
    let mut job = |name: &str| -> Result<Vec<Address>, String> {
        let addresses = cluster.remove(name).unwrap_or_default();
        addresses.iter().map(|text| text.parse().map_err(|error| format!("{name}: {error}"))).collect()
    };
    let (chiefs, workers) = (job("chief")?, job("worker")?);
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
    let (before, jobs) = match task.job.as_str() {
        "chief" => (0, chiefs.len()),
        "worker" => (chiefs.len(), workers.len()),
        other => return Err(format!("its task is of type {other:?}; only chief and worker are known")),
    };
    if index >= jobs {
        return Err(format!("its task is {} {index}, and there are {jobs} of that job", task.job));
    }
    if chiefs.len() > 1 {
        return Err(format!("there are {} chiefs in it, and one is the most", chiefs.len()));
    }
    let processes = [chiefs, workers].concat();
    let mut seen = HashSet::new();
    match processes.iter().find(|address| !seen.insert(*address)) {
        Some(twice) => Err(format!("{twice} is in it twice")),
        None => Ok((processes, before + index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_chief_is_the_chief_or_else_worker_0() {
        // As in Keras's guide to MultiWorkerMirroredStrategy, and as Kubeflow's operator writes it.
        let keras = |index| {
            format!(
                r#"{{"cluster": {{"worker": ["h0:12345", "h1:23456"]}}, "task": {{"type": "worker", "index": {index}}}}}"#
            )
        };
        let parsed = |json: &str| parse(json).unwrap();
        let processes = vec!["h0:12345".parse().unwrap(), "h1:23456".parse().unwrap()];
        assert_eq!(parsed(&keras("1")), (processes, 1));
        assert_eq!(["0", "\"0\""].map(|index| parsed(&keras(index)).1), [0, 0]);
        let kubeflow = |job, index| {
            format!(
                r#"{{"cluster":{{"chief":["job-chief-0.ns.svc:2222"],"worker":["job-worker-0.ns.svc:2222",
                "job-worker-1.ns.svc:2222"],"ps":[]}},"task":{{"type":"{job}","index":{index}}},"environment":"cloud"}}"#
            )
        };
        let [chief, worker] = [("chief", 0), ("worker", 1)].map(|(job, index)| parsed(&kubeflow(job, index)));
        assert_eq!((chief.1, chief.0.len(), worker.1), (0, 3, 2));
        assert_eq!(worker.0[0].to_string(), "job-chief-0.ns.svc:2222");
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
            let error = parse(&json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        for json in ["", "{", "[]", "{}", "7", r#"{"cluster":{}}"#, r#"{"cluster":[],"task":{}}"#, "\0"] {
            let error = parse(json).unwrap_err();
            assert!(!error.contains("struct"), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(json in "\\PC*", cluster in "[\\[\\]{}\":,a-z0-9-]*") {
            let _ = parse(&json);
            let _ = parse(&format!(r#"{{"cluster":{{{cluster}}},"task":{{"type":"worker","index":0}}}}"#));
        }
    }
}
