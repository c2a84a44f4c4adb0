//! The signature `classify`, asked by serialized `tf.Example`s.

use super::export;
use super::final_checkpoint;
use super::served::{Served, fetch, greatest_difference, operation};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use std::collections::BTreeMap;
use support::hundred_digits::{self, HundredDigits};
use tensorflow::{DataType, Graph, ImportGraphDefOptions, Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::graph::Scope;
use tf_mnist::saved_model::CLASSIFY;

#[derive(Clone, PartialEq, Message)]
struct Example {
    #[prost(message, optional, tag = "1")]
    features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
struct Features {
    #[prost(btree_map = "string, message", tag = "1")]
    feature: BTreeMap<String, Feature>,
}

#[derive(Clone, PartialEq, Message)]
struct Feature {
    #[prost(message, optional, tag = "2")]
    float_list: Option<FloatList>,
}

#[derive(Clone, PartialEq, Message)]
struct FloatList {
    #[prost(float, repeated, tag = "1")]
    value: Vec<f32>,
}

/// A serialized `tf.Example` with the feature `image`.
fn example(image: &[f32]) -> Vec<u8> {
    let image = Feature { float_list: Some(FloatList { value: image.to_vec() }) };
    let feature = BTreeMap::from([("image".to_owned(), image)]);
    Example { features: Some(Features { feature }) }.encode_to_vec()
}

/// The crate feeds only UTF-8, which serialized examples are not. So the exported graph is put behind a decoder of
/// base64, and its variables are restored as its SaverDef says: by names that are fixed here.
#[test]
fn python_s_checkpoints_answer_the_same_when_asked_by_examples() {
    let digits = HundredDigits::read();
    for (network, _) in super::NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        let exported = export(&final_checkpoint(network), folder.path(), None).unwrap();
        let served = Served::load(&exported.path);
        assert_eq!(served.method(CLASSIFY), "tensorflow/serving/classify");
        let signature = served.meta_graph().get_signature(CLASSIFY).unwrap();
        assert_eq!(signature.outputs().len(), 2);
        let (examples, scores) = served.names(CLASSIFY, "scores");
        let (_, classes) = served.names(CLASSIFY, "classes");

        let scope = Scope::new(None);
        let encoded = scope
            .op("Placeholder", "base64")
            .data_type("dtype", DataType::String)
            .shape("shape", &[None])
            .output()
            .unwrap();
        let decoded = scope.op("DecodeBase64", "decoded").input(&encoded).output().unwrap();
        let mut graph = Graph::new();
        let nothing = ImportGraphDefOptions::new();
        graph.import_graph_def(&scope.graph_def().unwrap(), &nothing).unwrap();
        let mut behind = ImportGraphDefOptions::new();
        let decoded = operation(&graph, &decoded.operation.name().unwrap());
        behind.add_input_mapping(&examples, 0, &decoded.output(0)).unwrap();
        graph.import_graph_def(&served.graph.graph_def().unwrap(), &behind).unwrap();
        let session = Session::new(&SessionOptions::new(), &graph).unwrap();
        let variables = exported.path.join("variables/variables").to_str().unwrap().to_owned();
        let variables = Tensor::<String>::from(variables);
        let mut restore = SessionRunArgs::new();
        restore.add_feed(&operation(&graph, "save/Const"), 0, &variables);
        restore.add_target(&operation(&graph, "save/restore_all"));
        session.run(&mut restore).unwrap();

        let encoded: Vec<_> =
            digits.floats.chunks_exact(784).map(|image| URL_SAFE_NO_PAD.encode(example(image))).collect();
        let encoded = Tensor::new(&[100]).with_values(&encoded).unwrap();
        let input = operation(&graph, "base64");
        let scores: Tensor<f32> = fetch(&session, &input, &encoded, &operation(&graph, &scores));
        let classes: Tensor<String> = fetch(&session, &input, &encoded, &operation(&graph, &classes));
        assert_eq!((scores.dims(), classes.dims()), (&[100, 10][..], &[100, 10][..]));
        let difference = greatest_difference(&scores, &hundred_digits::python_s_probabilities(network));
        assert!(difference < 1e-5, "{network}: {difference}");
        for row in classes.chunks_exact(10) {
            assert_eq!(row.concat(), "0123456789");
        }
    }
}
