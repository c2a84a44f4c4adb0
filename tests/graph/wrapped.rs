//! A graph that somebody else made, imported and built upon.

use support::load_reproducible;
use tensorflow::{Graph, ImportGraphDefOptions, Output, SessionOptions, Tensor};
use tf_mnist::graph::{
    AdamOptimizer, Dense, GraphSession, Saver, Scope, Variable, sparse_softmax_cross_entropy,
};

/// `x`, and a layer of fixed weights on it.
fn features() -> Scope {
    let graph = Scope::new(Some(1));
    let x = graph.placeholder::<f32>("x", &[None, Some(2)]).unwrap();
    let weights = graph.constant("layer/weights", &[2, 3], &[1.0_f32, -1.0, 0.5, 0.5, 2.0, -1.5]);
    let product = graph.op("MatMul", "layer/MatMul").input(&x).input(&weights.unwrap());
    let product = product.output().unwrap();
    graph.op("Relu", "features").input(&product).build().unwrap();
    graph
}

fn losses(graph: &Scope) -> Vec<f32> {
    let output =
        |name: &str| Output { operation: graph.graph().operation_by_name_required(name).unwrap(), index: 0 };
    let (x, features) = (output("x"), output("features"));
    let y = graph.placeholder::<i32>("y", &[None]).unwrap();
    let head = graph.name_scope("layer");
    let logits = Dense::new(&head, "layer", 3, 2, None).unwrap();
    let logits = logits.apply(&head, &features).unwrap();
    let loss = sparse_softmax_cross_entropy(graph, &logits, &y).unwrap();
    let variables = graph.trainable_variables();
    let train = AdamOptimizer::new(0.1).minimize(graph, &loss, &variables).unwrap();
    let rows = Tensor::new(&[4, 2]).with_values(&[1.0_f32, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 0.5]);
    let (rows, labels) = (rows.unwrap(), Tensor::new(&[4]).with_values(&[0, 1, 0, 1]).unwrap());
    let session = graph.initialized_session().unwrap();
    let step = |_| {
        let step = session.step().feed(&x, &rows).feed(&y, &labels).target(&train);
        step.fetch(&loss.value).run().unwrap()[0][0]
    };
    (0..20).map(step).collect()
}

#[test]
fn an_imported_graph_trains_a_new_layer_as_one_built_at_once_does() {
    load_reproducible();
    let mut imported = Graph::new();
    let graph_def = features().graph_def().unwrap();
    imported.import_graph_def(&graph_def, &ImportGraphDefOptions::new()).unwrap();
    let wrapped = Scope::wrap(imported, Some(1)).unwrap();
    let found = losses(&wrapped);
    assert_eq!(found, losses(&features()));
    assert!(found[19] < 0.5 * found[0], "{found:?}");

    // Scope and node names that the import has are not given again.
    let node = |name: &str| wrapped.graph().operation_by_name(name).unwrap().is_some();
    assert!(node("layer/MatMul") && node("layer_1/layer/MatMul"));
    let again = wrapped.op("NoOp", "X").build().unwrap();
    assert_eq!(again.name().unwrap(), "X_1", "as in TF1, case does not tell names apart");
    // Of the new layer: weights and bias, two slots of Adam's each, and its two powers.
    assert_eq!(wrapped.variables().len(), 2 + 4 + 2);
}

#[test]
fn variables_of_an_imported_graph_are_trained_and_saved() {
    load_reproducible();
    for scope in [Scope::new(Some(1)), Scope::new(Some(1)).resource_variables()] {
        let x = scope.placeholder::<f32>("x", &[None, Some(2)]).unwrap();
        let layer = Dense::new(&scope, "layer", 2, 3, None).unwrap();
        layer.apply(&scope, &x).unwrap();
        let source = scope.initialized_session().unwrap();
        let kernel = source.step().fetch(layer.kernel.read()).run().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("model.ckpt");
        Saver::new(&scope, &scope.variables()).unwrap().save(&source, &prefix).unwrap();

        let mut imported = Graph::new();
        imported.import_graph_def(&scope.graph_def().unwrap(), &ImportGraphDefOptions::new()).unwrap();
        let wrapped = Scope::wrap(imported, Some(1)).unwrap();
        let names = [("layer/kernel", true), ("layer/bias", false)];
        let [found, bias] = names.map(|(name, train)| Variable::existing(&wrapped, name, train).unwrap());
        assert_eq!((found.shape(), bias.shape()), (&[2, 3][..], &[3][..]));
        assert_eq!(found.is_resource, layer.kernel.is_resource);
        assert_eq!(wrapped.trainable_variables().len(), 1);

        // The start value and the checkpoint's are those of the graph it came from.
        let session = wrapped.initialized_session().unwrap();
        assert_eq!(session.step().fetch(found.read()).run().unwrap(), kernel);
        let saver = Saver::new(&wrapped, &wrapped.variables()).unwrap();
        let empty = GraphSession::new(&wrapped, &SessionOptions::new()).unwrap();
        saver.restore(&empty, &prefix).unwrap();
        assert_eq!(empty.step().fetch(found.read()).run().unwrap(), kernel);
    }
}
