//! The bits of Python's own graph: `graph.pb`, made by TensorFlow's Python front end, runs beside ours in this process.

use tensorflow::{Graph, ImportGraphDefOptions, Session, SessionOptions, SessionRunArgs, Tensor};
use tf_mnist::model::{BaselineConfig, baseline};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden").join(name)
}
fn options() -> SessionOptions {
    let mut options = SessionOptions::new();
    // intra=1, inter=1, disable_meta_optimizer
    options.set_config(&[0x10, 1, 0x28, 1, 0x52, 5, 0x52, 3, 0x98, 0x01, 0x01]).unwrap();
    options
}

#[test]
fn baseline_losses_are_the_bits_of_python_s_graph() {
    unsafe { std::env::set_var("TF_ENABLE_ONEDNN_OPTS", "0"); std::env::set_var("TF_CPP_MIN_LOG_LEVEL", "3"); }
    tensorflow::library::load().unwrap();
    let ours = baseline(&BaselineConfig::default()).unwrap();
    let session = Session::new(&options(), &ours.graph.graph()).unwrap();
    ours.saver.restore(&session, &golden("baseline/init.ckpt")).unwrap();

    let mut theirs = Graph::new();
    theirs.import_graph_def(&std::fs::read(golden("baseline/graph.pb")).unwrap(), &ImportGraphDefOptions::new()).unwrap();
    let their_session = Session::new(&options(), &theirs).unwrap();
    let op = |name: &str| theirs.operation_by_name_required(name).unwrap();
    let prefix = Tensor::from(golden("baseline/init.ckpt").to_str().unwrap().to_owned());
    let mut args = SessionRunArgs::new();
    args.add_feed(&op("init_and_save/save/Const"), 0, &prefix);
    args.add_target(&op("init_and_save/save/restore_all"));
    their_session.run(&mut args).unwrap();

    let mut x = Tensor::<f32>::new(&[100, 784]);
    let mut y = Tensor::<i32>::new(&[100]);
    let mut state = 1u64;
    for step in 0..50 {
        for v in x.iter_mut() { state = state.wrapping_mul(6364136223846793005).wrapping_add(1); *v = ((state >> 56) as f32) / 255.0; }
        for v in y.iter_mut() { state = state.wrapping_mul(6364136223846793005).wrapping_add(1); *v = ((state >> 40) % 10) as i32; }
        let mut a = SessionRunArgs::new();
        a.add_feed(&ours.inputs.x.operation, 0, &x);
        a.add_feed(&ours.inputs.labels.operation, 0, &y);
        a.add_target(&ours.train);
        let t = a.request_fetch(&ours.loss.operation, 0);
        session.run(&mut a).unwrap();
        let la = a.fetch::<f32>(t).unwrap()[0];
        let mut a = SessionRunArgs::new();
        a.add_feed(&op("inputs/X"), 0, &x);
        a.add_feed(&op("inputs/y"), 0, &y);
        a.add_target(&op("train/Adam"));
        let t = a.request_fetch(&op("train/Mean"), 0);
        their_session.run(&mut a).unwrap();
        let lb = a.fetch::<f32>(t).unwrap()[0];
        assert_eq!(la.to_bits(), lb.to_bits(), "step {step}: {la} {lb}");
    }
}
