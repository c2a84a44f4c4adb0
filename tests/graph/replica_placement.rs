//! Every node of a replica, those of its backward pass too, stands and runs on the replica's device.

use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use support::Feeds;
use support::networks::table;
use support::replicas::{Place, Replicated};
use tensorflow::DataType;
use tf_mnist::graph::proto::GraphDef;
use tf_mnist::model::{BuildOptions, Network, Towers};

const REPLICAS: u16 = 3;

/// Of a `RunMetadata`, which node ran where.
#[derive(Clone, PartialEq, Message)]
struct RunMetadata {
    #[prost(message, optional, tag = "1")]
    step_stats: Option<StepStats>,
}

#[derive(Clone, PartialEq, Message)]
struct StepStats {
    #[prost(message, repeated, tag = "1")]
    dev_stats: Vec<DeviceStepStats>,
}

#[derive(Clone, PartialEq, Message)]
struct DeviceStepStats {
    #[prost(string, tag = "1")]
    device: String,
    #[prost(message, repeated, tag = "2")]
    node_stats: Vec<NodeExecStats>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeExecStats {
    #[prost(string, tag = "1")]
    node_name: String,
}

/// A `RunOptions` with `trace_level` FULL_TRACE.
const FULL_TRACE: &[u8] = &[1 << 3, 3];

fn replica_of(node: &str) -> Option<&str> {
    node.strip_prefix("replica_")?.split_once('/').map(|(replica, _)| replica)
}

/// The device that each node ran on in a step of training, without what is ahead of its kind and number.
fn trace(trained: &Replicated) -> BTreeMap<String, String> {
    let mut feeds = Feeds::new(7);
    feeds.gather(&support::mnist().train, &[0, 1, 2, 3, 4, 5, 6]);
    let (network, session) = (&trained.network, &trained.session);
    let (_, metadata) = support::train_step_with(session, network, &feeds, 0, Some(FULL_TRACE));
    let metadata = RunMetadata::decode(&*metadata).unwrap();
    let mut ran = BTreeMap::new();
    for device in metadata.step_stats.unwrap().dev_stats {
        let name = device.device.split_once("/device:").unwrap().1.to_owned();
        ran.extend(device.node_stats.into_iter().map(|node| (node.node_name, name.clone())));
    }
    ran
}

fn check(trained: &Replicated) {
    let graph = GraphDef::decode(&*trained.network.graph.graph_def().unwrap()).unwrap();
    let ran = trace(trained);
    // Of nodes that compute the same TensorFlow runs one.
    let runs = graph.node.iter().filter(|node| ran.contains_key(&node.name));
    let twins: BTreeSet<_> = runs.map(|node| (&node.op, &node.input)).collect();
    let mut constants: BTreeSet<&str> = BTreeSet::new();
    let mut training: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in &graph.node {
        // TensorFlow computes what is made of constants alone before any step, so no trace has it.
        let mut inputs = node.input.iter();
        let is_derived = !node.input.is_empty() && inputs.all(|input| constants.contains(&**input));
        if node.op == "Const" || is_derived {
            constants.insert(&node.name);
        }
        let Some(replica) = replica_of(&node.name) else {
            assert_eq!(node.device, "", "{}", node.name);
            continue;
        };
        assert_eq!(node.device, format!("/device:CPU:{replica}"), "{}", node.name);
        let Some((_, inner)) = node.name.split_once("/training/") else { continue };
        training.entry(replica).or_default().insert(inner);
        match ran.get(&node.name) {
            Some(device) => assert_eq!(*device, format!("CPU:{replica}"), "{}", node.name),
            None => {
                let is_left_out = constants.contains(&*node.name) || twins.contains(&(&node.op, &node.input));
                assert!(is_left_out, "{} did not run", node.name);
            }
        }
    }
    assert_eq!(training.len(), usize::from(REPLICAS));
    assert!(training.values().all(|nodes| nodes == &training["0"]), "towers differ");
    let backward = training["0"].iter().filter(|name| name.starts_with("gradients/"));
    assert!(backward.count() > 30);
    // What is no replica's is the chief's.
    let elsewhere: Vec<_> =
        ran.iter().filter(|(node, device)| replica_of(node).is_none() && *device != "CPU:0").collect();
    // Each device's part of the graph begins with a node of TensorFlow's own, and sends and receives.
    let is_its_own = |node: &str| ["_SOURCE", "_Recv", "_Send", "edge_"].iter().any(|own| node.contains(own));
    assert!(elsewhere.iter().all(|(node, _)| is_its_own(node)), "{elsewhere:?}");
}

/// One after the other: TensorFlow traces one run at a time in a process.
#[test]
fn every_node_of_a_replica_is_and_runs_on_its_device() {
    for network in ["baseline", "optimized"] {
        check(&Replicated::new(&table(network), REPLICAS, Place::Devices, Towers::AsPublished));
    }
    check(&Replicated::synchronized(&table("optimized"), REPLICAS, Place::Devices, Towers::AsPublished));
}

/// Every tensor that is sent is a call: small ones go as one.
#[test]
fn few_tensors_go_from_process_to_process() {
    support::load_reproducible();
    let devices: Vec<_> =
        (0..3).map(|task| format!("/job:worker/replica:0/task:{task}/device:CPU:0")).collect();
    for network in ["baseline", "optimized"] {
        let network = Network::build_on(&devices, &table(network), &BuildOptions::default()).unwrap();
        let graph = GraphDef::decode(&*network.graph.graph_def().unwrap()).unwrap();
        let task_of =
            |device: &str| device.find("/task:").map_or(0, |place| device.as_bytes()[place + 6] - b'0');
        let tasks: BTreeMap<&str, u8> =
            graph.node.iter().map(|node| (&*node.name, task_of(&node.device))).collect();
        let mut sent = BTreeSet::new();
        for (node, task) in graph.node.iter().map(|node| (node, tasks[&*node.name])) {
            for input in &node.input {
                let of = input.trim_start_matches('^').split(':').next().unwrap();
                if tasks[of] != task {
                    sent.insert((tasks[of], task, input));
                }
            }
        }
        let is_float = |tensor: &str| {
            let (node, port) = tensor.split_once(':').unwrap_or((tensor, "0"));
            let operation = network.graph.graph().operation_by_name_required(node).unwrap();
            operation.output_type(port.parse().unwrap()) == DataType::Float
        };
        // The weights of fc1; to train, a part of the images and all that is small; to evaluate, images, labels and all that is
        // small. And back: the gradients in the weights of fc1, all that is small.
        for task in [1, 2] {
            assert_eq!(sent.iter().filter(|(_, to, _)| *to == task).count(), 1 + 2 + 3, "{sent:?}");
            assert_eq!(sent.iter().filter(|(from, ..)| *from == task).count(), 2, "{sent:?}");
            // Images go as bytes.
            let floats = sent.iter().filter(|(_, to, tensor)| *to == task && is_float(tensor));
            assert_eq!(floats.count(), 1, "{sent:?}");
        }
    }
}
