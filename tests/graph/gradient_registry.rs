//! What `golden/gradients.tsv` says of TensorFlow's C++ gradient registry, for every op that the networks are made of.

use std::collections::BTreeMap;
use support::graph_session::graph;
use tensorflow::Output;
use tf_mnist::graph::{
    Activation, BatchNorm, BatchNormConfig, Conditional, Conv2d, Conv2dConfig, Dense, GraphError,
    Initializer, Loss, Mode, Padding, Pool, Result, Scope, Variable, gradients, pool, reduce_mean, reshape,
    softmax,
};

/// The claims: case to "ok" or "ERROR".
fn claims() -> BTreeMap<&'static str, &'static str> {
    let table = include_str!("../fixtures/golden/gradients.tsv");
    table.lines().skip(1).filter_map(|line| line.split('\t').next().zip(line.split('\t').nth(1))).collect()
}

type Build = fn(&Scope, &Output) -> Result<Output>;

/// Each case of the table, on rank 4 or rank 2, from a variable to what is differentiated.
const CASES: [(&str, bool, Build); 11] = [
    ("Conv2D_same_s1", true, |scope, x| {
        Conv2d::new(scope, "c", 2, 3, Conv2dConfig::default())?.apply(scope, x)
    }),
    ("Conv2D_same_s2", true, |scope, x| {
        let config = Conv2dConfig { strides: 2.into(), ..Conv2dConfig::default() };
        Conv2d::new(scope, "c", 2, 3, config)?.apply(scope, x)
    }),
    ("Relu", true, |scope, x| Activation::Relu.apply(scope, x)),
    ("Selu", true, |scope, x| Activation::Selu.apply(scope, x)),
    ("MaxPool_valid", true, |scope, x| pool(scope, Pool::Max, x, 2.into(), 2.into(), Padding::Valid)),
    ("Reshape", true, |scope, x| reshape(scope, x, &[-1, 32])),
    ("FusedBatchNormV3_training", true, |scope, x| norm(scope, x, Mode::Training)),
    ("FusedBatchNormV3_inference", true, |scope, x| norm(scope, x, Mode::Inference)),
    ("MatMul", false, |scope, x| Dense::new(scope, "d", 2, 3, None)?.apply(scope, x)),
    ("Softmax", false, |scope, x| softmax(scope, "softmax", x)),
    ("cond_v1_Switch_Merge", false, |scope, x| {
        let flag = scope.scalar("flag", true)?;
        let cond = Conditional::new(scope, &flag);
        cond.merge(&cond.switch(x)?)
    }),
];

fn norm(scope: &Scope, x: &Output, mode: Mode) -> Result<Output> {
    BatchNorm::new(scope, "bn", 2, BatchNormConfig::default())?.apply(scope, x, mode)
}

/// Whether the sum of `build`'s values has a gradient with respect to its input.
fn has_gradient(rank_4: bool, build: Build) -> bool {
    let scope = graph(Some(1));
    let shape: &[u64] = if rank_4 { &[1, 4, 4, 2] } else { &[3, 2] };
    let x = Variable::new(&scope, "x", shape, Initializer::GlorotUniform).unwrap();
    let y = build(&scope, x.read()).unwrap();
    let flat = reshape(&scope, &y, &[-1]).unwrap();
    let loss = Loss::new(&scope, reduce_mean(&scope, &flat).unwrap()).unwrap();
    match gradients(&scope, &loss, std::slice::from_ref(&x)) {
        Ok(_) => true,
        Err(GraphError::Gradient { status, .. }) => {
            assert!(status.to_string().contains("No gradient defined"), "{status}");
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn ops_have_a_gradient_where_the_table_says_so() {
    let claims = claims();
    for (case, rank_4, build) in CASES {
        let claim = claims.get(case).unwrap_or_else(|| panic!("{case} is not in the table"));
        assert_eq!(has_gradient(rank_4, build), *claim == "ok", "{case}: the table says {claim}");
    }
}

#[test]
fn cross_entropy_has_none_and_its_surrogate_has() {
    assert_eq!(claims()["SparseSoftmaxCrossEntropyWithLogits"], "ERROR");
    let differentiable = |surrogate: bool| {
        let scope = graph(Some(1));
        let logits = Variable::new(&scope, "logits", &[3, 4], Initializer::GlorotUniform).unwrap();
        let labels = scope.constant("labels", &[3], &[0i32, 1, 2]).unwrap();
        let loss = tf_mnist::graph::sparse_softmax_cross_entropy(&scope, logits.read(), &labels).unwrap();
        let loss = if surrogate { loss } else { Loss::new(&scope, loss.value).unwrap() };
        gradients(&scope, &loss, &[logits]).is_ok()
    };
    assert!(differentiable(true));
    assert!(!differentiable(false));
}
