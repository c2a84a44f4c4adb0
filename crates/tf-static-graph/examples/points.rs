//! A classifier of points in the plane, as a static graph: `cargo run -p tf-static-graph --example points`.

use std::error::Error;
use tf_static_graph::libtensorflow::{self, Silent};
use tf_static_graph::tensorflow::Tensor;
use tf_static_graph::{Activation, AdamOptimizer, Dense, Saver, Scope, sparse_softmax_cross_entropy};

fn main() -> Result<(), Box<dyn Error>> {
    // TensorFlow's library is found on this machine, or else installed into `~/.cache/libtensorflow`.
    let options = libtensorflow::Options::default();
    // SAFETY: no other thread runs yet.
    unsafe { libtensorflow::load_with_environment(&options, &Silent)? };

    let graph = Scope::new(Some(1)); // the seed of the start values
    let x = graph.placeholder::<f32>("x", &[None, Some(2)])?;
    let y = graph.placeholder::<i32>("y", &[None])?;
    let hidden = Dense::new(&graph, "hidden", 2, 16, Some(Activation::Relu))?.apply(&graph, &x)?;
    let logits = Dense::new(&graph, "logits", 16, 3, None)?.apply(&graph, &hidden)?;
    let loss = sparse_softmax_cross_entropy(&graph, &logits, &y)?;
    let train = AdamOptimizer::new(0.01).minimize(&graph, &loss, &graph.trainable_variables())?;
    let saver = Saver::new(&graph, &graph.variables())?;

    let (points, classes) = three_arms()?;
    let session = graph.initialized_session()?;
    for step in 0..400 {
        let fed = session.step().feed(&x, &points).feed(&y, &classes);
        let losses = fed.target(&train).fetch(&loss.value).run()?;
        if step % 100 == 0 {
            println!("step {step:3}: loss {:.3}", losses[0][0]);
        }
    }
    let folder = tempfile::tempdir()?;
    saver.save(&session, folder.path().join("model.ckpt"))?; // as Python's Saver does

    let logits = session.step().feed(&x, &points).fetch(&logits).run()?;
    let likeliest = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    let right = logits[0].chunks(3).zip(classes.iter());
    let right = right.filter(|(row, class)| likeliest(row) == Some(**class as usize)).count();
    println!("{right} of {} points are told right", classes.len());
    Ok(())
}

/// Points along three arms that wind around the origin, float32 [300, 2], and the arm of each, int32 [300].
fn three_arms() -> Result<(Tensor<f32>, Tensor<i32>), Box<dyn Error>> {
    let (mut points, mut arms) = (Vec::new(), Vec::new());
    for number in 0..300 {
        let (arm, along) = (number / 100, (number % 100 + 1) as f32 / 100.0);
        let angle = std::f32::consts::TAU * (along * 0.6 + arm as f32 / 3.0);
        points.extend([along * angle.cos(), along * angle.sin()]);
        arms.push(arm);
    }
    let points = Tensor::new(&[300, 2]).with_values(&points)?;
    Ok((points, Tensor::new(&[300]).with_values(&arms)?))
}
