//! What the graph library says to a user who gets something wrong.

use support::graph_session::{graph, tensor};
use tf_mnist::graph::{
    AdamOptimizer, Dense, GraphError, Initializer, Loss, Saver, Scope, Variable, gradients, in_top_1,
    reduce_mean, sparse_softmax_cross_entropy,
};

#[test]
fn a_loss_is_a_scalar() {
    let scope = graph(Some(1));
    let x = scope.placeholder::<f32>("x", &[None, Some(3)]).unwrap();
    let error = Loss::new(&scope, x.clone()).unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "\"x\": a loss is a float32 scalar, not Float [?, 3]; see reduce_mean",
        "what unwrap prints is what a person reads"
    );
    let unknown = scope.op("Placeholder", "unknown").data_type("dtype", tensorflow::DataType::Float);
    let unknown = unknown.output().unwrap();
    assert!(matches!(reduce_mean(&scope, &unknown), Err(GraphError::Unfit { .. })));

    let mean = reduce_mean(&scope, &x).unwrap();
    Loss::new(&scope, mean.clone()).unwrap();
    let values = tensor(&[2, 3], &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 9.0]);
    let session = scope.initialized_session().unwrap();
    let found = session.step().feed(&x, &values).fetch(&mean).run().unwrap();
    assert_eq!(found, [[4.0]], "over all axes, as Python's");
}

#[test]
fn what_the_loss_does_not_depend_on_is_named() {
    let scope = graph(Some(1));
    let x = scope.placeholder::<f32>("x", &[None, Some(2)]).unwrap();
    let y = Dense::new(&scope, "used", 2, 3, None).unwrap().apply(&scope, &x).unwrap();
    let aside = Variable::new(&scope, "aside", &[2], Initializer::Zeros).unwrap();
    let loss = Loss::new(&scope, reduce_mean(&scope, &y).unwrap()).unwrap();
    let error = gradients(&scope, &loss, &[aside]).unwrap_err();
    assert!(matches!(&error, GraphError::Unconnected { output } if output == "aside/read"), "{error}");
    let error = AdamOptimizer::new(0.1).minimize(&scope, &loss, &scope.variables()).unwrap_err();
    assert!(matches!(error, GraphError::Unconnected { .. }), "{error}");
}

#[test]
fn labels_may_be_of_either_width() {
    let scope = graph(Some(1));
    let logits = scope.constant("logits", &[2, 3], &[1.0_f32, 2.0, 0.5, 3.0, 1.0, 0.0]).unwrap();
    let session = |labels: &tensorflow::Output| {
        let loss = sparse_softmax_cross_entropy(&scope, &logits, labels).unwrap();
        let accuracy = in_top_1(&scope, &logits, labels).unwrap();
        let session = scope.initialized_session().unwrap();
        session.step().fetch(&loss.value).fetch(&accuracy.mean).run().unwrap()
    };
    let narrow = session(&scope.constant("narrow", &[2], &[1_i32, 2]).unwrap());
    let wide = session(&scope.constant("wide", &[2], &[1_i64, 2]).unwrap());
    assert_eq!(narrow, wide);
    assert_eq!(narrow[1], [0.5]);
}

#[test]
fn a_feed_or_fetch_that_does_not_fit_is_named() {
    let scope = graph(Some(1));
    let x = scope.placeholder::<f32>("inputs/x", &[None, Some(2)]).unwrap();
    let positive = scope.op("Sign", "sign").input(&x).output().unwrap();
    let session = scope.initialized_session().unwrap();
    let fed = |dims: &[u64]| {
        let value = tensor(dims, &vec![1.0_f32; dims.iter().product::<u64>() as usize]);
        session.step().feed(&x, &value).fetch(&positive).run().map_err(|error| error.to_string())
    };
    assert_eq!(fed(&[3, 2]).unwrap()[0], [1.0; 6]);
    assert_eq!(fed(&[3, 4]).unwrap_err(), "\"inputs/x\": it takes Float [?, 2], and was fed Float [3, 4]");
    assert_eq!(fed(&[2]).unwrap_err(), "\"inputs/x\": it takes Float [?, 2], and was fed Float [2]");
    let integers = tensor(&[1, 2], &[1_i32, 2]);
    let error = session.step().feed(&x, &integers).fetch(&positive).run().unwrap_err();
    assert_eq!(error.to_string(), "\"inputs/x\": it takes Float [?, 2], and was fed Int32 [1, 2]");
    let floats = tensor(&[1, 2], &[1.0_f32, 2.0]);
    let error = session.step().feed(&x, &floats).fetch(&positive).run_for::<i32>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"sign\": it is Float; fetch it in a step of its own, with run_for of that type"
    );
}

#[test]
fn a_saver_says_what_it_lacks() {
    let scope = graph(Some(1));
    assert!(matches!(Saver::new(&scope, &[]), Err(GraphError::Unfit { .. })));
    Variable::new(&scope, "weight", &[2], Initializer::Ones).unwrap();
    let saver = Saver::new(&scope, &scope.variables()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let error = saver.save(&scope.initialized_session().unwrap(), absent.join("model.ckpt")).unwrap_err();
    let said = format!("cannot write checkpoint {0}/model.ckpt: there is no folder {0}", absent.display());
    assert_eq!(error.to_string(), said);
    assert!(std::error::Error::source(&error).is_none(), "the cause is in the message");
}

#[test]
fn a_name_that_is_taken_says_what_helps() {
    let scope: Scope = graph(Some(1));
    Variable::new(&scope, "weight", &[2], Initializer::Ones).unwrap();
    let error = Variable::new(&scope, "weight", &[2], Initializer::Ones).unwrap_err();
    assert!(error.to_string().contains("\"weight\" is taken"), "{error}");
    let reused = |shape| Variable::new(&scope.reuse_variables(), "weight", shape, Initializer::Ones);
    assert_eq!(reused(&[2]).unwrap().shape(), [2]);
    assert_eq!(
        reused(&[2, 3]).unwrap_err().to_string(),
        "\"weight\": the variable that is there has shape [2] instead of [2, 3]"
    );
    assert!(matches!(Variable::existing(&scope, "weight", true), Err(GraphError::DuplicateVariable { .. })));
    assert!(matches!(Variable::existing(&scope, "absent", true), Err(GraphError::Unfit { .. })));
    assert!(matches!(Variable::existing(&scope, "weight/read", true), Err(GraphError::Unfit { .. })));
}
